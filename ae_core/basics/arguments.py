"""Checks of arguments: one clear error that names the argument, its value and what is allowed."""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any


def check_name(argument: str, value: object, registry: Iterable[str]) -> str:
    """One of the registry's names."""
    if not isinstance(value, str) or value not in registry:
        raise ValueError(f"{argument}={value!r}: must be one of {', '.join(sorted(registry))}")
    return value


def as_tuple(argument: str, value: Any) -> tuple[Any, ...]:
    """Any sequence but a string, as a tuple."""
    try:
        if isinstance(value, str):
            raise TypeError
        return tuple(value)
    except TypeError:
        raise ValueError(f"{argument}={value!r}: must be a sequence") from None


def checked_int(argument: str, value: object) -> int:
    """An integer, and not True or False."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ValueError(f"{argument}={value!r}: must be an integer")
    return int(value)


def checked_bool(argument: str, value: object) -> bool:
    """True or False; anything else (1, "no") is a mistake worth naming."""
    if type(value).__name__ not in ("bool", "bool_"):  # numpy's is no subclass of Python's
        raise ValueError(f"{argument}={value!r}: must be True or False")
    return bool(value)


def checked_strength(argument: str, value: object) -> float:
    """A finite number of at least 0."""
    number = _as_float(value)
    if not 0 <= number < math.inf:
        raise ValueError(f"{argument}={value!r}: must be a finite number of at least 0")
    return number


def checked_share(argument: str, value: object, *, least: float = 0.0) -> float:
    """A number of at least 0 (or above `least`) and below 1."""
    number = _as_float(value)
    if not least <= number < 1:
        raise ValueError(f"{argument}={value!r}: must be at least {least:g} and below 1")
    return number


def _as_float(value: object) -> float:
    """A number as a float; NaN for what is none, and infinity for an integer beyond all floats."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf
