"""A few rows of numbers of which no check has anything to say, told sooner than checks would be."""

from typing import Any

import numpy as np

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
PLAIN_ENTRIES = 4096
"""Up to so many entries a mask of them costs less than the care for large arrays."""


def is_plain(X: Any, n_columns: int, missing: str | None) -> bool:
    """Whether X is a small array of floats of which no check has anything to say.

    For those who are given a row at a time. False says nothing: the checks say what is the matter.

    Parameters
    ----------
    X : anything
    n_columns : int
        How many it has to have.
    missing : {None, 'mask', 'implicit'}
        As `ae_core.data.rows.Rows` has it.
    """
    if not is_plain_array(X, n_columns):
        return False
    if missing is None:
        return bool(np.isfinite(X).all())
    return missing == "mask" and not np.isinf(X).any()


def is_plain_array(X: Any, n_columns: int) -> bool:
    """The same, but for what the numbers are.

    Parameters
    ----------
    X : anything
    n_columns : int
    """
    return (
        type(X) is np.ndarray
        and X.dtype in FLOATS
        and X.ndim == 2
        and X.shape[1] == n_columns
        and 0 < X.size <= PLAIN_ENTRIES
        and bool(X.flags.aligned)
    )
