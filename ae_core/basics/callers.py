"""Whose line a warning is about: that of the code that called this package."""

import sys

PACKAGE = __name__.partition(".")[0]


def level_outside() -> int:
    """The ``stacklevel`` of a warning that this function's caller issues: the first line not of us.

    Between the user and a warning are as many calls of ours as there are decorators and helpers.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back and f"{frame.f_globals.get('__name__')}.".startswith(f"{PACKAGE}."):
        frame, level = frame.f_back, level + 1
    return level
