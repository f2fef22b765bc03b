"""``ae-core fit``."""

import os
import sys
import warnings
from typing import Any

import click

from ..data.blocks import Blocks
from ..files.table_file import check_output
from .layout_options import names_in, parsed
from .options import (
    DATA,
    Reading,
    covariates_of,
    is_of_files,
    is_terminal,
    note,
    say,
    table_options,
)
from .outputs import is_same_file
from .parameter_options import parameter_option
from .rows import framed
from .tables.columns import Advice, listed
from .tables.mixed import described
from .tables.reading import is_table_name
from .tables.values import check_values, warn_of_integers
from .wording import OPTIONS


def _layer_sizes(context: Any, parameter: Any, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(size) for size in text.split(",") if size.strip())
    except ValueError:
        raise click.BadParameter(f"{text!r} is no list of numbers such as 128,64") from None


@click.command(short_help="Learn from a table, and write the model to a file.")
@DATA
@click.option("-o", "--output", required=True, metavar="MODEL", help="Where the model goes to.")
@click.option("--outliers", is_flag=True, help="Fit a detector of unusual rows instead.")
@click.option("--imputer", is_flag=True, help="Fit what fills in missing entries instead.")
@parameter_option(
    "--contamination",
    parameter="contamination",
    metavar="SHARE",
    help="Share of the training rows that are outliers.  [default: what stands out]",
)
@parameter_option("-k", "--components", parameter="n_components", metavar="N")
@parameter_option(
    "--hidden",
    parameter="hidden_layer_sizes",
    type=None,
    callback=_layer_sizes,
    metavar="SIZES",
    default_words="one of 128 units",
)
@parameter_option("--activation", parameter="activation")
@parameter_option("--loss", parameter="loss")
@parameter_option("--scale", parameter="scale", none="none", default_words="auto")
@click.option("--missing", is_flag=True, help="Empty cells are unseen: learn from the others.")
@click.option(
    "--mixed",
    is_flag=True,
    help="Columns may be of numbers, of true and false, of dates such as 2020-12-31, which become "
    "days, or of categories, which are all others.",
)
@click.option(
    "--covariates",
    multiple=True,
    metavar="NAMES",
    callback=parsed(names_in),
    help="Columns that are known of each row and given beside it, not to be reconstructed, such as "
    "the batch it is of: of numbers, dates, true and false, or categories.",
)
@parameter_option("--corruption", parameter="corruption", none="none", default_words="auto")
@parameter_option("--corruption-level", parameter="corruption_level", metavar="SHARE")
@parameter_option("--epochs", "--max-iter", parameter="max_iter", metavar="N")
@parameter_option(
    "--batch-size", parameter="batch_size", metavar="N", default_words="by their number"
)
@parameter_option("--learning-rate", parameter="learning_rate_init", metavar="RATE")
@parameter_option(
    "--validation-fraction",
    parameter="validation_fraction",
    metavar="SHARE",
    help="Hold out this share of the rows, and stop when their loss no longer falls.  "
    "[default: hold out none]",
)
@parameter_option(
    "--seed", parameter="random_state", type=int, default=0, metavar="N", show_default=True
)
@click.option("--float32", is_flag=True, help="Compute in 32 bits: half the memory, twice as fast.")
@parameter_option("--threads", parameter="n_threads", metavar="N")
@click.option("--checkpoint", metavar="FILE", help="Keep the state of the fit there.")
@click.option(
    "--resume", is_flag=True, help="Go on from what --checkpoint has kept of this same fit."
)
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors and warnings.")
@table_options
def fit(
    data: str,
    output: str,
    outliers: bool,
    imputer: bool,
    float32: bool,
    validation_fraction: float | None,
    scale: str | None,
    missing: bool,
    mixed: bool,
    checkpoint: str | None,
    resume: bool,
    quiet: bool,
    reading: Reading,
    **given: Any,
) -> None:
    """Fit a model to DATA, and write it to a file.

    The model learns to put each row into a code of a few numbers, and to reconstruct the row from
    it. In the end its loss is shown beside that of the column mean and of PCA with a code of the
    same size: a model that is not below both has not learned much.

    With --outliers it is a detector of unusual rows: see `ae-core score`. With --imputer it is what
    fills in missing entries best: see `ae-core impute`.

    \b
    Examples:
      ae-core fit data.csv -o model.safetensors -k 8
      ae-core fit data.csv -o model.safetensors -k 8 --missing
      ae-core fit people.csv -o model.safetensors --mixed --drop name
      ae-core fit cells.csv -o model.safetensors -k 8 --covariates batch,age
      ae-core fit 'parts/*.parquet' -o model.safetensors -k 8 --drop id
      ae-core fit data.parquet -o detector.safetensors --outliers --drop id,date
      ae-core fit data.csv -o imputer.safetensors --imputer --mixed --drop id
    """
    in_parts = is_of_files(data)
    kind = "--imputer" if imputer else "--outliers"
    has_covariates, has_checkpoint = bool(reading.covariates), checkpoint is not None
    spoils = given["corruption"] is not None or missing
    _refuse(
        (
            output == "-" or is_table_name(output),
            f"-o {output}: this is where the model goes to, a file such as model.safetensors",
        ),
        (not outliers and given["contamination"] is not None, "--contamination is for --outliers"),
        (
            not spoils and given["corruption_level"] is not None,
            "--corruption-level is for --corruption, or --missing",
        ),
        (outliers and has_checkpoint, "--checkpoint is not for --outliers, which take little time"),
        (resume and not has_checkpoint, "--resume needs --checkpoint FILE, to go on from"),
        (
            _are_the_same(data, output, checkpoint),
            "DATA, -o and --checkpoint must be different files",
        ),
        (imputer and outliers, "--imputer and --outliers are two kinds of models: choose one"),
        (imputer and has_checkpoint, "--checkpoint is not for --imputer, which takes little time"),
        (imputer and in_parts, f"{data}: --imputer learns from one table; give one file"),
        (has_covariates and (imputer or outliers), f"--covariates is not for {kind}"),
        (
            has_covariates and in_parts,
            f"{data}: --covariates are of one table; give one file",
        ),
    )
    for place in (output, checkpoint):
        if place is not None:
            check_output(place, is_table=False)
    parameters = {name: value for name, value in given.items() if value is not None}
    if given["corruption"] == "none":
        parameters["corruption"] = None
    if scale is not None:
        parameters["scale"] = None if scale == "none" else scale
    if missing and not imputer:
        parameters["missing_values"] = "mask"
    if mixed:
        parameters["columns"] = "mixed"
    if validation_fraction is not None:
        parameters |= {"early_stopping": True, "validation_fraction": validation_fraction}
    estimator = _estimator(kind if imputer or outliers else "", parameters)
    known = estimator.get_params()
    if float32 and "dtype" in known:
        estimator.set_params(dtype="float32")
    has_bar = not quiet and is_terminal(sys.stderr) and "verbose" in known
    if has_bar:
        estimator.set_params(verbose=True)

    X: Any
    table, beside = None, {}
    if in_parts:
        X = Blocks(data, columns=reading.columns, drop=reading.drop or None)
        about = f"{X.n_rows:,} rows in {len(X.files)} files, {len(X.names or [])} columns"
    else:
        # What can be done about values that are missing, or no numbers.
        advice = Advice()
        if mixed or "columns" not in known:
            advice = advice._replace(others=", or choose other columns with --columns")
        table = reading.table(
            data, float32=float32, missing=missing or imputer, mixed=mixed, advice=advice
        )
        check_values(data, table)
        X = framed(table.values, table.names if table.named else None)
        kinds = ": " + "; ".join(described(table.values, table.dates)) if mixed else ""
        about = f"{len(X):,} rows, {X.shape[1]} columns{kinds}"
        beside = {} if table.beside is None else {"covariates": table.beside}
    if not quiet:
        note(about)
    if table is not None:
        warn_of_integers(table)
    estimator.fit(X, **beside, **_fit_options(checkpoint, resume))
    if table is not None and given["corruption"] is None:
        _warn_of_size(estimator)
    if has_bar:
        estimator.set_params(verbose=False)
    estimator.save(output)
    if not quiet and imputer:
        say(f"model: {output}; fill tables in with ae-core impute {output} {data} -o filled.csv")
    elif not quiet:
        _report(estimator, X, data, output)


