"""GGUF files answered by llama.cpp, in the file's own precision: no torch, a third of the
memory."""
