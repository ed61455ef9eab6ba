"""Populations grown from nothing: plans, tasks, and the processes that do them."""
