"""What is notable about the columns of a table, whatever is learned from it.

Values that stand for missing ones, columns without any value, columns that repeat another, row
numbers and dates among the numbers. Each is told in a wide gap from what healthy tables have.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._typing import Array

ENTRIES = 2_000_000
"""A table is looked at in at most as many rows, evenly spaced, as have this many entries."""
FEWEST_ROWS = 20
"""Of fewer rows, numbers look like anything."""
FEWEST_DISTINCT = 10
"""A column of fewer values, beside the one in question, is a grade or a flag."""
REPEATED, REPEATED_SHARE = 5, 0.005
"""How many rows, and which share of them, have a value that stands for something else, …"""
AT_MOST, MOST_OF_A_CODE = 0.6, 0.95
"""… and the share from which it is what the column usually is; the second for a code."""
FAR = 1.0
"""Of the range of all other values: how far a value lies from them."""
FAR_OF_A_CODE = 0.3
"""The same for a number that people write for 'missing'."""
FAR_OF_GRADES = 5.0
"""The same in a column of few values."""
CODES = frozenset(
    float(sign * int(digit * n))
    for digit in "89"
    for n in range(1, 8)
    for sign in (-1, 1)
    if sign < 0 or n > 2
) | {-1.0}
"""-1, -9, -99, -999, 999, 9999, -8888 …: what people write for 'missing'."""
LARGE_CODE = 99.0
"""From this size on a code is one even among values around it, if these are hardly ever equal."""
NEVER_THE_SAME = 0.9
"""Share of distinct values of a column that is measured, not counted."""
USED = 0.05
"""Share of the rows in which a column is not its most frequent value; else two columns that are
nearly always 0 may be the same by chance."""
FOLLOWS = 1e-7
"""1 - |correlation| of two columns of which one is the other in other units."""
COMPARED = 1000
"""Columns of which the correlations are looked at: their number grows with the square."""

ID_NAMES = re.compile(r"(^|[_\W])(id|idx|index|key|uuid|row|rowid|row_?(no|nr|num|number))$", re.I)
DAYS = (19000101, 21001231)
"""Dates written as one number, year, month and day."""
SECONDS = (3.0e8, 4.2e9)  # 1979 … 2103, since 1970
NOT_A_COUNT = 86400.0
"""Seconds: numbers of that size that differ by less than a day in all are something else."""


@dataclass(frozen=True)
class Sentinel:
    """A value that stands for something else, most likely for 'missing'."""

    column: int
    value: float
    share: float
    """Of the rows."""
    is_alone: bool
    """Whether it lies outside all other values."""


@dataclass(frozen=True)
class TableFacts:
    """Columns by what is notable about them, as numbers from 0."""

    n_rows: int
    names: tuple[str, ...]
    missing: tuple[int, ...] = ()
    """Columns of which every entry is missing."""
    sentinels: tuple[Sentinel, ...] = ()
    duplicates: tuple[tuple[int, ...], ...] = ()
    """Groups of columns with the same values."""
    multiples: tuple[tuple[int, int], ...] = ()
    """Pairs of which one is the other times a number, plus a number."""
    ids: tuple[int, ...] = ()
    """Columns that number or name rows."""
    dates: tuple[tuple[int, str], ...] = ()
    """Columns of points in time, and as what they are written."""
    shares_missing: Array = field(default_factory=lambda: np.zeros(0))
    """(n,): share of the entries of each column that is missing."""


def table_facts(X: Array, names: tuple[str, ...], n_rows: int | None = None) -> TableFacts:
    """What is notable about the columns of X (m, n), of which NaN is missing.

    Parameters
    ----------
    X : array of shape (m, n)
        In the user's units: of scaled columns nobody sees that they were dates.
    names : tuple of str, n of them
    n_rows : int, optional
        How many rows there are, where X is some of them, evenly spaced.
    """
    m, n = X.shape
    n_rows = m if n_rows is None else n_rows
    at_most = max(FEWEST_ROWS, ENTRIES // max(1, n))
    if m > at_most:
        X = X[np.linspace(0, m - 1, at_most).round().astype(np.intp)]
    is_seen = ~np.isnan(X)
    missing = tuple(np.flatnonzero(~is_seen.any(axis=0)).tolist())
    shares = 1 - is_seen.mean(axis=0)
    if len(X) < FEWEST_ROWS:
        return TableFacts(n_rows, names, missing=missing, shares_missing=shares)
    sentinels, ids, dates, is_used = [], [], [], np.zeros(n, dtype=bool)
    for column in range(n):
        values = X[is_seen[:, column], column]
        if len(values) < FEWEST_ROWS:
            continue
        distinct, counts = np.unique(values, return_counts=True)
        is_used[column] = counts.max() <= (1 - USED) * len(values)
        found = _sentinel(distinct, counts)
        if found is not None:
            sentinels.append(Sentinel(column, found[0], float(found[1] / len(X)), found[2]))
            continue
        written = _written_as(distinct)
        if written:
            dates.append((column, written))
        elif _is_id(values, distinct, names[column], n_rows):
            ids.append(column)
    duplicates = _duplicates(X, np.flatnonzero(is_used))
    return TableFacts(
        n_rows=n_rows,
        names=names,
        missing=missing,
        sentinels=tuple(sentinels),
        duplicates=duplicates,
        multiples=_multiples(X, np.flatnonzero(is_used), duplicates),
        ids=tuple(ids),
        dates=tuple(dates),
        shares_missing=shares,
    )


def _sentinel(distinct: Array, counts: Array) -> tuple[float, int, bool] | None:
    """The value that stands for something else, in how many rows, and whether it is at an end."""
    total = int(counts.sum())
    if len(distinct) < 3:
        return None
    for end, beside in ((0, 1), (-1, -2)):
        value, others = float(distinct[end]), np.delete(distinct, end)
        gap, width = abs(float(distinct[beside]) - value), float(others[-1] - others[0])
        is_code = value in CODES
        if not _is_repeated(int(counts[end]), total, is_code):
            continue
        if len(distinct) <= FEWEST_DISTINCT:
            # Among grades and flags a code is still one, when it is far from all of them.
            if is_code and abs(value) >= LARGE_CODE and gap > FAR_OF_GRADES * width:
                return value, int(counts[end]), True
            continue
        only_negative = is_code and value < 0 <= others[0]
        if gap > FAR * width or (is_code and gap > FAR_OF_A_CODE * width):
            return value, int(counts[end]), True
        if only_negative and (value <= -LARGE_CODE or gap >= 1 + np.median(np.diff(others))):
            return value, int(counts[end]), True
    # Among the others, but the only one that is ever the same.
    place = int(counts.argmax())
    value = float(distinct[place])
    once = len(distinct) - 1 > NEVER_THE_SAME * (total - int(counts[place]))
    is_code = value in CODES and abs(value) >= LARGE_CODE
    if is_code and once and _is_repeated(int(counts[place]), total, True):
        return value, int(counts[place]), False
    return None


def _is_repeated(count: int, total: int, is_code: bool) -> bool:
    at_most = MOST_OF_A_CODE if is_code else AT_MOST
    return max(REPEATED, REPEATED_SHARE * total) <= count <= at_most * total


def _written_as(distinct: Array) -> str:
    """As what a column of points in time is written; '' for any other column."""
    if len(distinct) < FEWEST_DISTINCT or (distinct != np.round(distinct)).any():
        return ""
    low, high = float(distinct[0]), float(distinct[-1])
    if DAYS[0] <= low and high <= DAYS[1]:
        months, days = distinct // 100 % 100, distinct % 100
        is_date = (months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)
        return "year, month and day in one number" if is_date.all() else ""
    for unit, name in ((1.0, "seconds"), (1e3, "milliseconds"), (1e6, "microseconds"),
                       (1e9, "nanoseconds")):  # fmt: skip
        if unit * SECONDS[0] <= low and high <= unit * SECONDS[1]:
            return f"{name} since 1970" if high - low >= unit * NOT_A_COUNT else ""
    return ""


def _is_id(values: Array, distinct: Array, name: str, n_rows: int) -> bool:
    if len(distinct) < len(values) or (values != np.round(values)).any():
        return False
    if ID_NAMES.search(name):
        return True
    steps = np.diff(values)
    counts_on = bool((np.abs(steps - steps.mean()) <= 1).all()) and abs(steps.mean()) >= 1
    as_many_as_rows = float(distinct[-1] - distinct[0]) <= n_rows + 1
    return as_many_as_rows and (counts_on or len(values) == n_rows)


def _duplicates(X: Array, which: Array) -> tuple[tuple[int, ...], ...]:
    groups: dict[Any, list[int]] = {}
    for column in which:
        # One zero, not two; NaN has many bit patterns.
        values = np.where(np.isnan(X[:, column]), np.nan, X[:, column] + 0.0)
        groups.setdefault(values.tobytes(), []).append(int(column))
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _multiples(
    X: Array, which: Array, duplicates: tuple[tuple[int, ...], ...]
) -> tuple[tuple[int, int], ...]:
    repeated = {column for group in duplicates for column in group[1:]}
    which = np.array([c for c in which if c not in repeated and not np.isnan(X[:, c]).any()])
    if not 2 <= len(which) <= COMPARED:
        return ()
    part = X[:, which.astype(np.intp)]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        centred = part - part.mean(axis=0)
        standard = centred / np.sqrt((centred**2).sum(axis=0))
        correlation = np.abs(standard.T @ standard)
    pairs = np.argwhere(np.triu(correlation > 1 - FOLLOWS, 1))
    return tuple((int(which[i]), int(which[j])) for i, j in pairs)
