"""What a table is once it is read, and which columns of a file go into it.

All messages say what can be done on the command line, because that is where tables are read. They
stay short, whatever a file is like.
"""

import difflib
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..._typing import Array
from ...files.table_file import NAME_ROOM as NAME_ROOM
from ...files.table_file import TableError as TableError
from ...files.table_file import short as short

NAMES_ROOM = 90
"""Characters for names in a message; there is always room for one."""
LIKELY_NAMES = 5000
"""Names among which the likeliest is looked for."""
ROWS_AT_ONCE = 1 << 16
"""Rows that are read, looked at or written at a time."""

NO_VALUE = "has no value"
"""What is wrong with a value that is missing."""


class Kept(NamedTuple):
    """A column that nothing is learned from, and that goes into the output as it is."""

    place: int
    """In the file."""
    name: str
    values: Any
    """An array of NumPy's or Arrow's, (n_rows,)."""

    def at(self, rows: Any) -> Any:
        """The values of some rows: a slice, or an array of their numbers."""
        is_array = isinstance(self.values, np.ndarray) or isinstance(rows, slice)
        return self.values[rows] if is_array else self.values.take(rows)


@dataclass(frozen=True, eq=False)
class Table:
    """A table, with the names of its columns."""

    names: list[str]
    values: Any
    """(n_rows, n_columns): an array of floats; of ``.npy`` files one of any numbers, memory-mapped;
    of mixed columns a DataFrame."""
    named: bool = True
    """Whether the file has names; else `names` are the columns' numbers, counted from 0."""
    places: list[int] = field(default_factory=list)
    """In the file, of each column; empty: they are all, in their order."""
    kept: list[Kept] = field(default_factory=list)
    dates: Mapping[str, bool] = field(default_factory=dict)
    """Columns whose numbers are days since 1970, and were dates in the file: whether with times."""
    beside: Any = None
    """Other columns of the same rows, a DataFrame, where these were wanted."""


Choice = Callable[[list[str], bool], list[int]]
"""Given the names in a file, and whether they are real names: the places of the wanted columns."""
Keeping = Callable[[list[str], list[int]], list[int]]
"""Given the names in a file and the places of the chosen: the places of columns to keep."""


class SameNames(TableError):
    """Several columns have one name."""


