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
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 <= float(value) < math.inf:  # type: ignore[arg-type]
        raise ValueError(f"{argument}={value!r}: must be a finite number of at least 0")
    return float(value)  # type: ignore[arg-type]


def checked_share(argument: str, value: object, *, least: float = 0.0) -> float:
    """A number of at least 0 (or above `least`) and below 1."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not least <= float(value) < 1:  # type: ignore[arg-type]
        raise ValueError(f"{argument}={value!r}: must be at least {least:g} and below 1")
    return float(value)  # type: ignore[arg-type]
