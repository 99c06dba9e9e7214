"""Saboteurs of the packet filters: what is done to them, and what the matrix must say of it."""
