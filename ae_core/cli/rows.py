"""The rows of DATA, which may be one file or many: handed to an estimator part by part."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import click
import numpy as np

from .._typing import Array
from ..basics.extras import optional
from ..data.blocks import Blocks, at
from ..data.checks import row_slices
from ..estimators.block_fitting import taken
from .options import Reading, covariates_of, is_of_files
from .outputs import is_same_file
from .tables.columns import Table

ENTRIES_AT_ONCE = 1 << 20
"""Commands go through a table in parts of so many entries."""


class Part(NamedTuple):
    """What was computed of some rows."""

    numbers: Array
    """Of the rows, counted from 0."""
    found: Any
    kept: list[Any]
    """Columns that go into the output as they are."""


class TableRows:
    """The rows of a table that was read as a whole."""

    def __init__(self, estimator: Any, table: Table) -> None:
        self.values, self.beside = table.values, table.beside
        self.n_rows, self.dates = len(table.values), table.dates
        self.fitted_names = getattr(estimator, "feature_names_in_", None)
        names = table.names if self.fitted_names is None else self.fitted_names
        self.names = [str(name) for name in names]
        self.kept = table.kept
        self.kept_names = [kept.name for kept in table.kept]
        self.places = [*(kept.place for kept in table.kept), *table.places]
        """Of the columns that are kept, and then of the model's: where they stand in the file."""

    def each(self, compute: Callable[..., Any], which: Array | None = None) -> Iterator[Part]:
        """What `compute` gives of all rows, or of those that `which` numbers, in its order.

        It is given rows as the estimator takes them, and as keyword arguments what the estimator
        is given beside them.
        """
        numbers = np.arange(self.n_rows) if which is None else which
        part: Any
        for part in row_slices(len(numbers), self.values.shape[1], ENTRIES_AT_ONCE):
            these = part if which is None else which[part]
            beside = {} if self.beside is None else {"covariates": self.beside.iloc[these]}
            found = compute(rows_of(self.values, these, self.fitted_names), **beside)
            yield Part(numbers[part], found, [kept.at(these) for kept in self.kept])


class FileRows:
    """The rows of many Parquet files, of which a few blocks are in memory."""

    dates: Mapping[str, bool] = {}

    def __init__(self, blocks: Blocks, places: list[int]) -> None:
        self.blocks, self.places = blocks, places
        self.names, self.kept_names = blocks.names or [], blocks.keep or []
        self.n_rows = blocks.n_rows or 0

    def each(self, compute: Callable[..., Any], which: Array | None = None) -> Iterator[Part]:
        """As of `TableRows`; the rows that `which` numbers come in one part."""
        if which is None:
            yield from self._each(compute)
            return
        import pyarrow

        numbers, found, kept = zip(*self._each(compute, which), strict=True)
        rows = np.concatenate(numbers)
        order = np.argsort(rows)[np.searchsorted(np.sort(rows), which)]
        columns = [pyarrow.chunked_array(list(each)) for each in zip(*kept, strict=True)]
        yield Part(which, np.concatenate(found)[order], [each.take(order) for each in columns])

    def _each(self, compute: Callable[..., Any], which: Array | None = None) -> Iterator[Part]:
        for first, where, table, kept in self.blocks.placed():
            numbers = first + np.arange(table.shape[0])
            if which is not None:
                chosen = np.flatnonzero(np.isin(numbers, which))
                if not len(chosen):
                    continue
                numbers, table = numbers[chosen], taken(table, chosen)
                kept = None if kept is None else kept.take(chosen)
            try:
                found = compute(table)
            except (ValueError, TypeError) as error:
                raise at(where, error) from error
            yield Part(numbers, found, columns_of(kept))


def rows_for(
    estimator: Any,
    data: str,
    reading: Reading,
    *,
    output: str | None = None,
    keep_others: bool = False,
) -> TableRows | FileRows:
    """The columns that a model was fitted to, and those that are kept beside them.

    Parameters
    ----------
    estimator : fitted estimator
    data : str
        A file, a folder or a pattern.
    reading : Reading
    output : str, optional
        Where to write: no file that is read.
    keep_others : bool
        Whether columns that are not the model's are kept, as in `Reading.table_for`.

    Raises
    ------
    TableError
        When DATA does not have them.
    UsageError
        When the output is one of the files.
    ValueError
        When they are no Parquet files of the same columns.
    """
    if not is_of_files(data):
        return TableRows(estimator, reading.table_for(estimator, data, keep_others=keep_others))
    if covariates_of(estimator):
        raise click.UsageError(f"{data}: a model with covariates takes one table; give one file")
    names = Blocks(data).names or []
    choose, keep = reading.choices_for(estimator, keep_others=keep_others)
    chosen = choose(names, True)
    kept = keep(names, chosen)
    columns, beside = ([names[i] for i in places] for places in (chosen, kept))
    blocks = Blocks(data, columns=columns, keep=beside or None)
    if output not in (None, "-") and any(is_same_file(output, file) for file in blocks.files):
        raise click.UsageError(f"-o {output} is one of the files that are read: give another one")
    return FileRows(blocks, [*kept, *chosen])


def framed(values: Any, names: Any) -> Any:
    """Rows with the names of their columns, as estimators want them; without a copy."""
    if names is None or hasattr(values, "iloc"):
        return values
    pandas = optional("pandas", "column names", "cli")
    return pandas.DataFrame(values, columns=list(names), copy=False)


def rows_of(values: Any, which: Any, names: Any) -> Any:
    """The chosen rows of a table, in the form that estimators take."""
    return values.iloc[which] if hasattr(values, "iloc") else framed(values[which], names)


def columns_of(values: Any) -> list[Any]:
    """The columns of a table, or of a model's result, as arrays of NumPy's or Arrow's."""
    if values is None:
        return []
    if hasattr(values, "column_names"):
        return [values.column(i).combine_chunks() for i in range(values.num_columns)]
    if hasattr(values, "iloc"):
        return [_plain(values.iloc[:, i]) for i in range(values.shape[1])]
    return list(np.asarray(values).T)


def _plain(column: Any) -> Array:
    """A column of a DataFrame as an array, of objects where it has categories or no values."""
    if column.dtype.kind in "fiub" and isinstance(column.dtype, np.dtype):
        return np.asarray(column.to_numpy())
    return np.asarray(column.astype(object).where(column.notna(), None).to_numpy())
