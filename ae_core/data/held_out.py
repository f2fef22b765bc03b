"""Entries that are held out: nothing is learned of them, and they are predicted from the others.

Rows that are held out measure how well new rows are reconstructed when the network sees all of
them. Where entries are missing, the question is how well those are filled in.
"""

from typing import Any, NamedTuple

import numpy as np

from .._typing import Array
from .checks import is_sparse
from .rows import Rows


class HeldOutEntries(NamedTuple):
    """Rows as they are given to a network, and the entries of them that it is to predict."""

    given: Rows
    targets: Rows
    """Of the same rows the entries that are held out, all others unseen."""

    def counts(self, which: Any = slice(None)) -> Array:
        """How many whole rows the held-out entries of each row count as: (m,)."""
        return self.targets.counts(which)

    def errors(self, network: Any) -> Array:
        """The loss of the held-out entries of each row, per whole row: (m,) float64."""
        errors = network.decoding_errors(network.encode(self.given), self.targets)
        seen = np.ones(len(errors)) if self.targets.seen is None else self.targets.seen
        return np.asarray(errors.astype(np.float64) / np.where(seen > 0, seen, 1))


class EntrySplit(NamedTuple):
    """A table without the entries held out, and these alone."""

    given: Any
    """Of the kind of the table: an array with NaN for them, or CSR that does not store them."""
    held_out: Any
    """CSR: what is stored is held out."""


def hold_out_entries(
    X: Any, fraction: float, random: np.random.Generator, starts: Array | None = None
) -> EntrySplit:
    """Hold out a share of the entries of X that are known, each as likely.

    Parameters
    ----------
    X : CSR matrix, of which the entries that it does not store are unknown; or array with NaN
    fraction : float
    random : Generator
    starts : array of shape (n + 1,), optional
        Where the columns of the table begin that the columns of X encode: all of one go together.

    Raises
    ------
    ValueError
        When that would be none of them, or all.
    """
    from scipy.sparse import csr_matrix  # to load a model does not need it

    if is_sparse(X):
        held = np.zeros(X.nnz, dtype=bool)
        held[_some_of(X.nnz, fraction, random)] = True
        return EntrySplit(_stored(X, ~held), _stored(X, held))
    X = X if X.dtype.kind == "f" else X.astype(np.float64)
    starts = np.arange(X.shape[1] + 1) if starts is None else np.asarray(starts)
    known = np.flatnonzero(~np.isnan(X[:, starts[:-1]]))
    which = known[_some_of(len(known), fraction, random)]
    of_table = np.zeros((X.shape[0], len(starts) - 1), dtype=bool)
    of_table.ravel()[which] = True
    held = np.repeat(of_table, np.diff(starts), axis=1)  # (m, n_encoded)
    given = X.copy()
    given[held] = np.nan
    rows, columns = np.nonzero(held)
    return EntrySplit(given, csr_matrix((X[held], (rows, columns)), shape=X.shape))


def _some_of(n_entries: int, fraction: float, random: np.random.Generator) -> Array:
    n_held_out = round(fraction * n_entries)
    if not 1 <= n_held_out < n_entries:
        raise ValueError(
            f"validation_fraction={fraction!r} of {n_entries} known entries holds out "
            f"{n_held_out}: some must be held out and some left; change it, or give X_val"
        )
    return random.choice(n_entries, n_held_out, replace=False, shuffle=False)


def _stored(X: Any, which: Array) -> Any:
    """The matrix that stores only some (n_stored,) of what X does."""
    from scipy.sparse import csr_matrix  # to load a model does not need it

    indptr = np.concatenate([[0], np.cumsum(which)])[X.indptr]
    made = csr_matrix((X.data[which], X.indices[which], indptr), shape=X.shape)
    made.has_canonical_format = True
    return made
