"""Where tables are written to, and what goes into them beside what a command computes."""

import functools
import os
import stat
from collections.abc import Callable, Sequence
from typing import Any

import click
import numpy as np

from .tables.columns import Kept, Table
from .tables.dates import dates_of
from .tables.reading import check_output

keep_option = click.option(
    "--keep",
    multiple=True,
    metavar="NAMES",
    help="Columns of DATA to put before the others as they are, such as one that names the rows.",
)


def output_option(what: str, *, is_page: bool = False) -> Any:
    """The options -o and --force of commands that write a table, or a page, checked before it is
    read.
    """
    places = (
        f"Where {what} to, a file such as report.html."
        if is_page
        else f"Where {what} to: .csv, .tsv (either also .gz), .parquet or .npy; - is CSV to "
        "standard output.  [default: -]"
    )

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @click.option(
            "-o",
            "--output",
            metavar="FILE",
            help=places,
            **({"required": True} if is_page else {"default": "-"}),
        )
        @click.option("--force", is_flag=True, help="Write even over DATA itself.")
        @functools.wraps(command)
        def checked(output: str, force: bool, model: str, data: str, **options: Any) -> Any:
            if is_page and not output.lower().endswith((".html", ".htm")):
                raise click.UsageError(f"-o {output}: must end in .html, which is what is written")
            check_output(output, is_table=not is_page)
            _check_overwriting(output, force, model, data)
            return command(output=output, model=model, data=data, **options)

        return checked

    return decorate


def _check_overwriting(output: str, force: bool, model: str, data: str) -> None:
    """Refuse an output that is the model, or, if that is not wanted, the input.

    Raises
    ------
    UsageError
    """
    if is_same_file(output, model):
        raise click.UsageError(f"-o {output} is the model: give another file")
    if output != "-" and not force and is_same_file(output, data):
        raise click.UsageError(
            f"-o {output} is the input: give another file, or add --force to write over it"
        )
    if output == "-" and is_same_file("-", data):
        raise click.UsageError("standard output is the input: give another file with -o")


def is_same_file(a: str, b: str) -> bool:
    """Whether two paths, '-' for a standard stream, are those of one regular file."""
    found = []
    for path, stream in ((a, 1), (b, 0)):
        try:
            status = os.fstat(stream) if path == "-" else os.stat(path)
        except OSError:
            return False
        found.append((status.st_dev, status.st_ino, stat.S_ISREG(status.st_mode)))
    return found[0] == found[1] and found[0][2]


def output_columns(table: Table, names: Sequence[str], values: Any, start: int) -> list[Any]:
    """Columns of an output for the rows from `start` on: what is kept, and then these.

    Parameters
    ----------
    table : Table
    names : sequence of str
    values : array (n, n_columns), DataFrame or list of columns
        Columns that were dates in the table are written as dates.
    start : int
    """
    if hasattr(values, "iloc"):
        columns = [values.iloc[:, i] for i in range(values.shape[1])]
    else:
        columns = list(values.T) if isinstance(values, np.ndarray) else list(values)
    columns = [
        dates_of(np.asarray(column, np.float64), table.dates[name])
        if name in table.dates
        else plain(column)
        for name, column in zip(names, columns, strict=True)
    ]
    n_rows = len(columns[0])
    return [*(some_of(kept, start, n_rows) for kept in table.kept), *columns]


def some_of(kept: Kept, start: int, n_rows: int) -> Any:
    """Some rows of a column that is kept."""
    if isinstance(kept.values, np.ndarray):
        return kept.values[start : start + n_rows]
    return kept.values.slice(start, n_rows)


def plain(column: Any) -> Any:
    """A column of a DataFrame as an array, of objects where it has categories or no values."""
    if isinstance(column, np.ndarray) or not hasattr(column, "dtype"):
        return column
    if column.dtype.kind in "fiub" and isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    return column.astype(object).where(column.notna(), None).to_numpy()


def output_names(table: Table, names: Sequence[str]) -> list[str]:
    """Names of the columns of an output.

    Raises
    ------
    UsageError
        When one would stand twice.
    """
    kept = [kept.name for kept in table.kept]
    twice = [name for name in kept if name in set(names)]
    if twice:
        raise click.UsageError(f"--keep {twice[0]}: the output has a column of that name")
    return [*kept, *names]
