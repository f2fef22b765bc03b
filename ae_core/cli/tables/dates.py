"""Dates as CSV has them, and the days since 1970 that stand for them."""

import datetime
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from ..._typing import Array

EPOCH = datetime.datetime(1970, 1, 1)
FIRST_DAY, LAST_DAY = -719_162, 2_932_897
"""Days from 1970 to the years 1 and 10 000, between which dates have a year of four digits."""
DAY = datetime.timedelta(days=1)

ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?)?", re.ASCII
)
OTHERS = re.compile(
    r"\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}([ T].*)?|\d{1,2}[ .-]+[^\W\d]{3,9}[ .-]+\d{2,4}"
    r"|[^\W\d]{3,9}\.? \d{1,2}, \d{4}"
)
"""Dates that could be meant in several ways, or are written in words."""


def days_of(text: str) -> float | None:
    """The days from 1970 to a date, UTC where it has an offset; None for what is no date."""
    if ISO.fullmatch(text) is None:
        return None
    try:
        date = datetime.datetime.fromisoformat(text)
        if date.tzinfo is not None:
            date = date.astimezone(datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return (date - EPOCH) / DAY


def with_times(frame: Any, dates: Iterable[str]) -> dict[str, bool]:
    """Whether columns of days have parts of days."""
    return {name: bool((np.asarray(frame[name], np.float64) % 1 > 0).any()) for name in dates}


def dates_of(days: Array, has_time: bool) -> Array:
    """The dates of days since 1970, (n_rows,): to the second, or to the day without times.

    None where a number is missing, or beyond the calendar.
    """
    known = (days >= FIRST_DAY) & (days < LAST_DAY)  # NaN is not
    days = np.where(known, days, 0.0)
    if has_time:
        dates = np.rint(days * 86400).astype("datetime64[s]")
    else:
        dates = np.rint(days).astype("datetime64[D]")
    dates[~known] = np.datetime64("NaT")
    return dates


def seems_a_date(text: str) -> bool:
    """Whether a text looks like a date that `days_of` does not read."""
    return days_of(text.strip()) is None and OTHERS.fullmatch(text.strip()) is not None
