"""The rows of a table as estimators want them, some after others."""

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
    """Some rows of a table, as a model wants them."""

    start: int
    """Place of the first, where they follow each other."""
    rows: Any
    beside: dict[str, Any]
    """What the model's methods are given beside them."""


def parts(model: Any, table: Table) -> Iterator[Part]:
    """Some rows after others."""
    height = max(1, ENTRIES_AT_ONCE // table.values.shape[1])
    for start in range(0, len(table.values), height):
        yield part_of(model, table, slice(start, start + height), start)


def part_of(model: Any, table: Table, which: Any, start: int = 0) -> Part:
    """Those rows of a table."""
    rows = rows_of(table.values, which, getattr(model, "feature_names_in_", None))
    beside = {} if table.beside is None else {"covariates": table.beside.iloc[which]}
    return Part(start, rows, beside)


def rows_of(values: Any, which: Any, names: Any) -> Any:
    """Those rows of a table, as estimators want them."""
    return values.iloc[which] if hasattr(values, "iloc") else framed(values[which], names)
