"""Methods of a fitted estimator, lazily, on the partitions of a collection."""

import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import dask.array as da
import numpy as np
from dask.array import Array as DaskArray
from dask.delayed import delayed

from .collections import is_frame_of_dask, is_list_of_delayed, partitions_of, whole_rows


@lru_cache(8)
def unpacked(local: bytes) -> Any:
    """The estimator, unpickled once on each worker."""
    return pickle.loads(local)


def _block(part: Any, *, local: bytes, method: str, nothing: Any, more: tuple[Any, ...]) -> Any:
    """What a method gives of one partition; of one without rows, nothing of the right kind.

    Frames get the dtypes that all partitions are to have.
    """
    if part.shape[0] == 0:
        return nothing
    found = getattr(unpacked(local), method)(part, *more)
    if isinstance(nothing, np.ndarray):
        return found
    wrong = {name: kind for name, kind in nothing.dtypes.items() if found.dtypes[name] != kind}
    return found.astype(wrong) if wrong else found


def lazily(
    local: Any, method: str, X: Any, n_columns: int | None, dtype: Any, more: Any, frames: Any
) -> Any:
    """A method of a single-machine estimator on all partitions of X, when they are computed.

    Parameters
    ----------
    local : estimator
    method : str
    X : dask array, dask DataFrame or list of Delayed
    n_columns : int or None
        Of what it gives; None for one number per row.
    dtype : dtype
    more : tuple
        Other arguments of the method.
    frames : bool or frame
        Whether the method gives a frame, with the columns of X, for one; or, if it gives one with
        other columns, that frame without rows.

    Returns
    -------
    dask array, dask DataFrame or list of Delayed
    """
    shape = (0,) if n_columns is None else (0, n_columns)
    given = {
        "local": pickle.dumps(local),
        "method": method,
        "nothing": np.empty(shape, dtype),
        "more": more,
    }
    if isinstance(X, DaskArray):
        X = whole_rows(X)
        return da.map_blocks(
            _block,
            X,
            **given,
            dtype=dtype,
            meta=np.empty((0,) * len(shape), dtype),
            **({"drop_axis": 1} if n_columns is None else {"chunks": (X.chunks[0], (n_columns,))}),
        )
    if is_frame_of_dask(X) and frames is not False:
        given["nothing"] = empty = X._meta.astype(dtype) if frames is True else frames
        return X.map_partitions(_block, **given, meta=empty)
    on_part: Callable[..., Any] = delayed(_block, pure=False)
    blocks = [on_part(part, **given) for part in partitions_of(X)]
    if is_list_of_delayed(X):
        return blocks
    arrays = [da.from_delayed(block, (np.nan, *shape[1:]), dtype=dtype) for block in blocks]
    return da.concatenate(arrays, allow_unknown_chunksizes=True)
