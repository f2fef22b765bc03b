"""Fill in the missing entries of a table from a reconstruction of it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .._typing import Array
from .checks import is_sparse, row_slices
from .rows import Rows


def parts_of(rows: Rows) -> Iterator[slice]:
    """Go through the rows in parts, each so small that an array of it takes little memory."""
    return row_slices(len(rows), rows.n_features)


def filled_in(X: Any, rows: Rows, reconstruct: Callable[[Rows], Array]) -> Any:
    """X with its missing entries taken from a reconstruction, and all others as they were.

    Parameters
    ----------
    X : array or CSR matrix of shape (m, n_features)
    rows : Rows
        The same, as the network sees them.
    reconstruct : function
        Of rows; gives an array (m, n_features) in the units of X.

    Returns
    -------
    array of shape (m, n_features), or a CSR matrix where X has NaN among what it stores
    """
    is_implicit = rows.missing == "implicit"
    result: Any
    if is_implicit:
        result = np.empty(X.shape, X.dtype if X.dtype.kind == "f" else np.float64)
    else:
        result = X.copy()
    for part in parts_of(rows):
        some = rows.part(part)
        table = some.take(slice(None), np.float64)  # (m, n_columns)
        unseen = np.isnan(table[:, : rows.n_features])
        if is_implicit:
            result[part] = X[part].toarray()
        if not unseen.any():
            continue
        values = reconstruct(some)[unseen]  # row by row, as CSR has them too
        if is_sparse(X) and not is_implicit:
            stored = result.data[result.indptr[part.start] : result.indptr[part.stop]]
            stored[np.isnan(stored)] = values
        else:
            result[part][unseen] = values
    return result
