"""``ae-core diagnose``: has a model learned, and if not, why; or what is notable about a table."""

import json
from typing import Any

import click
import numpy as np

from ..basics.extras import optional
from .options import Reading, covariates_of, load_model, say, table_options
from .rows import FileRows, framed, rows_for
from .tables.columns import TableError, chosen_columns
from .tables.dates import dates_of
from .wording import in_options


@click.command(short_help="Has the model learned, and if not, why? What is odd in a table?")
@click.argument("paths", metavar="[MODEL] DATA", nargs=-1, required=True, type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="The same for programs.")
@click.option(
    "--trials/--no-trials",
    default=True,
    help="Whether to fit a poor model anew with one setting changed at a time, to see what helps.",
)
@click.option(
    "--budget",
    type=float,
    default=5.0,
    show_default=True,
    metavar="SECONDS",
    help="How long that may take.",
)
@table_options
def diagnose(
    paths: tuple[str, ...], as_json: bool, trials: bool, budget: float, reading: Reading
) -> None:
    """Say whether the model has learned something, and if not, why and what to try.

    DATA should be what it was fitted to. Its loss is put beside that of the best constant and of
    PCA with a code of the same size; layers, code and loss curve are looked at.

    Without MODEL: say what is notable about DATA before anything is fitted to it, such as constant
    columns, text, dates, missing values and numbers that stand for them.

    \b
    Examples:
      ae-core diagnose model.safetensors data.csv
      ae-core diagnose model.safetensors data.csv --json > report.json
      ae-core diagnose data.csv
    """
    if len(paths) > 2:
        raise click.UsageError(f"{len(paths)} files: give a model and a table, or a table alone")
    report = (
        _of_table(paths[0], reading)
        if len(paths) == 1
        else _of_model(paths[0], paths[1], reading, trials=trials, budget=budget)
    )
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=1))
        return
    for line in in_options(str(report)).split("\n"):
        say(line)


def _of_model(model: str, data: str, reading: Reading, *, trials: bool, budget: float) -> Any:
    estimator = load_model(model, None)
    if not hasattr(estimator, "diagnose"):
        load_model(model, "Autoencoder")
    check_can_be_diagnosed(estimator, model)
    rows = rows_for(estimator, data, reading)
    X = rows.blocks if isinstance(rows, FileRows) else framed(rows.values, rows.fitted_names)
    return estimator.diagnose(X, trials=trials, budget=budget)


def check_can_be_diagnosed(estimator: Any, model: str) -> None:
    """Refuse a model with covariates, before a table is read.

    Raises
    ------
    UsageError
    """
    if covariates_of(estimator):
        raise click.UsageError(
            f"{model} has covariates, and there is nothing yet to compare such a model with: see "
            "the losses that ae-core info and score give"
        )


def _of_table(data: str, reading: Reading) -> Any:
    from ..diagnosis.data_report import diagnose_data

    try:
        table = reading.table(data, missing=True)
    except TableError:
        if data.lower().endswith((".npy", ".npz")):  # columns with text need names
            raise
        # Not of numbers alone: the same reader as that of `fit --mixed`, which refuses columns that
        # only name the rows. Of these something is to be said here.
        try:
            mixed = reading.table(data, missing=True, mixed=True, any_text=True)
            frame = mixed.values
            for name, has_time in mixed.dates.items():  # they were read as days
                frame[name] = dates_of(np.asarray(frame[name], np.float64), has_time)
        except TableError:
            frame = _others_of_parquet(data, reading)
            if frame is None:
                raise
        return diagnose_data(frame)
    return diagnose_data(table.values, feature_names=table.names)


def _others_of_parquet(data: str, reading: Reading) -> Any:
    """A Parquet file with columns of lists and such, as a DataFrame; None for any other file."""
    if not data.lower().endswith(".parquet"):
        return None
    pandas = optional("pandas", "tables with text", "cli")
    try:
        frame = pandas.read_parquet(data)
    except (ValueError, OSError, UnicodeError):
        return None
    names = [str(name) for name in frame.columns]
    return frame.iloc[:, chosen_columns(reading.columns, reading.drop)(names, True)]
