"""The model layer against a real llama.cpp server."""