class Advice(NamedTuple):
    """What a command can do about values that it can't use, as the ends of sentences."""

    missing: str = "; or fit with --missing, to learn from the rest"
    others: str = ", or read dates and categories with --mixed"
    """For columns that are not numbers."""
    can_drop: bool = True
    """Whether columns can be left out."""
    can_be_unseen: bool = True
    """Whether a fit with --missing would take other categories for unseen."""


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a table."""

    choose: Choice
    dtype: Any = np.float64
    """Of the array: float64 or float32."""
    missing: bool = False
    """Whether values may be missing."""
    mixed: Any = None
    """None: numbers alone. True: columns of any kind; or the encoding that says which."""
    keep: Keeping = lambda names, chosen: []
    advice: Advice = field(default_factory=Advice)
    any_text: bool = False
    """Whether text may be any, and columns may have no names: they are only looked at."""
    beside: "Wanted | None" = None
    """Other columns of the same rows, which are read in a pass of their own."""


def chosen_columns(columns: Sequence[str] | None = None, drop: Sequence[str] = ()) -> Choice:
    """The choice of the columns named (all, for None) but those to drop.

    The choice raises `TableError` for names that the file does not have, or has twice, and when
    nothing is left.
    """

    def choose(names: list[str], named: bool) -> list[int]:
        places = places_of(names)
        for asked in (columns or (), drop):
            check_known(asked, names, places)
        dropped = set(drop)
        wanted = [i for i, name in enumerate(names) if name not in dropped]
        if columns is not None:
            wanted = [places[name] for name in dict.fromkeys(columns) if name not in dropped]
        if not wanted:
            raise TableError("no column is left to read")
        check_unique([names[i] for i in wanted], names)
        return wanted

    return choose


def places_of(names: Sequence[str]) -> dict[str, int]:
    """Where each name stands first."""
    return {names[i]: i for i in reversed(range(len(names)))}


def check_known(asked: Sequence[str], names: Sequence[str], places: dict[str, int]) -> None:
    """Refuse names that are not there.

    Raises
    ------
    TableError
    """
    unknown = [name for name in asked if name not in places]
    if unknown:
        raise TableError(f"there is no column {listed(unknown)}{instead(unknown, names)}")


def check_unique(wanted: Sequence[str], names: Sequence[str]) -> None:
    """Refuse names that stand for several columns.

    Raises
    ------
    TableError
    """
    counts = Counter(names)
    twice = [name for name in dict.fromkeys(wanted) if counts[name] > 1]
    if twice:
        is_all = len(dict.fromkeys(wanted)) == len(twice)
        drop = "" if is_all else f", or leave them out with {drop_option(twice)}"
        raise SameNames(f"several columns are called {listed(twice)}: rename them{drop}")


def instead(unknown: Sequence[str], names: Sequence[str]) -> str:
    """What to take instead of names that are not there."""
    likely = names[:LIKELY_NAMES] if len(unknown[0]) <= 2 * NAME_ROOM else ()
    close = difflib.get_close_matches(unknown[0], likely, n=1)
    if close:
        return f"; is {short(close[0])} meant?"
    return f"; there are {listed(names)}"


def _those_with_room(texts: Iterable[str], room: int) -> list[str]:
    """The first of the texts: one, and as many more as fit into that many characters."""
    some: list[str] = []
    for text in texts:
        if some and sum(map(len, some)) + len(text) > room:
            break
        some.append(text)
    return some


def listed(names: Sequence[object], room: int = NAMES_ROOM) -> str:
    """Some of the names, quoted, and how many more there are."""
    some = _those_with_room(map(short, names), room)
    n_more = len(names) - len(some)
    return ", ".join(some) + (f" and {n_more} more" if n_more else "")


def drop_option(names: Sequence[str], room: int = NAMES_ROOM) -> str:
    """The option that leaves out those columns, as it can be typed."""
    some = _those_with_room(map(quoted_name, names), room)
    if len(some[0]) > room or not some[0].isprintable():
        return "--columns, which names those to read"
    return f"--drop {shlex.quote(','.join(some))}" + (",…" if len(some) < len(names) else "")


def quoted_name(name: str) -> str:
    """A column's name as --columns, --drop and --keep read it."""
    if "," in name or name.startswith('"') or name != name.strip():
        return '"' + name.replace('"', '""') + '"'
    return name


def not_numbers(examples: Mapping[str, tuple[str, object]], advice: Advice) -> TableError:
    """The error for columns that are not numbers: name → (place of a value, the value)."""
    names = list(examples)
    shown = (
        f"{short(name, 24)} ({place}: {short(value, 24)})"
        for name, (place, value) in examples.items()
    )
    some = _those_with_room(shown, NAMES_ROOM)
    more = f" and {len(names) - len(some)} more" if len(some) < len(names) else ""
    drop = f"; leave out with {drop_option(names, 60)}" if advice.can_drop else ""
    return TableError(f"not numbers: column {', '.join(some)}{more}{drop}{advice.others}")


def bad_value(
    name: str, place: str, what: str, advice: Advice, needed: str = "a number"
) -> TableError:
    """The error for one value that can't be used."""
    ways = f"put {needed} there, or leave out the row"
    if advice.can_drop:
        ways = f"put {needed} there, leave out the row, or leave out the column with "
        ways += drop_option([name])
    missing = advice.missing if what == NO_VALUE else ""
    return TableError(f"column {short(name)}, {place}, {what}: {ways}{missing}")


def check_finite(
    array: Array, names: list[str], missing: bool, advice: Advice, n_before: int = 0
) -> None:
    """Refuse infinities, and NaN unless values may be missing; names the first.

    Raises
    ------
    TableError
    """
    if array.dtype.kind != "f":
        return
    for start in range(0, len(array), ROWS_AT_ONCE):
        some = array[start : start + ROWS_AT_ONCE]
        bad = np.isinf(some) if missing else ~np.isfinite(some)
        if bad.any():
            row, place = np.argwhere(bad)[0]
            value = array[start + row, place]
            what = NO_VALUE if np.isnan(value) else f"is {value}"
            raise bad_value(names[place], f"row {n_before + start + row + 1}", what, advice)
