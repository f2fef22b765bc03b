"""What an answer has to be: finite and of its shape, or an error in our words."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ae_core
from ae_core.basics.shown import LONGEST

OURS = Path(ae_core.__file__).parent
CHECKS_OF_SCIKIT_LEARN = ("validation.py", "_available_if.py", "_set_output.py", "base.py")
OTHER_NAMES = "The feature names should match those that were passed during fit.\n"
ERRORS = (ValueError, TypeError, AttributeError, ArithmeticError)
"""What estimators document; an AttributeError only where a method is not to be had."""


class Refused(Exception):
    """An input was refused as documented."""


def whose(error: BaseException) -> str:
    """Of what the frame is that raised it: 'ours', "scikit-learn's" checks, or another's file."""
    last = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
    if last.is_relative_to(OURS):
        return "ours"
    if "sklearn" in last.parts and last.name in CHECKS_OF_SCIKIT_LEARN:
        return "scikit-learn's"
    return last.name


def asked(call: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """What a call gives; Refused for a documented error, and AssertionError for any other."""
    try:
        return call(*arguments, **named)
    except ERRORS as error:
        message = str(error)
        what = f"{type(error).__name__}: {message[: 2 * LONGEST]}"
        if type(error) not in (ValueError, TypeError) and isinstance(error, LookupError):
            raise
        source = whose(error)
        if source == "scikit-learn's":
            raise Refused(what) from error
        if source == "ours" and message.startswith(OTHER_NAMES):  # one a line, as its contract asks
            assert message.replace("\n", "").isprintable(), f"raw control characters: {what!r}"
            raise Refused(what) from error
        if source != "ours":
            raise AssertionError(f"another library's words ({source}): {what}") from error
        if len(message) > LONGEST:
            raise AssertionError(f"{len(message)} characters: {what}") from error
        if "\n" in message or not message.isprintable():
            raise AssertionError(f"not one printable line: {what!r}") from error
        raise Refused(what) from error
