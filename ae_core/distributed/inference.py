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
    """The estimator, once on each worker."""
    return pickle.loads(local)


def _block(
    part: Any, local: bytes, method: str, n_columns: int | None, out: Any, more: tuple[Any, ...]
) -> Any:
    """What a method gives of one partition; of one without rows, nothing of the right width."""
    if part.shape[0] == 0:
        return np.empty((0,) if n_columns is None else (0, n_columns), out)
    return getattr(unpacked(local), method)(part, *more)


def frame_on_part(part: Any, local: bytes, method: str, empty: Any) -> Any:
    """The same where a frame gives a frame: with the dtypes that all partitions are to have."""
    if not len(part):
        return empty
    frame = getattr(unpacked(local), method)(part)
    wrong = {name: kind for name, kind in empty.dtypes.items() if frame.dtypes[name] != kind}
    return frame.astype(wrong) if wrong else frame


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
    packed = pickle.dumps(local)
    given = (packed, method, n_columns, np.dtype(dtype), more)
    if isinstance(X, DaskArray):
        X = whole_rows(X)
        return da.map_blocks(
            _block,
            X,
            *given,
            dtype=dtype,
            meta=np.empty((0,) if n_columns is None else (0, 0), dtype),
            **({"drop_axis": 1} if n_columns is None else {"chunks": (X.chunks[0], (n_columns,))}),
        )
    if is_frame_of_dask(X) and frames is not False:
        empty = X._meta.astype(dtype) if frames is True else frames
        return X.map_partitions(frame_on_part, packed, method, empty, meta=empty)
    on_part: Callable[..., Any] = delayed(_block, pure=False)
    blocks = [on_part(part, *given) for part in partitions_of(X)]
    if is_list_of_delayed(X):
        return blocks
    shape = (np.nan,) if n_columns is None else (np.nan, n_columns)
    arrays = [da.from_delayed(block, shape, dtype=dtype) for block in blocks]
    return da.concatenate(arrays, allow_unknown_chunksizes=True)