def _refuse(*wrong: tuple[bool, str]) -> None:
    """Refuse what can't end well, before anything is read: by the first that is so.

    Raises
    ------
    UsageError
    """
    for is_so, why in wrong:
        if is_so:
            raise click.UsageError(why)


def _are_the_same(data: str, output: str, checkpoint: str | None) -> bool:
    """Whether two of them are one file."""
    written = [place for place in (output, checkpoint) if place is not None]
    places = {os.path.realpath(place) for place in (data, *written)}
    return len(places) <= len(written) or any(is_same_file(data, each) for each in written)


def _estimator(kind: str, parameters: dict[str, Any]) -> Any:
    """The unfitted estimator.

    Raises
    ------
    UsageError
        For options that a detector, or an imputer, does not have.
    """
    from ..estimators.autoencoder import Autoencoder
    from ..estimators.imputer import AutoencoderImputer
    from ..estimators.outliers import AutoencoderOutlierDetector

    kinds: dict[str, Any] = {
        "": Autoencoder,
        "--imputer": AutoencoderImputer,
        "--outliers": AutoencoderOutlierDetector,
    }
    known = kinds[kind]._get_param_names()
    unknown = [OPTIONS.get(name, name) for name in parameters if name not in known]
    if kind and unknown:
        raise click.UsageError(f"{unknown[0]} is not for {kind}")
    return kinds[kind](**parameters)


