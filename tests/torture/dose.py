"""How much of a fault a test gives: a little in every run of the suite, the whole dose in `make torture`."""

import os

IS_WHOLE = bool(os.environ.get("BUTINE_TESTS_WHOLE_DOSE"))


def dose(whole: int, short: int) -> int:
    """How many times to do it."""
    return whole if IS_WHOLE else short
