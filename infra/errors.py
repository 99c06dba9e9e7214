"""Name the root of every error that explains itself.

A subclass says its exit code; its message says what, where, what is allowed and what to do.
Anything else that reaches the command line is our bug.
"""


class TenantError(Exception):
    """Root of all errors with a message for the engineer. exit_code: of the console script."""

    exit_code = 4
