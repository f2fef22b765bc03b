"""Options that several commands share, and what they stand for."""

import functools
import glob
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
import numpy as np

from ..basics.extras import optional
from ..basics.shown import printable
from .layout_options import (
    comment_in,
    encoding_in,
    lines_in,
    names_in,
    no_value_in,
    separator_in,
)
from .tables.columns import (
    Advice,
    Table,
    TableError,
    Wanted,
    check_known,
    chosen_columns,
    instead,
    listed,
    places_of,
)
from .tables.reading import Layout, is_table_name, read_table

ENTRIES_AT_ONCE = 1 << 20
"""Commands go through a table in parts of so many entries."""
NEEDED = Advice(
    missing="; or fit with --missing, to learn from the rest",
    others=": the model was fitted to numbers there",
    can_drop=False,
)
"""What can be done about values of columns that a model was fitted to."""

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
        help="What parts the columns of a CSV file; tab, or space for any number of them.  "
        "[default: what its first line has most of]",
    )
    @click.option(
        "--decimal",
        type=click.Choice([".", ","]),
        help="Decimal sign of a CSV file.  [default: a comma in 1,5;2,5, else a point]",
    )
    @click.option(
        "--thousands",
        type=click.Choice([",", ".", "'", "_", "space"]),
        help="What parts groups of three digits in a CSV file.  [default: nothing]",
    )
    @click.option(
        "--encoding",
        metavar="NAME",
        help="Of a CSV file, such as utf-16 or cp1252.  [default: utf-8]",
    )
    @click.option(
        "--skip",
        metavar="LINES",
        help="Lines of a CSV file to leave out, counted from 1: 3 are the first three, 2-2 is the "
        "second, 1-3,7-7 are four.",
    )
    @click.option(
        "--comment", metavar="TEXT", help="Leave out the lines of a CSV file that begin with this."
    )
    @click.option(
        "--na",
        multiple=True,
        metavar="TEXTS",
        help="What stands for no value in a CSV file, such as -,-999; empty cells, NA, NaN, null "
        "and ? always do.",
    )
    @functools.wraps(command)
    def with_reading(
        columns: tuple[str, ...],
        drop: tuple[str, ...],
        header: bool | None,
        separator: str | None,
        decimal: str | None,
        thousands: str | None,
        encoding: str | None,
        skip: str | None,
        comment: str | None,
        na: tuple[str, ...],
        keep: tuple[str, ...] = (),
        **options: Any,
    ) -> Any:
        thousands = {"space": " "}.get(thousands or "", thousands)
        if thousands is not None and thousands == (decimal or "."):
            if decimal is not None or thousands != ".":
                raise click.UsageError("--decimal and --thousands must be different signs")
            decimal = ","
        layout = Layout(
            separator_in(separator),
            decimal,
            header,
            encoding_in(encoding),
            thousands,
            lines_in(skip),
            comment_in(comment),
            no_value_in(na),
        )
        reading = Reading(names_in(columns), names_in(drop) or [], layout, names_in(keep) or [])
        return command(reading=reading, **options)

    return with_reading


