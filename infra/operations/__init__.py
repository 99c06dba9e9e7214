"""Do one thing each to a tenant: initialise, configure, verify. Callable from the CLI."""
