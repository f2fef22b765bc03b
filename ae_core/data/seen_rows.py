"""A table as an autoencoder's network sees it, and what it gives in the table's units.

What rows have of their own is taken from them before, and given back after: the bias of whoever
rates, how much was counted.
"""

from typing import Any, NamedTuple

import numpy as np

from .._typing import Array
from ..formulas.losses import ANYTHING, COUNTS, LOSSES, SHARES
from .checks import is_sparse
from .rating_biases import without_row_biases
from .rows import Rows
from .scaling import saturated, undo_scaling
from .sizes import check_domain, divided, row_sizes


class Seeing(NamedTuple):
    """What a fit learned of columns and rows."""

    loss: str
    scale: str | None
    """None, 'standard', 'minmax' or 'biases'; never 'auto'."""
    shift: Array | None
    factor: Array | None
    usual_sum: float | None
    """The sum, or size factor, of a row of size 1; None where rows have no sizes."""
    missing: str | None
    divides_counts: bool = False
    """Whether rows are divided by their sizes and weigh as much, instead of an offset."""

    @property
    def clips(self) -> bool:
        """Whether rows are clipped to 0 … 1."""
        return is_clipped(self.scale, self.loss)

    @property
    def is_of_columns(self) -> bool:
        """Whether each column is only shifted and scaled, and rows have nothing of their own."""
        return self.scale != "biases" and self.usual_sum is None

    def rows(
        self,
        X: Any,
        sample_weight: Array | None = None,
        *,
        covariates: Array | None = None,
        sizes: Array | None = None,
        name: str = "X",
    ) -> Rows:
        """X (m, n_columns) as the network sees it; of ratings without the biases of rows.

        Parameters
        ----------
        X : array or CSR matrix of shape (m, n_columns)
            Checked.
        sample_weight : array of shape (m,), optional
        covariates : array of shape (m, n_covariates), optional
            As the network is given them.
        sizes : array of shape (m,), optional
            How much was counted of each row, where that is not its sum.
        name : str
            What errors call the table.
        """
        row_shift = row_factor = row_size = None
        if self.usual_sum is not None:
            check_domain(X, self.loss, name)
            row_size = row_sizes(X, self.usual_sum) if sizes is None else sizes / self.usual_sum
            if self.divides_counts:
                row_factor, row_size = row_size, None
                X = divided(X, row_factor)
                sample_weight = row_factor if sample_weight is None else sample_weight * row_factor
        if self.scale == "biases":
            assert self.shift is not None
            X, row_shift = without_row_biases(X, self.shift)
        shift, factor = self.shift, self.factor
        n_covariates = 0
        if covariates is not None:
            n_covariates = covariates.shape[1]
            X = side_by_side(X, covariates)
            shift, factor = (
                None if ends is None else np.concatenate([ends, np.full(n_covariates, neutral)])
                for ends, neutral in ((shift, 0.0), (factor, 1.0))
            )
        return Rows(
            X,
            shift,
            factor,
            sample_weight,
            clip=self.clips,
            missing=self.missing,
            n_covariates=n_covariates,
            row_shift=row_shift,
            row_factor=row_factor,
            row_size=row_size,
            name=name,
        )

    def in_units(self, X_hat: Array) -> Array:
        """What a network gave (m, n_features) in the columns' units."""
        return undo_scaling(X_hat, self.shift, self.factor)

    def as_large(self, X_hat: Array, rows: Rows) -> Array:
        """A reconstruction (m, n_features) in the columns' units, in place as that of its rows.

        Rates become those of rows of that size, and ratings get the biases of rows back.
        """
        if rows.row_factor is not None and LOSSES[self.loss].has_size:
            with np.errstate(over="ignore"):
                X_hat *= rows.row_factor[:, None].astype(X_hat.dtype)
            saturated(X_hat)
        if rows.row_shift is not None:
            X_hat += rows.row_shift[:, None].astype(X_hat.dtype)
        return X_hat


def is_clipped(scale: str | None, loss: str) -> bool:
    """Whether rows are clipped to 0 … 1.

    Cross-entropy has no meaning beyond the limits that 'minmax' has learned.
    """
    return scale == "minmax" and LOSSES[loss].domain is SHARES


def side_by_side(X: Any, covariates: Array) -> Any:
    """X (m, n) and after its columns covariates; sparse where X is."""
    kind: Any = X.dtype if X.dtype.kind == "f" else np.float64
    if not is_sparse(X):
        return np.concatenate([X, covariates], axis=1, dtype=kind, casting="unsafe")
    from scipy.sparse import csr_array, hstack  # to load a model does not need it

    stored = csr_array(covariates.astype(kind))
    return hstack([csr_array(X), stored], format="csr").astype(kind, copy=False)


def resolved_scale(scale: str | None, loss: str, missing: str | None) -> str | None:
    """How columns are scaled: as asked for, or what 'auto' means for that loss and what is missing.

    Raises
    ------
    ValueError
        For 'biases' where the data are no ratings.
    """
    domain = LOSSES[loss].domain
    if scale == "auto" and domain is COUNTS:
        return None
    if scale == "auto":
        return "biases" if missing == "implicit" and domain is ANYTHING else "standard"
    if scale == "biases" and missing != "implicit":
        raise ValueError(
            f"scale='biases' with missing_values={missing!r}: rows and columns of "
            "ratings have biases, missing_values='implicit'; use 'standard'"
        )
    return scale
