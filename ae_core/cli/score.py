"""``ae-core score``: how unusual each row is, and which columns make it so."""

import functools
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
import numpy as np

from .._typing import Array
from ..basics.shown import cut, printable
from ..displays.outliers import oddest, shares_of
from ..files.table_file import write_rows
from .options import (
    DATA,
    MODEL,
    Reading,
    is_terminal,
    load_model,
    say,
    table_options,
)
from .outputs import keep_option, output_names, output_option
from .rows import FileRows, Part, TableRows, rows_for
from .tables.columns import short

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
      ae-core score detector.safetensors folder/ -o scores.parquet --keep id
    """
    if top is not None and top < 1:
        raise click.UsageError(f"--top {top}: must be at least 1")
    estimator = load_model(model)
    rows = rows_for(estimator, data, reading, output=output)
    to_person = output == "-" and is_terminal(sys.stdout)
    if to_person and top is None:
        top = SHOWN
    order = None if top is None else oddest(scores_of(estimator, rows), top)
    parts = rows.each(functools.partial(contributions_of, estimator), order)
    if to_person:
        return _show(estimator, rows, parts)
    with_text = not output.lower().endswith(".npy")
    titles = _titles(estimator, with_text)
    columns = ([*part.kept, *_columns(estimator, rows.names, part, with_text)] for part in parts)
    n_rows = rows.n_rows if order is None else len(order)
    return write_rows(output, output_names(rows.kept_names, titles), columns, n_rows)


def scores_of(estimator: Any, rows: TableRows | FileRows) -> Array:
    """How unusual each row is: (n_rows,)."""
    parts = rows.each(lambda some, **beside: -np.asarray(estimator.score_samples(some, **beside)))
    return np.concatenate([part.found for part in parts])


def contributions_of(estimator: Any, rows: Any, **beside: Any) -> Array:
    """What each entry adds to the score of its row: (m, n_features)."""
    explains = hasattr(estimator, "explain")
    found = (estimator.explain if explains else estimator.feature_errors)(rows, **beside)
    if hasattr(found, "column_names"):  # pyarrow's Table
        found = np.column_stack([found.column(i).to_numpy() for i in range(found.num_columns)])
    return np.ascontiguousarray(found)  # sums are rounded by the order in memory


def reasons(contributions: Array) -> tuple[Array, Array]:
    """The places (m, k) of the columns that add most to each row's score, and their shares."""
    order = np.argsort(-np.maximum(contributions, 0), axis=1, kind="stable")
    places = order[:, :N_REASONS]
    shares = np.take_along_axis(shares_of(contributions), places, axis=1)
    return places, shares


def texts_of(values: Any) -> list[str]:
    """Values of a column that is kept, to be shown."""
    if not isinstance(values, np.ndarray):
        import pyarrow

        is_text = pyarrow.types.is_string(values.type)
        values = (values.cast(pyarrow.binary()) if is_text else values).to_pylist()
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]


def _titles(estimator: Any, with_text: bool) -> list[str]:
    titles = ["row", "score"] + ["is_outlier"] * hasattr(estimator, "threshold_")
    for i in range(min(N_REASONS, estimator.n_features_in_) if with_text else 0):
        titles += [f"column_{i + 1}", f"share_{i + 1}"]
    return titles


def _columns(estimator: Any, names: list[str], part: Part, with_text: bool) -> list[Any]:
    scores = part.found.sum(axis=1)
    columns: list[Any] = [part.numbers + 1, scores]
    if hasattr(estimator, "threshold_"):
        columns.append(scores > estimator.threshold_)
    if with_text:
        places, shares = reasons(part.found)
        array = np.array(names, dtype=object)
        for place, share in zip(places.T, shares.T, strict=True):
            columns += [array[place], share]
    return columns


def why_odd(names: Sequence[str], places: Array, shares: Array) -> str:
    """The columns that make a row odd, in one line."""
    return ", ".join(
        f"{short(names[j])[1:-1]} {share:.0%}" for j, share in zip(places, shares, strict=True)
    )


def _show(estimator: Any, rows: TableRows | FileRows, parts: Iterable[Part]) -> None:
    threshold = getattr(estimator, "threshold_", None)
    n_shown = 0
    titles = "".join(map(_cell, rows.kept_names))
    says_odd = "outlier  " if threshold is not None else ""
    say(f"{'row':>9}  {titles}{'score':>10}  {says_odd}because of")
    for part in parts:
        kept = ["".join(map(_cell, texts)) for texts in zip(*map(texts_of, part.kept), strict=True)]
        places, shares = reasons(part.found)
        for i, (number, total) in enumerate(zip(part.numbers, part.found.sum(axis=1), strict=True)):
            if threshold is not None:
                says_odd = f"{'yes' if total > threshold else '-':<7}  "
            beside = kept[i] if kept else ""
            why = why_odd(rows.names, places[i], shares[i])
            say(f"{number + 1:>9}  {beside}{total:>10.4g}  {says_odd}{why}")
        n_shown += len(part.numbers)
    if n_shown < rows.n_rows:
        say(f"({n_shown} of {rows.n_rows:,} rows; -o FILE for all, --top N for more or fewer)")


def _cell(text: str) -> str:
    """A text of a column that is kept, as wide as all."""
    return f"{cut(printable(text), KEPT_SHOWN):<{KEPT_SHOWN}}  "
