"""What a table is once it is read, which columns of a file go into it, and what is wrong with some.

All messages say what can be done on the command line, because that is where tables are read.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..._typing import Array

NAMES_SHOWN = 8
"""So many column names fit in an error."""

NO_VALUE = "has no value"
"""What is wrong with a value that is missing."""


class TableError(ValueError):
    """A file is no table of numbers; the message says where, and what to do."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table of numbers, with the names of its columns."""

    names: list[str]
    values: Array
    """(n_rows, n_columns): floats; of ``.npy`` files any numbers, memory-mapped."""
    named: bool = True
    """Whether the file has names; else `names` are the columns' numbers, counted from 0."""


Choice = Callable[[list[str], bool], list[int]]
"""Given the names in a file, and whether they are real names: the places of the wanted columns."""


def chosen_columns(columns: Sequence[str] | None = None, drop: Sequence[str] = ()) -> Choice:
    """The choice of the columns named (all, for None) but those to drop.

    The choice raises `TableError` for names that the file does not have, or has twice, and when
    nothing is left.
    """

    def choose(names: list[str], named: bool) -> list[int]:
        for asked in (columns or (), drop):
            unknown = [name for name in asked if name not in names]
            if unknown:
                raise TableError(f"there is no column {listed(unknown)}{instead(unknown, names)}")
        wanted = [i for i in range(len(names)) if names[i] not in drop]
        if columns is not None:
            wanted = [names.index(name) for name in dict.fromkeys(columns) if name not in drop]
        if not wanted:
            raise TableError("no column is left to read")
        check_unique([names[i] for i in wanted], names)
        return wanted

    return choose


def check_unique(wanted: list[str], names: list[str]) -> None:
    """Refuse names that stand for several columns.

    Raises
    ------
    TableError
    """
    twice = [name for name in dict.fromkeys(wanted) if names.count(name) > 1]
    if twice:
        raise TableError(
            f"several columns are called {listed(twice)}: rename them, or leave them out with "
            f"{drop_option(twice)}"
        )


def instead(unknown: Sequence[str], names: Sequence[str]) -> str:
    """What to take instead of names that are not there."""
    close = difflib.get_close_matches(unknown[0], names, n=1)
    if close:
        return f"; is {close[0]!r} meant?"
    return f"; there are {listed(names)}"


def listed(names: Sequence[object]) -> str:
    """Some of the names, quoted, and how many more there are."""
    shown = ", ".join(short(name) for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def short(value: object, at_most: int = 40) -> str:
    """A value as Python writes it, cut when long."""
    text = repr(value)
    return text if len(text) <= at_most else f"{text[: at_most - 2]}…{text[-1]}"


def drop_option(names: Sequence[str]) -> str:
    """The option that leaves out those columns, as it can be typed."""
    import shlex

    some = [f'"{name}"' if "," in name else name for name in names[:NAMES_SHOWN]]
    return f"--drop {shlex.quote(','.join(some))}" + (",…" if len(names) > NAMES_SHOWN else "")


def not_numbers(examples: dict[str, tuple[str, object]]) -> TableError:
    """The error for columns that are not numbers: name → (place of a value, the value)."""
    names = list(examples)
    shown = ", ".join(
        f"{short(name)} ({place}: {short(value)})"
        for name, (place, value) in list(examples.items())[:NAMES_SHOWN]
    )
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return TableError(
        f"not numbers: column {shown}{more}; leave out with {drop_option(names)}, or choose other "
        "columns with --columns"
    )


def bad_value(name: str, place: str, what: str) -> TableError:
    """The error for one value that can't be used."""
    holes = "; or fit with --missing, to learn from the rest" if what == NO_VALUE else ""
    return TableError(
        f"column {short(name)}, {place}, {what}: put a number there, leave out the row, or leave "
        f"out the column with {drop_option([name])}{holes}"
    )
