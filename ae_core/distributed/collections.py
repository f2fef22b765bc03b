"""Collections in partitions: dask arrays, dask DataFrames, and lists of `dask.delayed` objects."""

from typing import Any

from dask.array import Array as DaskArray
from dask.delayed import Delayed

from ..basics.shown import shown


def is_frame_of_dask(X: Any) -> bool:
    """Whether X is a dask DataFrame; without importing dask.dataframe, which takes a second."""
    package = type(X).__module__.partition(".")[0]
    return package in ("dask", "dask_expr") and hasattr(X, "map_partitions")


def is_list_of_delayed(X: Any) -> bool:
    """Whether X is a list of partitions that are computed later."""
    return isinstance(X, list | tuple) and len(X) > 0 and all(isinstance(p, Delayed) for p in X)


def is_distributed(X: Any) -> bool:
    """Whether X lies in partitions."""
    return isinstance(X, DaskArray) or is_frame_of_dask(X) or is_list_of_delayed(X)


def whole_rows(X: DaskArray, name: str = "X") -> DaskArray:
    """A dask array whose chunks have all columns.

    Raises
    ------
    ValueError
        When it is not 2-D.
    """
    if X.ndim != 2:
        raise ValueError(f"{name} has shape {X.shape}: (n_samples, n_features) is needed")
    return X if X.numblocks[1] == 1 else X.rechunk({1: -1})


def partitions_of(X: Any, name: str = "X") -> list[Delayed]:
    """The partitions of X, in order; chunks may be of unknown size.

    Raises
    ------
    TypeError
        For what does not lie in partitions.
    ValueError
        For a dask array that is not 2-D.
    """
    if isinstance(X, DaskArray):
        return list(whole_rows(X, name).to_delayed().ravel())
    if is_frame_of_dask(X):
        return list(X.to_delayed())
    if is_list_of_delayed(X):
        return list(X)
    raise TypeError(
        f"{name} is a {type(X).__name__}, {shown(X)[:80]}: a dask array, a dask DataFrame or a "
        "list of dask.delayed partitions is needed; for one in memory use the class without Dask"
    )
