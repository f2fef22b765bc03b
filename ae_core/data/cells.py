"""Single entries of tables that are Python objects: numbers, `Decimal`, what says it is missing."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, time, timedelta
from typing import Any, NoReturn

import numpy as np

from .._typing import Array
from ..basics.arguments import shown

SHOWN = 40
"""Characters of an entry that an error shows."""

DATES = ("datetime64", "timedelta64", "Period")
"""NumPy's and pandas' types, by name, that are no numbers; the first two can be cast to floats."""

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
    kinds = set(map(type, values.ravel()))
    with suppress(TypeError, ValueError, OverflowError):  # of what is missing, perhaps
        if not any(kind.__name__ in DATES or issubclass(kind, date | timedelta) for kind in kinds):
            return np.asarray(values.astype(np.float64))
    floats = np.empty(values.shape)
    for place, value in np.ndenumerate(values):
        try:
            if type(value).__name__ in DATES:
                raise ValueError
            floats[place] = np.nan if is_missing(value) else float(value)
        except (TypeError, ValueError, OverflowError):
            _refuse(value, cell(place), advice)
    return floats


def _refuse(value: Any, cell: str, advice: str) -> NoReturn:
    what = f"{cell} is {shown(value)[:SHOWN]}"
    if isinstance(value, str | bytes):
        raise ValueError(f"{what}, which is no number: {advice}")
    if isinstance(value, int):
        raise ValueError(f"{what}, which is beyond the numbers that a float can hold")
    if isinstance(value, date | time | timedelta) or type(value).__name__ in DATES:
        raise ValueError(
            f"{what}, which is no number: turn dates into numbers first, such as the days since one"
        )
    raise TypeError(
        f"{what}, of type {type(value).__name__}: an entry of this argument must be no string or "
        "other object but a number"
    )
