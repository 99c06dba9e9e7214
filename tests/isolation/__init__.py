"""Saboteurs: what is broken on purpose, and the attack cases that must turn red for it."""
