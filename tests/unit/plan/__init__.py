"""Claims about compiling a record: arithmetic and rules, no deployment."""
