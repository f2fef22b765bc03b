"""How estimators learn from a table in blocks (`Blocks`): the steps that `fit` is made of then."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ..data.block_encoding import learn_encoding
from ..data.block_rows import BlockRows, joined, row_hashes
from ..data.blocks import Blocks, at, blocks_of
from ..data.encoded_blocks import ROWS_SAMPLED, EncodedBlocks
from ..data.frames import as_pandas, is_frame, library_of
from ..data.rows import Rows
from ..training.progress import Callback
from .checkpoints import bind_checkpoints, open_checkpoint
from .fitting import check_split, clips, generator_of, run, seen
from .parameters import check_columns, dtype_of
from .starting import draw_network, go_on, is_scaled, note_scale
from .tables import checked, note_columns


def checked_blocks(estimator: Any, blocks: Blocks, *, reset: bool) -> EncodedBlocks:
    """The blocks, to be checked and encoded as the estimator's parameters say.

    With `reset`, the names of the columns are noted, and how they are encoded is learned: in a pass
    of its own for ``columns='mixed'``.

    Raises
    ------
    ValueError, TypeError
        When a block is not as it should be: says where.
    """
    if reset:
        check_columns(estimator)
        _note_columns(estimator, blocks)

    def encode(block: Any) -> Any:
        return checked(estimator, block, reset=False)

    return EncodedBlocks(blocks, encode, estimator.missing_values, bar_of(estimator))


def _note_columns(estimator: Any, blocks: Blocks) -> None:
    first = next(iter(blocks.placed()), None)
    if first is None:
        raise ValueError("X gives no blocks: there is nothing to learn from")
    _, where, block, _ = first

    def frames() -> Iterator[Any]:
        nonlocal where  # the place that an error names
        for _, where, each, _ in blocks.placed():  # noqa: B007
            yield as_pandas(each)

    try:
        if estimator.columns != "mixed":
            checked(estimator, block, reset=True)
            return
        frame = as_pandas(block)
        estimator.encoding_ = learn_encoding(frames(), estimator.missing_values == "mask")
        note_columns(estimator, frame, reset=True)
        estimator._library = library_of(block)
    except (ValueError, TypeError) as error:
        raise at(where, error) from error


def fit_blocks(
    estimator: Any,
    blocks: Blocks,
    sample_weight: Any,
    X_val: Any,
    callbacks: tuple[Callback, ...],
    resume_from: Any,
) -> Rows:
    """Learn from blocks, as `fit` does from a table.

    Returns
    -------
    Rows
        Some of their rows, to judge the fit by.
    """
    if sample_weight is not None:
        raise ValueError("sample_weight is not for X in blocks: give a table in memory, or none")
    if estimator.solver == "lbfgs":
        raise ValueError("solver='lbfgs' takes all rows at once, and X comes in blocks: use 'adam'")
    is_fitted = estimator.warm_start and hasattr(estimator, "network_")
    X = checked_blocks(estimator, blocks, reset=not is_fitted)
    random = generator_of(estimator)
    resume, _ = open_checkpoint(resume_from, estimator, X, None)
    held_out = 0.0
    if X_val is not None:
        X_val = checked_validation(estimator, X_val)
    elif estimator.early_stopping:
        held_out = held_out_share(X, estimator.validation_fraction)
        X_val = X.picked(held_out)
    some = some_rows(X, held_out)
    if is_fitted:
        go_on(estimator)
    else:
        _start(estimator, X, some, held_out, random)
    validation = None if X_val is None else seen(estimator, X_val, name="X_val")
    rows = BlockRows(X, estimator.shift_, estimator.factor_, clips(estimator), held_out)
    callbacks = bind_checkpoints(callbacks, estimator, X, None, np.empty(0, dtype=np.int64))
    run(estimator, rows, random, callbacks, validation, resume)
    return seen(estimator, some)


def checked_validation(estimator: Any, X_val: Any) -> Any:
    """Rows that are not learned from, checked; of blocks some."""
    blocks = blocks_of(X_val, "X_val")
    return checked(estimator, sampled(blocks) if blocks else X_val, reset=False, name="X_val")


def _start(estimator: Any, X: EncodedBlocks, some: Any, held_out: float, random: Any) -> None:
    """Learn the scaling, and draw the first weights: as `starting.start`."""
    note_scale(estimator)
    estimator.shift_, estimator.factor_, estimator._running = X.learn_scaling(
        estimator._scale, is_scaled(estimator, X.n_columns), held_out
    )
    draw_network(estimator, seen(estimator, some), dtype_of(estimator.dtype, X), random)


def some_rows(X: EncodedBlocks, held_out: float) -> Any:
    """Rows that are learned from, spread at random, as one table."""
    table = X.picked(min(1.0, held_out + ROWS_SAMPLED / X.n_rows), held_out)
    return X.picked(1.0, held_out) if table is None else table  # of few rows, no hash may be so low


def held_out_share(X: EncodedBlocks, fraction: float) -> float:
    """The share of rows held out, those of the lowest hashes: at most as many as a block has.

    Raises
    ------
    ValueError
        When that would be none of them, or all.
    """
    share = min(fraction, (X.blocks.block_size or ROWS_SAMPLED) / X.n_rows)
    check_split(fraction, X.n_rows, X.n_rows - X._n_counted(share))
    return share


def bar_of(estimator: Any) -> Any:
    """A function that makes a progress bar of a pass over blocks, if the estimator is verbose."""
    if not getattr(estimator, "verbose", False):
        return None

    def bar(what: str, n_rows: int | None) -> AbstractContextManager[Any]:
        from tqdm.auto import tqdm

        return tqdm(total=n_rows, desc=what, unit="row", unit_scale=True, delay=0.5)

    return bar


def sampled(blocks: Blocks) -> Any:
    """Some of the rows of blocks, as they are: an array, or a frame of their library."""
    n_rows = blocks.n_rows or sum(block.shape[0] for block in blocks)
    parts, share = [], ROWS_SAMPLED / n_rows
    for first, _, block, _ in blocks.placed():
        which = np.flatnonzero(row_hashes(first, block.shape[0]) < share)
        if len(which):
            parts.append(taken(block, which))
    return _below(parts)


def taken(block: Any, which: Any) -> Any:
    """Some rows of a block, which is an array, a matrix or a frame."""
    if hasattr(block, "iloc"):
        return block.iloc[which]
    return block.take(which) if hasattr(block, "column_names") else block[which]


def _below(parts: list[Any]) -> Any:
    """Blocks (arrays, matrices or frames) below each other, as one."""
    if len(parts) == 1 or not is_frame(parts[0]):
        return joined(parts)
    import narwhals as nw

    return nw.concat([nw.from_native(part, eager_only=True) for part in parts]).to_native()
