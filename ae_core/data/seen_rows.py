"""A table as a saved autoencoder's network sees it, and what it gives in the table's units.

The bias of whoever rates is taken from ratings before, and given back after.
"""

from typing import Any, NamedTuple

from .._typing import Array
from ..formulas.losses import ANYTHING, COUNTS, LOSSES, SHARES
from .rating_biases import without_row_biases
from .rows import Rows
from .scaling import undo_scaling


class Seeing(NamedTuple):
    """What a fit learned of columns and rows."""

    loss: str
    scale: str | None
    """None, 'standard', 'minmax' or 'biases': what 'auto' came to."""
    shift: Array | None
    factor: Array | None
    usual_sum: float | None
    """Of rows of counts that have sizes."""
    missing: str | None

    @property
    def clips(self) -> bool:
        """Whether rows are clipped to 0 … 1.

        Cross-entropy has no meaning beyond the limits that 'minmax' has learned.
        """
        return self.scale == "minmax" and LOSSES[self.loss].domain is SHARES

    @property
    def is_of_columns(self) -> bool:
        """Whether each column is only shifted and scaled, and rows have nothing of their own."""
        return self.scale != "biases" and self.usual_sum is None

    def rows(self, X: Any) -> Rows:
        """X as the network sees it; of ratings without the biases of rows."""
        row_shift = None
        if self.scale == "biases":
            assert self.shift is not None
            X, row_shift = without_row_biases(X, self.shift)
        return Rows(
            X,
            self.shift,
            self.factor,
            clip=self.clips,
            missing=self.missing,
            row_shift=row_shift,
        )

    def in_units(self, X_hat: Array, rows: Rows) -> Array:
        """What a network gave (m, n_features) of rows, in the data's units."""
        X_hat = undo_scaling(X_hat, self.shift, self.factor)
        if rows.row_shift is not None:
            X_hat += rows.row_shift[:, None].astype(X_hat.dtype)
        return X_hat


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
