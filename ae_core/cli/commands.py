"""The commands of ``ae-core``: fit, and what is done with a fitted model."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import click
import numpy as np

from ..basics.version import __version__
from ..files.table_file import write_rows
from .demo import demo
from .diagnose import diagnose
from .fit import fit
from .options import (
    DATA,
    MODEL,
    Reading,
    covariates_of,
    load_model,
    say,
    table_options,
)
from .outputs import keep_option, output_names, output_option
from .report import report
from .rows import FileRows, TableRows, columns_of, rows_for
from .score import score
from .tables.dates import dates_of


class InOrder(click.Group):
    """A group whose help lists commands in the order in which they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands as they were added."""
        return list(self.commands)


@click.group(
    name="ae-core",
    cls=InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="ae_core %(version)s")
def commands() -> None:
    """Dense autoencoders: compress a table, reconstruct it, and find its unusual rows.

    \b
    To begin:
      ae-core demo                                      see one learn
      ae-core fit data.csv -o model.safetensors -k 8    learn a code of 8 numbers per row
      ae-core encode model.safetensors data.csv -o codes.csv
      ae-core score model.safetensors data.csv --top 10
      ae-core report model.safetensors data.csv -o report.html

    Tables are .csv, .tsv (also .gz, .bz2, .xz, .zst), .parquet, .feather, .arrow, .npy or .npz
    files; - is CSV from standard input. A folder of
    .parquet files, or a pattern such as 'part-*.parquet', is one table, of which no more than a few
    blocks are in memory. Columns must be numbers: leave others out with --drop, or fit with
    --mixed.

    Names of columns go into the output as they are: in a spreadsheet, one that begins with =, +, -
    or @ is a formula.
    """


@click.command(short_help="The code of each row.")
@MODEL
@DATA
@output_option("the codes go")
@keep_option
@table_options
def encode(model: str, data: str, output: str, reading: Reading) -> None:
    """Write the code of each row of DATA.

    MODEL is a file that `ae-core fit` wrote. Columns are matched by name where the model and DATA
    have names, and by place where they have none; further columns of DATA do not matter.

    \b
    Examples:
      ae-core encode model.safetensors data.csv -o codes.csv --keep id
      ae-core encode model.safetensors folder/ -o codes.parquet --keep id
      cat data.csv | ae-core encode model.safetensors - | head
    """
    estimator = load_model(model, "Autoencoder")
    rows = rows_for(estimator, data, reading, output=output)
    _write(rows, estimator.transform, output, list(estimator.get_feature_names_out()))


@click.command(short_help="Each row as it comes back from the code.")
@MODEL
@DATA
@output_option("the reconstruction goes")
@keep_option
@table_options
def reconstruct(model: str, data: str, output: str, reading: Reading) -> None:
    """Write DATA as it comes back from the code, in its own units.

    The nearer it is to DATA, the more of it the code has kept.

    \b
    Examples:
      ae-core reconstruct model.safetensors data.csv -o back.csv
      ae-core reconstruct model.safetensors data.npy -o back.npy
    """
    estimator = load_model(model, "Autoencoder")
    _write(rows_for(estimator, data, reading, output=output), estimator.reconstruct, output)


@click.command(short_help="Each row with its empty cells filled in.")
@MODEL
@DATA
@output_option("the filled table goes")
@keep_option
@table_options
def impute(model: str, data: str, output: str, reading: Reading) -> None:
    """Write DATA with its empty cells filled in by the model, and the rest as it is.

    MODEL is one that `ae-core fit --missing` wrote, or a saved `AutoencoderImputer`. Columns that
    the model does not know are written as they are, all of them or those that --keep names.

    \b
    Examples:
      ae-core impute model.safetensors data.csv -o filled.csv
      cat data.csv | ae-core impute model.safetensors - | head
    """
    estimator = load_model(
        model,
        "Autoencoder",
        takes_imputers=True,
        needed="fit one without --outliers, and with --missing",
    )
    is_imputer = not hasattr(estimator, "network_")
    if not is_imputer and not hasattr(estimator, "impute"):
        raise click.UsageError(f"{model} was not fitted with --missing, so it fills in nothing")
    if not is_imputer:
        rows = rows_for(estimator, data, reading, output=output, keep_others=True)
        return _write(rows, estimator.impute, output, in_place=True)
    # As many columns as the table has, so that each goes back to its place.
    estimator.set_params(keep_empty_features=True, add_indicator=False)
    table = reading.table_for(estimator, data, keep_others=True)  # no folder
    return _write(TableRows(estimator, table), estimator.transform, output, in_place=True)


def _write(
    rows: TableRows | FileRows,
    method: Callable[..., Any],
    output: str,
    code_names: list[str] | None = None,
    *,
    in_place: bool = False,
) -> None:
    """Write what a method gives of each row, with what is kept before it.

    Columns are those of a code, or the model's own. With `in_place` all stand in the order of the
    file.
    """
    names = output_names(rows.kept_names, rows.names if code_names is None else code_names)
    dates = rows.dates if code_names is None else {}
    order = list(range(len(names)))
    if in_place:
        order.sort(key=rows.places.__getitem__)

    def parts() -> Iterator[list[Any]]:
        for part in rows.each(method):
            columns = [*part.kept, *columns_of(part.found)]
            for i in range(len(part.kept), len(columns)):
                if names[i] in dates:
                    columns[i] = dates_of(np.asarray(columns[i], np.float64), dates[names[i]])
            yield [columns[i] for i in order]

    write_rows(output, [names[i] for i in order], parts(), rows.n_rows)


@click.command(short_help="What a model file holds.")
@MODEL
def info(model: str) -> None:
    """Say what a model file holds: columns, layers, how it was fitted.

    \b
    Examples:
      ae-core info model.safetensors
      ae-core info model.safetensors | grep columns
    """
    estimator = load_model(model, takes_imputers=True, only_looks=True)
    names = getattr(estimator, "feature_names_in_", None)
    n = estimator.n_features_in_
    lines = {
        "file": f"{model}, {os.path.getsize(model) / 1000:,.1f} kB",
        "model": type(estimator).__name__,
        "columns": f"{n}, without names" if names is None else f"{n}: {', '.join(names)}",
    }
    covariates = getattr(estimator, "_covariates", None)
    if covariates is not None:
        lines["covariates"] = ", ".join(covariates_of(estimator)) or str(covariates.n_columns)
    if getattr(estimator, "encoding_", None) is not None:
        kinds = Counter(column.kind for column in estimator.encoding_.columns)
        lines["kinds"] = ", ".join(f"{n} of {kind}" for kind, n in kinds.items())
    network = getattr(estimator, "network_", None)
    if network is not None:
        architecture, history = network.architecture, estimator.history_
        lines |= {
            "layers": " → ".join(map(str, architecture.layer_sizes))
            + f" (code: {architecture.n_components}; {architecture.n_params:,} parameters)",
            "activations": ", ".join(architecture.activations),
            "loss": _loss(architecture.loss),
            "scale": str(estimator.scale),
            "computes in": network.dtype.name,
            "fitted": f"{history.n_iter} epochs, {history.n_steps:,} steps; why it ended: "
            f"{history.stopped_because}",
            "last loss": f"{history.watched[-1]:.6g}" if history.watched else "",
        }
    else:
        if hasattr(estimator, "threshold_"):
            lines["outliers"] = f"score above {estimator.threshold_:.6g}"
        if hasattr(estimator, "networks_"):
            lines["networks"] = str(len(estimator.networks_.networks))
        lines["fitted with"] = ", ".join(
            f"{name}={value}" for name, value in estimator.get_params().items()
        )
    width = max(map(len, lines))
    for label, text in lines.items():
        say(f"{label:<{width}}  {text}")


def _loss(loss: Any) -> str:
    """A loss, or of mixed columns each that there is."""
    return loss if isinstance(loss, str) else ", ".join(dict.fromkeys(name for name, _ in loss))


for _command in (demo, fit, encode, reconstruct, impute, score, diagnose, report, info):
    commands.add_command(_command)
