"""Populations grown from nothing: plans settled into tasks, the processes that do them, and
members nobody trains."""
