"""Options that several commands share, and what they stand for."""

import functools
import glob
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import click
import numpy as np

from ..basics.shown import printable
from .layout_options import (
    comment_in,
    encoding_in,
    layout_of,
    lines_in,
    names_in,
    no_value_in,
    parsed,
    separator_in,
)
from .tables.columns import (
    Advice,
    Choice,
    Keeping,
    Table,
    TableError,
    Wanted,
    check_known,
    chosen_columns,
    instead,
    listed,
    places_of,
    short,
)
from .tables.layout import Layout
from .tables.reading import is_table_name, read_table

NEEDED = Advice(
    missing="; or fit with --missing, to learn from the rest",
    others=": the model was fitted to numbers there",
    can_drop=False,
)
"""What can be done about unusable values of columns that a model was fitted to."""
BESIDE = Advice(missing="", others="", can_drop=False, can_be_unseen=False)
"""What can be done about unusable values of covariates."""

MODEL = click.argument("model", metavar="MODEL", type=click.Path())
DATA = click.argument("data", metavar="DATA", type=click.Path(allow_dash=True))


def is_of_files(path: str) -> bool:
    """Whether a path is that of a folder, or a pattern."""
    return os.path.isdir(path) or (glob.has_magic(path) and not os.path.exists(path))


def table_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how to read DATA; the command gets them as ``reading``."""

    @click.option(
        "-c",
        "--columns",
        multiple=True,
        metavar="NAMES",
        callback=parsed(names_in),
        help="Only these columns, parted by commas. Columns without names are numbered from 0.  "
        "[default: all]",
    )
    @click.option(
        "--drop",
        multiple=True,
        metavar="NAMES",
        callback=parsed(names_in),
        help="All columns but these.",
    )
    @click.option(
        "--header/--no-header",
        default=None,
        help="Whether the first line of a CSV file has the columns' names.  [default: it has]",
    )
    @click.option(
        "--separator",
        metavar="CHARACTER",
        callback=parsed(separator_in),
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
        callback=parsed(encoding_in),
        help="Of a CSV file, such as utf-16 or cp1252.  [default: utf-8]",
    )
    @click.option(
        "--skip",
        metavar="LINES",
        callback=parsed(lines_in),
        help="Lines of a CSV file to leave out, counted from 1: 3 are the first three, 2-2 is the "
        "second, 1-3,7-7 are four.",
    )
    @click.option(
        "--comment",
        metavar="TEXT",
        callback=parsed(comment_in),
        help="Leave out the lines of a CSV file that begin with this.",
    )
    @click.option(
        "--na",
        "no_value",
        multiple=True,
        metavar="TEXTS",
        callback=parsed(no_value_in),
        help="What stands for no value in a CSV file, such as -,-999; empty cells, NA, NaN, null "
        "and ? always do.",
    )
    @functools.wraps(command)
    def with_reading(**options: Any) -> Any:
        layout = layout_of(**{each.name: options.pop(each.name) for each in fields(Layout)})
        names = {each: options.pop(each, []) for each in ("columns", "drop", "keep", "covariates")}
        names["columns"] = names["columns"] or None
        return command(reading=Reading(layout=layout, **names), **options)

    return with_reading


@dataclass
class Reading:
    """How DATA is to be read.

    Raises
    ------
    UsageError
        When a covariate is to be something else, too.
    """

    columns: list[str] | None
    drop: list[str]
    layout: Layout
    keep: list[str]
    covariates: Sequence[str] = ()

    def __post_init__(self) -> None:
        for option, others in (("--columns", self.columns or []), ("--drop", self.drop)):
            twice = [name for name in self.covariates if name in others]
            if twice:
                raise click.UsageError(
                    f"--covariates {short(twice[0])}: {option} names it, too; choose one"
                )

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
        wanted = Wanted(
            chosen_columns(self.columns, [*self.drop, *self.covariates]),
            np.float32 if float32 else np.float64,
            missing,
            mixed or None,
            advice=advice or Advice(),
            any_text=any_text,
            beside=_beside(self.covariates, True),
        )
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
        covariates = covariates_of(model)
        dropped = [name for name in covariates if name in self.drop]
        if dropped:
            raise click.UsageError(f"--drop {short(dropped[0])}: the model has that covariate")
        choose, keep = self.choices_for(model, keep_others=keep_others)
        encoding = getattr(model, "encoding_", None)
        wanted = Wanted(
            choose,
            missing=getattr(model, "missing_values", None) is not None,
            mixed=encoding,
            keep=keep,
            advice=NEEDED,
            beside=_beside(covariates, covariates and model._covariates.encoding),
        )
        table = self._read(path, wanted)
        if encoding is not None and hasattr(model, "feature_names_in_"):
            table.values.columns = list(model.feature_names_in_)
        return table

    def choices_for(self, model: Any, *, keep_others: bool = False) -> tuple[Choice, Keeping]:
        """What chooses the columns that a model was fitted to, and those to keep beside them."""
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
            others = [] if wanted is not None else [*self.keep, *covariates_of(model)]
            kept = [name for name in others if name in set(names)]
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
            asked = set(names if self.columns is None else self.columns) - dropped
            return [i for i, name in enumerate(names) if i not in own and name in asked]

        return fitting, keep

    def _read(self, path: str, wanted: Wanted) -> Table:
        if path.lower().endswith(".safetensors"):
            raise click.UsageError(
                f"{path} is a model, not a table; a command's arguments are in the order that its "
                "help shows"
            )
        if is_of_files(path):
            files = glob.glob(os.path.join(path, "*.parquet") if os.path.isdir(path) else path)
            one = f", such as {min(files)}" if files else ""
            raise click.UsageError(
                f"{path} is a folder or a pattern, and here one file is read: give one{one}"
            )
        return read_table(path, wanted, layout=self.layout)


def _beside(covariates: Sequence[str], kinds: Any) -> Wanted | None:
    """What is wanted of covariates, if there are any."""
    return Wanted(chosen_columns(covariates), mixed=kinds, advice=BESIDE) if covariates else None


def load_model(
    path: str,
    kind: str | None = None,
    *,
    takes_imputers: bool = False,
    only_looks: bool = False,
    needed: str = "fit one without --outliers",
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
    needed : str
        How an autoencoder is fitted that the command can use.

    Raises
    ------
    UsageError
        When the path is that of a table, or the model is none of that kind; or is to be given more
        beside each row than a table here has.
    ModelFileError, OSError
        When there is no model.
    """
    from ..estimators.beside import refuse_covariates, refuse_size_factors
    from ..estimators.load import load

    if is_table_name(path):
        raise click.UsageError(f"MODEL comes before DATA, and {path} is no model but a table")
    model = load(path)
    found = type(model).__name__
    if not only_looks:
        try:
            if not covariates_of(model):  # those of an array have no names to find them by
                refuse_covariates(model, "is for Python alone")
            refuse_size_factors(model, "is for Python alone")
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
            + (needed if kind == "Autoencoder" else "fit one with --outliers")
        )
    return model


def covariates_of(model: Any) -> list[str]:
    """Names of the columns that a model is given beside each row; none where they have no names."""
    learned = getattr(model, "_covariates", None)
    if learned is None or learned.encoding is None:
        return []
    return [column.name for column in learned.encoding.columns]


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
