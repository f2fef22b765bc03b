"""Whose line a warning is about: that of the code that called this package."""

import sys

PACKAGE = __name__.partition(".")[0]


def level_outside() -> int:
    """The ``stacklevel`` for a warning that the caller issues: the first line outside the package.

    How many frames lie between depends on decorators and helpers.
    """
    frame, level = sys._getframe(1), 1
    while frame.f_back and f"{frame.f_globals.get('__name__')}.".startswith(f"{PACKAGE}."):
        frame, level = frame.f_back, level + 1
    return level