def _fit_options(checkpoint: str | None, resume: bool) -> dict[str, Any]:
    from ..estimators.checkpoints import Checkpoint

    if checkpoint is None:
        return {}
    options: dict[str, Any] = {"callbacks": [Checkpoint(checkpoint)]}
    if resume and os.path.exists(checkpoint):
        options["resume_from"] = checkpoint
    elif resume:
        warnings.warn(f"{checkpoint} is not there yet: the fit begins anew", stacklevel=2)
    return options


def _warn_of_size(estimator: Any) -> None:
    """Warn of a code that can hold whole rows, of which nothing has to be learned."""
    network = getattr(estimator, "network_", None)
    if network is None:
        return
    n_components, n_inputs = network.architecture.n_components, network.architecture.layer_sizes[0]
    if n_components > max(1, n_inputs):
        warnings.warn(
            f"a code of {n_components} numbers for {n_inputs} columns has room for whole rows, so "
            "it compresses nothing: --components should be less",
            stacklevel=2,
        )


def _report(estimator: Any, X: Any, data: str, output: str) -> None:
    if hasattr(estimator, "threshold_"):
        n_rows = len(estimator.training_scores_)
        n_outliers = int((estimator.training_scores_ > estimator.threshold_).sum())
        say(f"{n_outliers:,} of {n_rows:,} rows are outliers ({n_outliers / n_rows:.2%})")
        say(f"model: {output}; see them with ae-core score {output} {data} --top 10")
        return
    if covariates_of(estimator):  # PCA and column means have none, so there is nothing beside it
        say(f"{estimator.n_iter_} epochs, the last loss: {estimator.history_.watched[-1]:.4g}")
        say(f"model: {output}; covariates: {listed(covariates_of(estimator))}")
        return
    diagnosis = estimator.diagnose(X, trials=False)
    constant = diagnosis.baselines[diagnosis.constant]
    kind = diagnosis.constant.split()[-1]
    n_components = estimator.network_.architecture.n_components
    rows = [*diagnosis.baselines.items(), (f"this model, code of {n_components}", diagnosis.loss)]
    width = max(len(label) for label, _ in rows)
    say(f"{estimator.n_iter_} epochs. Loss per row, of scaled columns:")
    for label, loss in sorted(rows, key=lambda row: -row[1]):
        share = f"   {100 * loss / constant:8.4g} % of the {kind}'s" if constant > 0 else ""
        say(f"  {label:<{width}}  {loss:>10.4g}{share}")
    for finding in diagnosis.findings:
        say(f"  → {finding.name.replace('_', ' ')}: see ae-core diagnose {output} {data}")
    say(f"model: {output}")
