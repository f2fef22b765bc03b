"""``ae-core score``: how unusual each row is, and which columns make it so."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import click
import numpy as np

from .._typing import Array
from ..basics.shown import cut, printable
from .options import (
    DATA,
    MODEL,
    Reading,
    is_terminal,
    load_model,
    parts,
    rows_of,
    say,
    table_options,
)
from .outputs import keep_option, output_names, output_option
from .tables.columns import Kept, short
from .tables.reading import write_rows

N_REASONS = 3
"""Columns named for each row."""
KEPT_SHOWN = 16
"""Characters of a column that is kept, on a terminal."""
SHOWN = 20
"""Rows shown on a terminal, if nothing else is asked for."""


@click.command(short_help="How unusual each row is, and which columns make it so.")
@MODEL
@DATA
@output_option("the scores go")
@keep_option
@click.option("--top", type=int, metavar="N", help="Only the N most unusual rows, those first.")
@table_options
def score(model: str, data: str, output: str, top: int | None, reading: Reading) -> None:
    """Score how unusual each row of DATA is, and name the columns that make it so.

    The higher the score, the less usual the row. Models fitted with --outliers also say which rows
    are outliers, and weigh each column against what is usual there; other models score by the
    reconstruction error. Rows are counted from 1. The share of a column is its part in the score.

    On a terminal the most unusual rows are shown as a table. Files and pipes get all rows, in the
    order of DATA, with the columns row, score, is_outlier (of detectors), column_1, share_1, …; an
    .npy file gets those of them that are numbers.

    \b
    Examples:
      ae-core score detector.safetensors data.csv --top 10
      ae-core score detector.safetensors data.csv -o scores.csv
    """
    if top is not None and top < 1:
        raise click.UsageError(f"--top {top}: must be at least 1")
    estimator = load_model(model)
    table = reading.table_for(estimator, data)
    names = [str(n) for n in getattr(estimator, "feature_names_in_", table.names)]
    to_person = output == "-" and is_terminal(sys.stdout)
    if to_person and top is None:
        top = SHOWN
    if top is None:
        which, n_rows = _blocks(estimator, table.values), len(table.values)
    else:
        scores = np.concatenate(
            [-estimator.score_samples(part) for _, part in parts(estimator, table.values)]
        )
        order = np.argsort(-scores, kind="stable")[:top]
        which, n_rows = _some(estimator, table.values, order), len(order)
    if to_person:
        _show(estimator, names, which, len(table.values), table.kept)
        return
    titles, with_text = _titles(estimator), not output.lower().endswith(".npy")
    if not with_text:
        titles = [title for title in titles if "_" not in title or title == "is_outlier"]

    def columns() -> Iterator[list[Any]]:
        for rows, contributions in which:
            kept = [_at(each, rows) for each in table.kept]
            yield kept + _columns(estimator, names, rows, contributions, with_text)

    write_rows(output, output_names(table, titles), columns(), n_rows)


def _at(kept: Kept, rows: Array) -> Any:
    """Those rows of a column that is kept."""
    return kept.values[rows] if isinstance(kept.values, np.ndarray) else kept.values.take(rows)


def contributions_of(estimator: Any, rows: Any) -> Array:
    """What each entry adds to the score of its row: (m, n_features)."""
    if hasattr(estimator, "explain"):
        return np.asarray(estimator.explain(rows))
    return np.asarray(estimator.feature_errors(rows))


def reasons(contributions: Array) -> tuple[Array, Array]:
    """The places (m, k) of the columns that add most to each row's score, and their shares."""
    contributions = np.maximum(contributions, 0)
    k = min(N_REASONS, contributions.shape[1])
    places = np.argsort(-contributions, axis=1, kind="stable")[:, :k]
    total = contributions.sum(axis=1, keepdims=True)
    shares = np.take_along_axis(contributions, places, axis=1) / np.where(total > 0, total, 1)
    return places, shares


def texts_at(kept: Kept, rows: Array) -> list[str]:
    """Values of a column that is kept in those rows, to be shown."""
    values = _at(kept, rows)
    if not isinstance(values, np.ndarray):
        import pyarrow

        is_text = pyarrow.types.is_string(values.type)
        values = (values.cast(pyarrow.binary()) if is_text else values).to_pylist()
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]


def _blocks(estimator: Any, values: Any) -> Iterator[tuple[Array, Array]]:
    """Numbers of rows, and what their entries contribute, for some rows after others."""
    for start, part in parts(estimator, values):
        yield np.arange(start, start + len(part)), contributions_of(estimator, part)


def _some(estimator: Any, values: Any, order: Array) -> Iterator[tuple[Array, Array]]:
    """The same for the rows of those places."""
    names = getattr(estimator, "feature_names_in_", None)
    for start in range(0, len(order), 1024):
        these = order[start : start + 1024]
        yield these, contributions_of(estimator, rows_of(values, these, names))


def _titles(estimator: Any) -> list[str]:
    titles = ["row", "score"] + ["is_outlier"] * hasattr(estimator, "threshold_")
    for i in range(min(N_REASONS, estimator.n_features_in_)):
        titles += [f"column_{i + 1}", f"share_{i + 1}"]
    return titles


def _columns(
    estimator: Any, names: list[str], rows: Array, contributions: Array, with_text: bool
) -> list[Any]:
    scores = contributions.sum(axis=1)
    columns: list[Any] = [rows + 1, scores]
    if hasattr(estimator, "threshold_"):
        columns.append(scores > estimator.threshold_)
    if with_text:
        places, shares = reasons(contributions)
        array = np.array(names, dtype=object)
        for place, share in zip(places.T, shares.T, strict=True):
            columns += [array[place], share]
    return columns


def _show(
    estimator: Any, names: list[str], which: Any, n_rows: int, kept: Sequence[Kept] = ()
) -> None:
    has_line = hasattr(estimator, "threshold_")
    n_shown = 0
    titles = "".join(f"{cut(printable(each.name), KEPT_SHOWN):<{KEPT_SHOWN}}  " for each in kept)
    say(f"{'row':>9}  {titles}{'score':>10}  " + "outlier  " * has_line + "because of")
    for rows, contributions in which:
        places, shares = reasons(contributions)
        own = [texts_at(each, rows) for each in kept]
        for i, (row, total, columns, parts_) in enumerate(
            zip(rows, contributions.sum(axis=1), places, shares, strict=True)
        ):
            why = ", ".join(
                f"{short(names[j])[1:-1]} {share:.0%}"
                for j, share in zip(columns, parts_, strict=True)
            )
            is_outlier = ""
            if has_line:
                is_outlier = f"{'yes' if total > estimator.threshold_ else '-':<7}  "
            beside = "".join(
                f"{cut(printable(values[i]), KEPT_SHOWN):<{KEPT_SHOWN}}  " for values in own
            )
            say(f"{row + 1:>9}  {beside}{total:>10.4g}  {is_outlier}{why}")
            n_shown += 1
    if n_shown < n_rows:
        say(f"({n_shown} of {n_rows:,} rows; -o FILE for all, --top N for more or fewer)")
