"""``ae-core score``: how unusual each row is, and which columns make it so."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import click
import numpy as np

from .._typing import Array
from ..basics.shown import cut, printable
from .blocks import blocks_for, check_output_of, is_of_files, parts_of, scores_of
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
from .rows import part_of, parts
from .tables.columns import Kept, Table, short
from .tables.reading import write_rows

NOTHING: Mapping[str, Any] = MappingProxyType({})
"""What models without covariates are given beside rows."""
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
    if is_of_files(data):
        return _score_files(estimator, data, output, top, reading)
    table = reading.table_for(estimator, data)
    names = [str(n) for n in getattr(estimator, "feature_names_in_", table.names)]
    to_person = output == "-" and is_terminal(sys.stdout)
    if to_person and top is None:
        top = SHOWN
    if top is None:
        which, n_rows = _blocks(estimator, table), len(table.values)
    else:
        scores = np.concatenate(
            [
                -estimator.score_samples(part, **beside)
                for _, part, beside in parts(estimator, table)
            ]
        )
        order = np.argsort(-scores, kind="stable")[:top]
        which, n_rows = _some(estimator, table, order), len(order)
    if to_person:
        return _show(estimator, names, which, len(table.values), table.kept)
    titles, with_text = _titles(estimator), not output.lower().endswith(".npy")
    if not with_text:
        titles = [title for title in titles if "_" not in title or title == "is_outlier"]

    def columns() -> Iterator[list[Any]]:
        for rows, contributions in which:
            kept = [_at(each, rows) for each in table.kept]
            yield kept + _columns(estimator, names, rows, contributions, with_text)

    return write_rows(output, output_names(table, titles), columns(), n_rows)


class _Places:
    """Values of some rows, which are taken by the rows' numbers."""

    def __init__(self, rows: Array, values: Any) -> None:
        self.place, self.values = {int(row): i for i, row in enumerate(rows)}, values

    def take(self, rows: Array) -> Any:
        """Those of these rows."""
        return self.values.take([self.place[int(row)] for row in rows])


def _score_files(estimator: Any, data: str, output: str, top: int | None, reading: Reading) -> None:
    """Score the rows of many files, some after others."""
    blocks = blocks_for(estimator, data, reading)
    check_output_of(output, blocks)
    names = blocks.names or []
    n_rows = blocks.n_rows or 0
    to_person = output == "-" and is_terminal(sys.stdout)
    if to_person and top is None:
        top = SHOWN

    def of_rows(rows: Any) -> Array:
        return contributions_of(estimator, rows)

    if top is None:
        which = parts_of(blocks, of_rows)
    else:
        order = np.argsort(-scores_of(estimator, blocks), kind="stable")[:top]
        which = iter([_ordered(parts_of(blocks, of_rows, order), order)])
    if to_person:
        rows, found, kept = next(which)
        own = [
            Kept(i, name, _Places(rows, values))
            for i, (name, values) in enumerate(zip(blocks.keep or [], kept, strict=True))
        ]
        return _show(estimator, names, [(rows, found)], n_rows, own)
    titles, with_text = _titles(estimator), not output.lower().endswith(".npy")
    if not with_text:
        titles = [title for title in titles if "_" not in title or title == "is_outlier"]
    twice = [name for name in blocks.keep or [] if name in titles]
    if twice:
        raise click.UsageError(f"--keep {twice[0]}: the output has a column of that name")
    parts = (
        [*kept, *_columns(estimator, names, rows, found, with_text)] for rows, found, kept in which
    )
    n_written = n_rows if top is None else min(top, n_rows)
    return write_rows(output, [*(blocks.keep or []), *titles], parts, n_written)


def _ordered(parts: Any, order: Array) -> tuple[Array, Array, list[Any]]:
    """Some rows in this order."""
    import pyarrow

    rows, found, kept = zip(*parts, strict=True)
    numbers = np.concatenate(rows)
    places = np.argsort(numbers)[np.searchsorted(np.sort(numbers), order)]
    beside = [pyarrow.chunked_array(list(each)).take(places) for each in zip(*kept, strict=True)]
    return order, np.concatenate(found)[places], beside


def _at(kept: Kept, rows: Array) -> Any:
    """Those rows of a column that is kept."""
    return kept.values[rows] if isinstance(kept.values, np.ndarray) else kept.values.take(rows)


def contributions_of(estimator: Any, rows: Any, beside: Mapping[str, Any] = NOTHING) -> Array:
    """What each entry adds to the score of its row: (m, n_features)."""
    explains = hasattr(estimator, "explain")
    found = (estimator.explain if explains else estimator.feature_errors)(rows, **beside)
    if hasattr(found, "column_names"):  # pyarrow's Table
        found = np.column_stack([found.column(i).to_numpy() for i in range(found.num_columns)])
    return np.ascontiguousarray(found)  # sums are rounded by the order in memory


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


def _blocks(estimator: Any, table: Table) -> Iterator[tuple[Array, Array]]:
    """Numbers of rows, and what their entries contribute, for some rows after others."""
    for start, part, beside in parts(estimator, table):
        yield np.arange(start, start + len(part)), contributions_of(estimator, part, beside)


def _some(estimator: Any, table: Table, order: Array) -> Iterator[tuple[Array, Array]]:
    """The same for the rows of those places."""
    for start in range(0, len(order), 1024):
        these = order[start : start + 1024]
        _, rows, beside = part_of(estimator, table, these)
        yield these, contributions_of(estimator, rows, beside)


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