class Reading:
    """How DATA is to be read."""

    def __init__(
        self, columns: list[str] | None, drop: list[str], layout: Layout, keep: list[str]
    ) -> None:
        self.columns, self.drop, self.layout, self.keep = columns, drop, layout, keep

    def table(
        self,
        path: str,
        *,
        float32: bool = False,
        missing: bool = False,
        mixed: bool = False,
        advice: Advice | None = None,
        any_text: bool = False,
    ) -> Table:
        """The table at that path; where values may be missing, they are NaN.

        Raises
        ------
        TableError
            When there is none.
        OSError
            When it can't be read.
        """
        choose = chosen_columns(self.columns, self.drop)
        dtype = np.float32 if float32 else np.float64
        kinds = True if mixed else None
        wanted = Wanted(choose, dtype, missing, kinds, advice=advice or Advice(), any_text=any_text)
        return self._read(path, wanted)

    def table_for(self, model: Any, path: str, *, keep_others: bool = False) -> Table:
        """The columns that a model was fitted to, by name where both have names.

        Parameters
        ----------
        model : estimator
        path : str
        keep_others : bool
            Whether columns that are not the model's are kept, when none are named by --keep,
            --columns or --drop.

        Raises
        ------
        TableError
            When the table does not have them.
        OSError
            When it can't be read.
        """
        wanted = getattr(model, "feature_names_in_", None)
        n_features = model.n_features_in_

        def fitting(names: list[str], named: bool) -> list[int]:
            if wanted is not None and named:
                # Columns that are not wanted may have any names, and may be dropped or not.
                dropped = set(self.drop)
                left = [name for name in names if name not in dropped]
                there = set(left)
                missing = [name for name in wanted if name not in there]
                if missing:
                    raise TableError(
                        f"the model was fitted to {n_features} columns, and of these there is no "
                        f"{listed(missing)}{instead(missing, left)}"
                    )
                return chosen_columns(list(wanted))(names, named)
            kept = [] if wanted is not None else [name for name in self.keep if name in set(names)]
            chosen = chosen_columns(self.columns, [*self.drop, *kept])(names, named)
            if len(chosen) != n_features:
                raise TableError(
                    f"the model was fitted to {n_features} columns, and here are {len(chosen)}; "
                    "choose them with --columns or --drop"
                )
            return chosen

        def keep(names: list[str], chosen: list[int]) -> list[int]:
            if self.keep:
                places = places_of(names)
                check_known(self.keep, names, places)
                return [places[name] for name in dict.fromkeys(self.keep)]
            if not keep_others:
                return []
            own, dropped = set(chosen), set(self.drop)
            asked = None if self.columns is None else set(self.columns)
            return [
                i
                for i, name in enumerate(names)
                if i not in own and name not in dropped and (asked is None or name in asked)
            ]

        has_missing = getattr(model, "missing_values", None) is not None
        encoding = getattr(model, "encoding_", None)
        table = self._read(
            path, Wanted(fitting, missing=has_missing, mixed=encoding, keep=keep, advice=NEEDED)
        )
        if encoding is not None and wanted is not None:
            table.values.columns = list(wanted)
        return table

    def _read(self, path: str, wanted: Wanted) -> Table:
        if path.lower().endswith(".safetensors"):
            raise click.UsageError(
                f"{path} is a model, not a table; a command's arguments are in the order that its "
                "help shows"
            )
        if os.path.isdir(path) or (glob.has_magic(path) and not os.path.exists(path)):
            files = glob.glob(os.path.join(path, "*.parquet") if os.path.isdir(path) else path)
            one = f", such as {min(files)}" if files else ""
            raise click.UsageError(
                f"{path} is a folder or a pattern, and here one file is read: give one{one}"
            )
        return read_table(path, wanted, layout=self.layout)


def load_model(
    path: str,
    kind: str | None = None,
    *,
    takes_imputers: bool = False,
    only_looks: bool = False,
) -> Any:
    """The model at that path.

    Parameters
    ----------
    path : str
    kind : {None, 'Autoencoder', 'AutoencoderOutlierDetector'}
        What it must be; an autoencoder of any class for the first.
    takes_imputers : bool
        Whether it may also be an `AutoencoderImputer`.
    only_looks : bool
        Whether it is not to be given any rows.

    Raises
    ------
    UsageError
        When the path is that of a table, or the model is none of that kind; or is to be given more
        beside each row than a table here has.
    ModelFileError, OSError
        When there is no model.
    """
    from ..estimators.beside import refuse_covariates
    from ..estimators.load import load

    if is_table_name(path):
        raise click.UsageError(f"MODEL comes before DATA, and {path} is no model but a table")
    model = load(path)
    found = type(model).__name__
    if not only_looks:
        try:
            refuse_covariates(model, "is for Python alone")
        except ValueError as error:
            raise click.UsageError(f"{path}: {error}") from None
    if found == "AutoencoderImputer":
        if not takes_imputers:
            raise click.UsageError(
                f"{path} is an {found}, which fills in and does nothing else: see ae-core impute"
            )
        return model
    if kind is not None and hasattr(model, "network_") != (kind == "Autoencoder"):
        raise click.UsageError(
            f"{path} is an {found}, and this needs an {kind}: "
            + ("fit one without --outliers" if kind == "Autoencoder" else "fit one with --outliers")
        )
    return model


def framed(values: Any, names: Any) -> Any:
    """Rows with the names of their columns, as estimators want them; without a copy."""
    if names is None or hasattr(values, "iloc"):
        return values
    pandas = optional("pandas", "column names", "cli")
    return pandas.DataFrame(values, columns=list(names), copy=False)


def parts(model: Any, values: Any) -> Iterator[tuple[int, Any]]:
    """Some rows after others, as the model wants them: pairs of the first's place, and the rows."""
    names = getattr(model, "feature_names_in_", None)
    height = max(1, ENTRIES_AT_ONCE // values.shape[1])
    for start in range(0, len(values), height):
        yield start, rows_of(values, slice(start, start + height), names)


def rows_of(values: Any, which: Any, names: Any) -> Any:
    """Those rows of a table, as estimators want them."""
    return values.iloc[which] if hasattr(values, "iloc") else framed(values[which], names)


# --- what is said --------------------------------------------------------------------------------


def is_terminal(stream: Any) -> bool:
    """Whether a person reads what is written there."""
    return stream is not None and stream.isatty()


def say(message: str) -> None:
    """A line on standard output, in which nothing but the end ends a line."""
    click.echo(printable(message))


def note(message: str) -> None:
    """A line on standard error, which is not part of the output."""
    print(printable(message), file=sys.stderr)
