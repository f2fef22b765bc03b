"""Tables of many Parquet files, a folder of them or a pattern: read and written block by block."""

import glob
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click
import numpy as np

from .._typing import Array
from ..data.blocks import Blocks, Place, at
from ..estimators.block_fitting import taken
from .options import Reading, covariates_of
from .outputs import is_same_file, plain
from .tables.columns import TableError, listed
from .tables.reading import write_rows


def is_of_files(path: str) -> bool:
    """Whether a path is that of a folder, or a pattern."""
    return os.path.isdir(path) or (glob.has_magic(path) and not os.path.exists(path))


def blocks_at(path: str, reading: Reading) -> Blocks:
    """The table to learn from.

    Raises
    ------
    ValueError
        When there is none.
    """
    if reading.covariates:
        raise click.UsageError(f"{path}: --covariates are of one table; give one file")
    return Blocks(path, columns=reading.columns, drop=reading.drop or None)


def blocks_for(estimator: Any, path: str, reading: Reading, *, keep_others: bool = False) -> Blocks:
    """The columns that a model was fitted to, and those that are kept beside them.

    Raises
    ------
    TableError
        When the files do not have them.
    ValueError
        When they are no Parquet files of the same columns.
    """
    if covariates_of(estimator):
        raise click.UsageError(f"{path}: a model with covariates takes one table; give one file")
    blocks = Blocks(path)
    there = blocks.names or []
    wanted = getattr(estimator, "feature_names_in_", None)
    if wanted is not None:
        lacking = [name for name in wanted if name not in there]
        if lacking:
            raise TableError(
                f"the model was fitted to {len(wanted)} columns, and of these there is no "
                f"{listed(lacking)}; there are {listed(there)}"
            )
        columns = [str(name) for name in wanted]
    else:
        left_out = {*reading.drop, *reading.keep}
        columns = [n for n in (reading.columns or there) if n not in left_out]
        if len(columns) != estimator.n_features_in_:
            raise TableError(
                f"the model was fitted to {estimator.n_features_in_} columns, and here are "
                f"{len(columns)}; choose them with --columns or --drop"
            )
    keep = list(dict.fromkeys(reading.keep))
    if keep_others and not keep:
        others = there if reading.columns is None else reading.columns
        keep = [n for n in others if n not in columns and n not in reading.drop]
    return Blocks(path, columns=columns, keep=keep or None)


def write_by_blocks(
    estimator: Any, method: str, path: str, output: str, reading: Reading, names: Sequence[str]
) -> None:
    """Write what a method gives of each block, with what is kept before it.

    For 'impute' the columns are in the order of the files.
    """
    is_filling = method == "impute"
    blocks = blocks_for(estimator, path, reading, keep_others=is_filling)
    check_output_of(output, blocks)
    kept = blocks.keep or []
    twice = [name for name in kept if name in names]
    if twice:
        raise click.UsageError(f"--keep {twice[0]}: the output has a column of that name")
    titles = [*kept, *names]
    order = list(range(len(titles)))
    if is_filling:
        there = Blocks(path).names or []
        places = {name: place for place, name in enumerate(there)}
        order.sort(key=lambda i: places.get(titles[i], len(there)))

    def parts() -> Iterator[list[Any]]:
        for block in _located(blocks):
            with block:
                values = getattr(estimator, method)(block.table)
            columns = [*_columns(block.kept), *_columns(values)]
            yield [columns[i] for i in order]

    write_rows(output, [titles[i] for i in order], parts(), blocks.n_rows or 0)


class Located(NamedTuple):
    """A block; as a context, it says where it is in errors."""

    first: int
    where: Place
    table: Any
    kept: Any

    def __enter__(self) -> "Located":
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, ValueError | TypeError):
            raise at(self.where, error) from error


def _located(blocks: Blocks) -> Iterator[Located]:
    for found in blocks.placed():
        yield Located(*found)


def parts_of(
    blocks: Blocks, of_rows: Any, which: Array | None = None
) -> Iterator[tuple[Array, Array, list[Any]]]:
    """Numbers of rows, what their entries contribute to their scores, and columns that are kept.

    Of all rows, or of those that `which` numbers.
    """
    for block in _located(blocks):
        rows = np.arange(block.table.shape[0])
        if which is not None:
            rows = np.flatnonzero(np.isin(block.first + rows, which))
            if not len(rows):
                continue
        table = block.table if which is None else taken(block.table, rows)
        kept = block.kept if which is None or block.kept is None else block.kept.take(rows)
        with block:
            found = of_rows(table)
        yield block.first + rows, found, _columns(kept)


def scores_of(estimator: Any, blocks: Blocks) -> Array:
    """Minus `score_samples` of all rows: (n_rows,)."""
    return np.concatenate([-np.asarray(part) for part in estimator.score_samples(blocks)])


def check_output_of(output: str, blocks: Blocks) -> None:
    """Refuse an output that is one of the files that are read.

    Raises
    ------
    UsageError
    """
    if output != "-" and any(is_same_file(output, file) for file in blocks.files):
        raise click.UsageError(f"-o {output} is one of the files that are read: give another one")


def _columns(values: Any) -> list[Any]:
    if values is None:
        return []
    if hasattr(values, "column_names"):
        return [values.column(i).combine_chunks() for i in range(values.num_columns)]
    if hasattr(values, "iloc"):
        return [plain(values.iloc[:, i]) for i in range(values.shape[1])]
    return list(np.asarray(values).T)
