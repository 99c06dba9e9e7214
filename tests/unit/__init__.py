"""Claims that need no lab."""
