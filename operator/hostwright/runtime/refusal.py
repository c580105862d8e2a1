"""A start that only a person can mend: told in one sentence with the remedy, and without a traceback."""


class StartRefusedError(Exception):
    """What is wrong, and what to do."""
