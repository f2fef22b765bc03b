"""Hand the rows of a table to an estimator, part by part."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..basics.extras import optional
from .tables.columns import Table

ENTRIES_AT_ONCE = 1 << 20
"""Commands go through a table in parts of so many entries."""


def framed(values: Any, names: Any) -> Any:
    """Rows with the names of their columns, as estimators want them; without a copy."""
    if names is None or hasattr(values, "iloc"):
        return values
    pandas = optional("pandas", "column names", "cli")
    return pandas.DataFrame(values, columns=list(names), copy=False)


class Part(NamedTuple):
    """Some rows of a table, in the form that a model takes."""

    start: int
    """The number of the first row, where the rows follow each other."""
    rows: Any
    beside: dict[str, Any]
    """Keyword arguments for the model's methods, such as covariates."""


def parts(model: Any, table: Table) -> Iterator[Part]:
    """Go through the table in parts."""
    height = max(1, ENTRIES_AT_ONCE // table.values.shape[1])
    for start in range(0, len(table.values), height):
        yield part_of(model, table, slice(start, start + height), start)


def part_of(model: Any, table: Table, which: Any, start: int = 0) -> Part:
    """The chosen rows of a table."""
    rows = rows_of(table.values, which, getattr(model, "feature_names_in_", None))
    beside = {} if table.beside is None else {"covariates": table.beside.iloc[which]}
    return Part(start, rows, beside)


def rows_of(values: Any, which: Any, names: Any) -> Any:
    """The chosen rows of a table, in the form that estimators take."""
    return values.iloc[which] if hasattr(values, "iloc") else framed(values[which], names)
