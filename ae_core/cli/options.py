"""Options that several commands share, and what they stand for."""

import csv
import functools
import sys
from collections.abc import Callable
from typing import Any

import click
import numpy as np

from ..basics.extras import MissingExtraError
from .tables.columns import Choice, Table, TableError, chosen_columns, instead, listed
from .tables.reading import Layout, check_output, is_table_name, read_table

ENTRIES_AT_ONCE = 1 << 20
"""Commands go through a table in parts of so many entries."""

MODEL = click.argument("model", metavar="MODEL", type=click.Path())
DATA = click.argument("data", metavar="DATA", type=click.Path(allow_dash=True))


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how to read DATA; the command gets them as ``reading``."""

    @click.option(
        "-c",
        "--columns",
        multiple=True,
        metavar="NAMES",
        help="Only these columns, parted by commas. Columns without names are numbered from 0.  "
        "[default: all]",
    )
    @click.option("--drop", multiple=True, metavar="NAMES", help="All columns but these.")
    @click.option(
        "--header/--no-header",
        default=None,
        help="Whether the first line of a CSV file has the columns' names.  [default: it has]",
    )
    @click.option(
        "--separator",
        metavar="CHARACTER",
        help="What parts the columns of a CSV file.  [default: what its first line has most of]",
    )
    @click.option(
        "--decimal",
        type=click.Choice([".", ","]),
        help="Decimal sign of a CSV file.  [default: a comma in 1,5;2,5, else a point]",
    )
    @functools.wraps(command)
    def with_reading(
        columns: tuple[str, ...],
        drop: tuple[str, ...],
        header: bool | None,
        separator: str | None,
        decimal: str | None,
        **options: Any,
    ) -> Any:
        separator = {"\\t": "\t", "tab": "\t"}.get(separator or "", separator)
        if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
            raise click.UsageError(f"--separator {separator!r}: must be one character")
        return command(
            reading=Reading(
                _names(columns), _names(drop) or [], Layout(separator, decimal, header)
            ),
            **options,
        )

    return with_reading


def _names(given: tuple[str, ...]) -> list[str] | None:
    """All the names in options such as ``-c a,b -c c``; quotes hold names with commas."""
    return [name.strip() for row in csv.reader(given) for name in row] or None


class Reading:
    """How DATA is to be read."""

    def __init__(self, columns: list[str] | None, drop: list[str], layout: Layout) -> None:
        self.columns, self.drop, self.layout = columns, drop, layout

    def table(self, path: str, *, float32: bool = False, missing: bool = False) -> Table:
        """The table at that path; where values may be missing, they are NaN.

        Raises
        ------
        TableError
            When there is none.
        OSError
            When it can't be read.
        """
        return self._read(path, chosen_columns(self.columns, self.drop), float32, missing)

    def table_for(self, model: Any, path: str) -> Table:
        """The columns that a model was fitted to, by name where both have names.

        Raises
        ------
        TableError
            When the table does not have them.
        OSError
            When it can't be read.
        """
        choose = chosen_columns(self.columns, self.drop)
        wanted = getattr(model, "feature_names_in_", None)
        n_features = model.n_features_in_

        def fitting(names: list[str], named: bool) -> list[int]:
            if wanted is not None and named:
                # Columns that are not wanted may have any names, and may be dropped or not.
                left = [name for name in names if name not in self.drop]
                missing = [name for name in wanted if name not in left]
                if missing:
                    raise TableError(
                        f"the model was fitted to {n_features} columns, and of these there is no "
                        f"{listed(missing)}{instead(missing, left)}"
                    )
                return chosen_columns(list(wanted))(names, named)
            chosen = choose(names, named)
            if len(chosen) != n_features:
                raise TableError(
                    f"the model was fitted to {n_features} columns, and here are {len(chosen)}; "
                    "choose them with --columns or --drop"
                )
            return chosen

        has_holes = getattr(model, "missing_values", None) is not None
        return self._read(path, fitting, missing=has_holes)

    def _read(
        self, path: str, choose: Choice, float32: bool = False, missing: bool = False
    ) -> Table:
        if path.lower().endswith(".safetensors"):
            raise click.UsageError(
                f"{path} is a model, not a table; a command's arguments are in the order that its "
                "help shows"
            )
        dtype = np.float32 if float32 else np.float64
        return read_table(path, choose, layout=self.layout, dtype=dtype, missing=missing)


def load_model(path: str, kind: str | None = None) -> Any:
    """The model at that path.

    Raises
    ------
    UsageError
        When the path is that of a table, or the model is none of that kind, or of mixed columns.
    ModelFileError, OSError
        When there is no model.
    """
    from ..estimators.load import load

    if is_table_name(path):
        raise click.UsageError(f"MODEL comes before DATA, and {path} is no model but a table")
    model = load(path)
    found = type(model).__name__
    if getattr(model, "encoding_", None) is not None:
        raise click.UsageError(
            f"{path} was fitted with columns='mixed', and tables are read as numbers here: "
            "use it from Python, with ae_core.load"
        )
    if kind is not None and hasattr(model, "network_") != (kind == "Autoencoder"):
        raise click.UsageError(
            f"{path} is an {found}, and this needs an {kind}: "
            + ("fit one without --outliers" if kind == "Autoencoder" else "fit one with --outliers")
        )
    return model


def framed(values: Any, names: Any) -> Any:
    """Rows with the names of their columns, as estimators want them; without a copy."""
    if names is None:
        return values
    try:
        import pandas
    except ImportError as error:
        raise MissingExtraError("column names", "pandas", "cli") from error
    return pandas.DataFrame(values, columns=list(names), copy=False)


def parts(model: Any, values: Any) -> Any:
    """Some rows after others, as the model wants them: pairs of the first's place, and the rows."""
    names = getattr(model, "feature_names_in_", None)
    height = max(1, ENTRIES_AT_ONCE // values.shape[1])
    for start in range(0, len(values), height):
        yield start, framed(values[start : start + height], names)


def output_option(what: str) -> Any:
    """The option -o of commands that write a table, checked before anything is computed."""

    def check(context: Any, parameter: Any, path: str) -> str:
        check_output(path)
        return path

    return click.option(
        "-o",
        "--output",
        default="-",
        metavar="FILE",
        callback=check,
        help=f"Where {what} to: .csv, .tsv (either also .gz), .parquet or .npy; - is CSV to "
        "standard output.  [default: -]",
    )


def is_terminal(stream: Any) -> bool:
    """Whether a person reads what is written there."""
    return stream is not None and stream.isatty()


def note(message: str) -> None:
    """A line on standard error, which is not part of the output."""
    print(message, file=sys.stderr)
