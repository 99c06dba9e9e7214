"""What can go wrong in the lab, as exceptions that know their exit code.

Responsible for the errors a user is told of; it must not print.
"""


class LabError(Exception):
    """The lab could not do what was asked; the message says what to do about it."""

    exit_code = 4


class LabInputError(LabError, ValueError):
    """What the user wrote is wrong: a name, a file."""

    exit_code = 2
