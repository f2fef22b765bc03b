"""Single entries of tables that are Python objects: numbers, `Decimal`, what says it is missing."""

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .._typing import Array

MISSING = ("NoneType", "NAType", "NaTType", "MaskedConstant")
"""Types of which each value says that there is none: of Python, pandas and NumPy."""


def is_missing(value: Any) -> bool:
    """Whether an entry says that it is missing: None, NaN, pandas' NA and NaT, a masked one."""
    return type(value).__name__ in MISSING or (isinstance(value, float) and value != value)


def floats_of(values: Array, cell: Callable[[tuple[int, ...]], str], advice: str) -> Array:
    """Objects (m,) or (m, n) as float64, NaN where missing. Text that says a number is one.

    Parameters
    ----------
    values : array of dtype object
    cell : function
        Of an entry's place; gives how an error calls the entry.
    advice : str
        What to do about text.

    Raises
    ------
    ValueError
        Naming the first text that says no number.
    TypeError
        Naming the first entry that is neither number nor text.
    """
    try:
        return np.asarray(values.astype(np.float64))
    except (TypeError, ValueError):  # what is missing may be all that is the matter
        pass
    floats = np.empty(values.shape)
    for place, value in np.ndenumerate(values):
        try:
            floats[place] = np.nan if is_missing(value) else float(value)
        except (TypeError, ValueError, OverflowError):
            _refuse(value, cell(place), advice)
    return floats


def _refuse(value: Any, cell: str, advice: str) -> NoReturn:
    shown = repr(value)
    shown = shown if len(shown) <= 40 else shown[:37] + "…"
    if isinstance(value, str | bytes):
        raise ValueError(f"{cell} is {shown}, which is no number: {advice}")
    raise TypeError(
        f"{cell} is {shown}, of type {type(value).__name__}: an entry of this argument must be no "
        "string or other object but a number"
    )
