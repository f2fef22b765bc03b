"""Methods that take a table in blocks: their results come block by block, or go into a file."""

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..basics.arguments import check_path
from ..basics.memory import FEWER_ROWS, says_what_it_lacks
from ..data.blocks import Blocks, at, blocks_of
from ..data.checks import is_sparse
from ..data.frames import is_frame, names_of
from ..files.table_file import check_output, write_rows
from .beside import NOT_FOR_BLOCKS, refuse_beside

Method = TypeVar("Method", bound=Callable[..., Any])

MAKES_COLUMNS = {
    "score_samples": "score",
    "decision_function": "decision",
    "predict": "prediction",
    "p_values": "p_value",
}
"""The name of the column, for methods that give one number for each row."""


def by_blocks(method: Method) -> Method:
    """Let a method take `Blocks`, too, and write its results to a file with ``to``.

    For a table in memory the method is called as it is; it never gets ``to``.
    """
    in_memory = says_what_it_lacks(FEWER_ROWS)(method)

    @functools.wraps(method)
    def of_any(self: Any, X: Any, *arguments: Any, to: Any = None, **options: Any) -> Any:
        blocks = blocks_of(X)
        if blocks is None and to is None:
            return in_memory(self, X, *arguments, **options)
        refuse_beside(options, NOT_FOR_BLOCKS)
        check_is_fitted(self)
        blocks = Blocks(X) if blocks is None else blocks

        results = _results(blocks, lambda block: method(self, block, *arguments, **options))
        if to is None:
            return (result for result, _ in results)
        return _written(self, method.__name__, blocks, results, to)

    return cast(Method, of_any)


def mean_score(estimator: Any, blocks: Blocks, sample_weight: Any, *, by_seen: bool) -> float:
    """The mean of `score_samples` over the rows of blocks, weighted by the share seen `by_seen`."""
    if sample_weight is not None:
        raise ValueError("sample_weight is not for X in blocks: give a table in memory, or none")

    def judged(block: Any) -> tuple[float, float]:
        scores = estimator.score_samples(block)
        counts = estimator._rows(block).counts(slice(None)) if by_seen else np.ones(len(scores))
        return float(scores @ counts), float(counts.sum())

    total = count = 0.0
    for (scores, counts), _ in _results(blocks, judged):
        total, count = total + scores, count + counts
    largest = float(np.finfo(np.float64).max)
    return float(np.clip(total / count, -largest, largest)) if count else 0.0


def _results(blocks: Blocks, method: Callable[[Any], Any]) -> Iterator[tuple[Any, Any]]:
    """The result of a method for each block, with the columns that are kept beside it."""
    for _, where, block, kept in blocks.placed():
        try:
            yield method(block), kept
        except (ValueError, TypeError) as error:
            raise at(where, error) from error


def _written(
    estimator: Any, method: str, blocks: Blocks, results: Iterator[tuple[Any, Any]], to: Any
) -> None:
    """Write results, whole or not at all."""
    path = os.fsdecode(check_path("to", to))
    check_output(path)
    names = _result_names(estimator, method)
    kept = blocks.keep or []
    twice = [name for name in kept if name in names]
    if twice:
        raise ValueError(f"keep has {twice[0]!r}, and so has the result: keep another column")
    n_rows = blocks.n_rows
    if n_rows is None and path.lower().endswith(".npy"):
        n_rows = sum(block.shape[0] for block in blocks)
    parts = ([*_columns(beside), *_columns(result)] for result, beside in results)
    write_rows(path, [*kept, *names], parts, n_rows or 0)


def _result_names(estimator: Any, method: str) -> list[str]:
    if method in MAKES_COLUMNS:
        return [MAKES_COLUMNS[method]]
    if method == "transform":
        return [str(name) for name in estimator.get_feature_names_out()]
    n_features = estimator.n_features_in_
    names = getattr(estimator, "feature_names_in_", [f"x{i}" for i in range(n_features)])
    return [str(name) for name in names]


def _columns(values: Any) -> list[Any]:
    """The columns of a result as arrays of NumPy or Arrow."""
    if values is None:
        return []
    if is_sparse(values):
        values = values.toarray()
    if not is_frame(values):
        values = np.asarray(values)
        return list(values.T) if values.ndim == 2 else [values]
    if hasattr(values, "column_names"):
        return [values.column(i).combine_chunks() for i in range(values.num_columns)]
    if hasattr(values, "iloc"):
        return [_plain(values.iloc[:, i]) for i in range(values.shape[1])]
    return [values[name].to_arrow() for name in names_of(values) or []]


def _plain(column: Any) -> Any:
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return column.to_numpy()
    return column.astype(object).where(column.notna(), None).to_numpy()
