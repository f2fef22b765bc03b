"""What is notable about the columns of a table, whatever is learned from it.

Values that stand for missing ones, columns without any value, columns that repeat another, row
numbers and dates among the numbers. Each is told in a wide gap from what healthy tables have.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._typing import Array
from .reconstruction import evenly

ENTRIES = 2_000_000
"""A table is looked at in at most as many rows, evenly spaced, as have this many entries."""
FEWEST_ROWS = 20
"""Of fewer rows, numbers look like anything."""
FEWEST_DISTINCT = 10
"""A column of fewer values, beside the one in question, is a grade or a flag."""
REPEATED, REPEATED_SHARE = 5, 0.005
"""How many rows, and which share of them, have a value that stands for something else, …"""
REPEATED_CODE = 2
"""The same for a code far from all other values, however many rows there are."""
AT_MOST, MOST_OF_A_CODE = 0.6, 0.95
"""… and the share from which it is what the column usually is; the second for a code."""
FAR = 1.0
"""Of the range of all other values: how far a value lies from them."""
FAR_OF_A_CODE = 0.3
"""The same for a number that people write for 'missing'."""
FAR_OF_GRADES = 5.0
"""The same in a column of few values."""
MOST_OF_ZERO = 0.2
"""Share of the rows from which 0 is an amount that there often is none of."""
NO_NEIGHBOUR = 2.0
"""Times as often as the next value: -1 below counts that begin at 0 is no count any more."""
CODES = frozenset(
    float(sign * int(digit * n))
    for digit in "89"
    for n in range(1, 8)
    for sign in (-1, 1)
    if sign < 0 or n > 2
) | {-1.0}
"""-1, -9, -99, -999, 999, 9999, -8888 …: what people write for 'missing'."""
CODES_AMONG_GRADES = CODES | {99.0, 88.0}
"""The same where all other values are few and small."""
FAR_FROM_ALL = "far from all its other values"
SMALLEST_AMONG_GRADES = 88.0
"""What is added to `CODES` there; of such a column smaller numbers are grades."""
LARGE_CODE = 99.0
"""From this size on a code is one even among values around it, if these are hardly ever equal."""
NEVER_THE_SAME = 0.9
"""Share of distinct values of a column that is measured, not counted."""
USED = 0.05
"""Share of the rows in which a column is not its most frequent value; else two columns that are
nearly always 0 may be the same by chance."""
FOLLOWS, NEARLY_FOLLOWS = 1e-9, 1e-4
"""1 - |correlation| of two columns of which one is the other times a number, plus a number; the
second where it is so but for rounding or a little noise."""
INNER, PAIRS = 0.97, 1000
"""Share of the rows, and how many pairs at most, by which that is looked at again."""
SEEN_TOGETHER = 0.5
"""Share of the rows in which both of two columns with missing entries have to be seen."""
COMPARED_WITH_GAPS = 200
"""Columns of which that is looked at: it takes several products of their table."""
COMPARED = 1000
"""Columns of which the correlations are looked at: their number grows with the square."""

ID_NAMES = re.compile(
    r"(^|[_\W])(?i:id|idx|index|key|uuid|row|rowid|row_?(no|nr|num|number))$|[a-z](Id|ID|Key)$"
)
DAYS = (19000101, 21001231)
"""Dates written as one number, year, month and day."""
SECONDS = (9.4e8, 2.1e9)  # late in 1999 … 2036, since 1970; other numbers are seldom just there
UNITS = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
DATE_NAMES = re.compile(r"(^|[_\W])(?i:date|day|datum|dob)($|[_\W\d])|[a-z]Date$")
TIME_NAMES = re.compile(r"(^|[_\W])(?i:time|timestamp|ts|epoch)($|[_\W\d])|[a-z]Time(stamp)?$")
SHEET_DAYS = (10_000, 80_000)  # 1927 … 2119, in days since 1900 as spreadsheets have them
NOT_A_COUNT = 86400.0
"""Seconds: numbers of that size that differ by less than a day in all are something else."""


Pair = tuple[int, int]


@dataclass(frozen=True)
class Sentinel:
    """A value that stands for something else, most likely for 'missing'."""

    column: int
    value: float
    share: float
    """Of the rows."""
    why: str
    """What sets it apart from the other values, to end a sentence with."""


@dataclass
class TableFacts:
    """Columns by what is notable about them, as numbers from 0."""

    names: tuple[str, ...]
    missing: list[int]
    """Columns of which every entry is missing."""
    sentinels: list[Sentinel] = field(default_factory=list)
    duplicates: list[list[int]] = field(default_factory=list)
    """Groups of columns with the same values."""
    multiples: list[Pair] = field(default_factory=list)
    """Pairs of which one is the other times a number, plus a number."""
    near_copies: list[Pair] = field(default_factory=list)
    """Pairs of which that is nearly so."""
    same_where_seen: list[Pair] = field(default_factory=list)
    """Pairs that are equal wherever both are seen, where not all is."""
    ids: list[int] = field(default_factory=list)
    """Columns that number the rows."""
    named_ids: list[int] = field(default_factory=list)
    """Columns of whole numbers, no two the same, that are called an identifier."""
    dates: list[tuple[int, str]] = field(default_factory=list)
    """Columns of points in time, and as what they are written."""


def table_facts(
    X: Array,
    names: tuple[str, ...],
    n_rows: int,
    sources: Array | None = None,
) -> TableFacts:
    """What is notable about the columns of X (m, n), of which NaN is missing.

    Parameters
    ----------
    X : array of shape (m, n)
        In the user's units: of scaled columns nobody sees that they were dates.
    names : tuple of str, n of them
    n_rows : int
        How many rows there are, of which X may be some, evenly spaced.
    sources : array of int, shape (n,), optional
        Which column of the table each was made of: that a category is what all others are not says
        nothing.
    """
    m, n = X.shape
    at_most = max(FEWEST_ROWS, ENTRIES // max(1, n))
    if m > at_most:
        X = X[evenly(m, at_most)]
    is_seen = ~np.isnan(X)
    facts = TableFacts(names, missing=np.flatnonzero(~is_seen.any(axis=0)).tolist())
    used = []
    for column in range(n):
        values = X[is_seen[:, column], column]
        if len(values) < FEWEST_ROWS:
            continue
        distinct, counts = np.unique(values, return_counts=True)
        if counts.max() <= (1 - USED) * len(values):
            used.append(column)
        found = _sentinel(distinct, counts)
        written = _written_as(distinct, names[column])
        if found is not None:
            facts.sentinels.append(Sentinel(column, found[0], float(found[1] / len(X)), found[2]))
        elif written:
            facts.dates.append((column, written))
        elif len(distinct) == len(values) and _are_whole(values):
            if _number_rows(values, n_rows):
                facts.ids.append(column)
            elif ID_NAMES.search(names[column]):
                facts.named_ids.append(column)
    facts.duplicates = _duplicates(X, used, sources)
    repeated = {column for group in facts.duplicates for column in group[1:]}
    single = np.array([column for column in used if column not in repeated], dtype=np.intp)
    facts.multiples, facts.near_copies = _multiples(X, single, sources)
    facts.same_where_seen = _same_where_seen(X, single)
    return facts


def _sentinel(distinct: Array, counts: Array) -> tuple[float, int, str] | None:
    """The value that stands for something else, in how many rows, and what sets it apart."""
    total = int(counts.sum())
    if len(distinct) < 3:
        return None
    # Whether, but for the value that is looked at, hardly any is ever the same.
    place = int(counts.argmax())
    once = len(distinct) - 1 > NEVER_THE_SAME * (total - int(counts[place]))
    for end, beside in ((0, 1), (-1, -2)):
        value, others, n = float(distinct[end]), np.delete(distinct, end), int(counts[end])
        gap, width = abs(float(distinct[beside]) - value), float(others[-1] - others[0])
        is_code, is_far = value in CODES, gap > FAR * width
        if value == 0 and n > MOST_OF_ZERO * total:
            continue
        is_seldom = is_code and is_far and abs(value) >= LARGE_CODE and n >= REPEATED_CODE
        if not _is_repeated(n, total, is_code, is_seldom):
            continue
        only_negative = value < 0 <= others[0]
        if len(distinct) <= FEWEST_DISTINCT:
            # Among grades and flags a code is still one, when it is far from all of them.
            is_far = gap > FAR_OF_GRADES * width and abs(value) >= SMALLEST_AMONG_GRADES
            if value in CODES_AMONG_GRADES and is_far:
                return value, n, FAR_FROM_ALL
            if is_code and only_negative and value < -1 and gap > width:
                return value, n, "the only negative one"
            continue
        if is_far or (is_code and gap > FAR_OF_A_CODE * width):
            return value, n, FAR_FROM_ALL
        if only_negative and once and counts[place] == n:
            return value, n, "the only negative one, and no other value is there twice"
        if not (only_negative and is_code):
            continue
        if value <= -LARGE_CODE or gap >= 1 + np.median(np.diff(others)):
            return value, n, "the only negative one"
        if others[0] == 0 and _are_whole(others) and n > NO_NEIGHBOUR * counts[1]:
            return value, n, "the only negative one, and more often than 0"
    # Among the others, but the only one that is ever the same.
    value = float(distinct[place])
    is_code = value in CODES and abs(value) >= LARGE_CODE
    if is_code and once and _is_repeated(int(counts[place]), total, True):
        return value, int(counts[place]), "and no other value is there twice"
    return None


def _are_whole(values: Array) -> bool:
    return bool((values == np.round(values)).all())


def _is_repeated(count: int, total: int, is_code: bool, is_seldom: bool = False) -> bool:
    at_most = MOST_OF_A_CODE if is_code else AT_MOST
    if is_seldom:
        return count <= at_most * total
    return max(REPEATED, REPEATED_SHARE * total) <= count <= at_most * total


def _written_as(distinct: Array, name: str) -> str:
    """As what a column of points in time is written; '' for any other column."""
    if len(distinct) < FEWEST_DISTINCT:
        return ""
    low, high = float(distinct[0]), float(distinct[-1])
    if not _are_whole(distinct):  # a clock's fractions of a second, if it is called one
        is_clock = TIME_NAMES.search(name) and SECONDS[0] <= low and high <= SECONDS[1]
        return "seconds since 1970" if is_clock and high - low >= NOT_A_COUNT else ""
    if DAYS[0] <= low and high <= DAYS[1]:
        months, days = distinct // 100 % 100, distinct % 100
        is_date = (months >= 1) & (months <= 12) & (days >= 1) & (days <= 31)
        return "year, month and day in one number" if is_date.all() else ""
    if DATE_NAMES.search(name) and SHEET_DAYS[0] <= low and high <= SHEET_DAYS[1]:
        return "days since 1900"
    for called, unit in UNITS.items():
        if unit * SECONDS[0] <= low and high <= unit * SECONDS[1]:
            return f"{called} since 1970" if high - low >= unit * NOT_A_COUNT else ""
    return ""


def _number_rows(values: Array, n_rows: int) -> bool:
    """Whether whole numbers, no two of them the same, number the rows."""
    steps = np.diff(values)
    counts_on = bool((np.abs(steps - steps.mean()) <= 1).all()) and abs(steps.mean()) >= 1
    as_many_as_rows = float(values.max() - values.min()) <= n_rows + 1
    return as_many_as_rows and (counts_on or len(values) == n_rows)


def _is_of_one(columns: Sequence[int], sources: Array | None) -> bool:
    """Whether all these columns were made of one."""
    return sources is not None and len(set(sources[list(columns)].tolist())) == 1


def _duplicates(X: Array, which: list[int], sources: Array | None) -> list[list[int]]:
    groups: dict[Any, list[int]] = {}
    for column in which:
        # One zero, not two; NaN has many bit patterns.
        values = np.where(np.isnan(X[:, column]), np.nan, X[:, column] + 0.0)
        groups.setdefault(values.tobytes(), []).append(column)
    several = (group for group in groups.values() if len(group) > 1)
    return [group for group in several if not _is_of_one(group, sources)]


def _multiples(X: Array, which: Array, sources: Array | None) -> tuple[list[Pair], list[Pair]]:
    """Pairs of columns of which one follows from the other, and those that nearly do."""
    which = which[~np.isnan(X[:, which]).any(axis=0)]
    if not 2 <= len(which) <= COMPARED:
        return [], []
    part = X[:, which]
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        centred = part - part.mean(axis=0)
        standard = centred / np.sqrt((centred**2).sum(axis=0))
        beyond = 1 - np.abs(standard.T @ standard)
    exact: list[Pair] = []
    nearly: list[Pair] = []
    for i, j in np.argwhere(np.triu(beyond < NEARLY_FOLLOWS, 1))[:PAIRS]:
        pair = int(which[i]), int(which[j])
        inner = _without_the_farthest(part[:, i], part[:, j])
        if inner < NEARLY_FOLLOWS and not _is_of_one(pair, sources):
            (exact if max(inner, beyond[i, j]) < FOLLOWS else nearly).append(pair)
    return exact, nearly


def _without_the_farthest(x: Array, y: Array) -> float:
    """1 - |correlation| of x and y (m,), without the rows that are farthest out in either.

    One row that is far out in both makes any two columns correlated.
    """
    away = [np.abs(values - np.median(values)) for values in (x, y)]
    inner = (away[0] <= np.quantile(away[0], INNER)) & (away[1] <= np.quantile(away[1], INNER))
    x, y = x[inner] - x[inner].mean(), y[inner] - y[inner].mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return 1 - abs(float(x @ y)) / size if size > 0 else math.inf


def _same_where_seen(X: Array, which: Array) -> list[Pair]:
    """Pairs of columns, not all of them seen everywhere, that are equal wherever both are seen."""
    part = X[:, which]
    is_seen = ~np.isnan(part)
    has_gaps = ~is_seen.all(axis=0)
    if not has_gaps.any() or len(which) > COMPARED_WITH_GAPS:
        return []
    found: dict[Pair, None] = {}  # in the order of the first of their columns with gaps
    for i in np.flatnonzero(has_gaps):
        both = is_seen & is_seen[:, [i]]
        is_same = ((part == part[:, [i]]) | ~both).all(axis=0)
        for j in np.flatnonzero(is_same & (both.mean(axis=0) >= SEEN_TOGETHER)):
            if j != i:
                found[int(which[min(i, j)]), int(which[max(i, j)])] = None
    return list(found)
