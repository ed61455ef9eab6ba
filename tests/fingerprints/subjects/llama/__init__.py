"""GGUF files by llama.cpp: its interface, its tokens, its answers."""
