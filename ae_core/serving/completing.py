"""Tables with what is missing of them filled in, in the kind of container that was given."""

from typing import Any

import numpy as np

from .._typing import Array
from ..data.encoded_columns import NUMBER
from ..data.encoding import Encoding
from ..data.frames import (
    as_pandas,
    filled_frame,
    framed,
    from_pandas,
    is_frame,
    library_of,
    sparse_frame,
)
from ..data.imputation import filled_in
from ..data.rows import Rows
from ..data.seen_rows import Seeing
from ..network.compiled import Network
from .ranges import reconstructed


def completed(
    X: Any, table: Any, rows: Rows, network: Network, seeing: Seeing, never: Array
) -> Any:
    """X with its missing entries taken from the reconstruction; in a frame where X is one.

    Parameters
    ----------
    X : array, frame or sparse matrix of shape (m, n_features)
        As it was given, or anything else that has these rows.
    table : array or CSR matrix of shape (m, n_features)
        The same, checked.
    rows : Rows
        The same, as the network sees them.
    network : Network
    seeing : Seeing
        How it sees them.
    never : array of shape (n_features,), bool
        Columns of which the fit saw nothing; these stay missing.
    """

    def known(rows: Rows) -> Array:
        X_hat = reconstructed(network, rows, seeing)
        X_hat[:, never] = np.nan
        return X_hat

    filled = filled_in(table, rows, known)
    if not is_frame(X):
        return filled
    if isinstance(table, np.ndarray):
        return filled_frame(X, table, filled)
    if isinstance(filled, np.ndarray):  # what 'implicit' fills in is no longer sparse
        return framed(filled, X)
    return sparse_frame(X, filled)


def completed_mixed(X: Any, encoding: Encoding, X_hat: Array, never: Array | None = None) -> Any:
    """A frame with its missing cells taken from a reconstruction of them as they are encoded.

    Parameters
    ----------
    X : frame of shape (m, n_columns)
    encoding : Encoding
    X_hat : array of shape (m, n_encoded)
    never : array of shape (n_columns,), bool, optional
        As of `completed`.
    """
    filled = encoding.filled(as_pandas(X), encoding.decode(X_hat), never)
    return from_pandas(filled, library_of(X))


def completed_cells(
    columns: dict[str, Array],
    encoding: Encoding,
    encoded: Array,
    X_hat: Array,
    never: Array | None = None,
) -> dict[str, Array]:
    """Columns (m,) with what is unseen of them taken from a reconstruction.

    Numbers as float64; flags and categories as objects.

    Parameters
    ----------
    columns : dict of str to array of shape (m,)
        As they were given.
    encoding : Encoding
    encoded : array of shape (m, n_encoded)
        The same, NaN for what is unseen.
    X_hat : array of shape (m, n_encoded)
        The reconstruction.
    never : array of shape (n_columns,), bool, optional
        As of `completed`.
    """
    values, filled = encoding.decode_cells(X_hat), {}
    for i, column in enumerate(encoding.columns):
        own = encoded[:, encoding.starts[i]]  # (m,): of a number itself
        given = own if column.kind == NUMBER else columns[column.name].astype(object)
        found = np.full(len(own), None) if never is not None and never[i] else values[column.name]
        filled[column.name] = np.where(np.isnan(own), found, given)
    return filled
