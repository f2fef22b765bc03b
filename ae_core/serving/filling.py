"""Filling in what is missing of a table by trained networks: what an imputer does after its fit."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import is_number
from ..data.cells import is_missing
from ..data.checks import row_slices
from ..data.encoding import Encoding
from ..data.rows import Rows
from ..data.scaling import undo_scaling
from ..files.model_content import ModelFile
from ..network.compiled import Network
from .restoring import restore_networks, restore_whole_scaling

ENTRIES_AT_ONCE = 2_000_000
"""Entries of the rows that are filled in at a time."""
FARTHEST = 100.0
"""Standard deviations from the mean beyond which entries are clipped."""


@dataclass(frozen=True)
class FillingNetworks:
    """Trained networks, whose predictions are averaged."""

    networks: tuple[Network, ...]

    def predict(self, X: Array) -> Array:
        """Predict all entries of rows from those that are seen.

        Parameters
        ----------
        X : array of shape (m, n_encoded)
            Scaled, NaN where missing.

        Returns
        -------
        array of shape (m, n_encoded), float64
        """
        result = np.zeros(X.shape)
        for which in row_slices(len(X), X.shape[1], ENTRIES_AT_ONCE):
            rows = given(X[which])
            for network in self.networks:
                result[which] += network.forward(rows)
        result /= len(self.networks)
        return result


def given(X: Array, hidden: Array | None = None) -> Rows:
    """The input of a network for rows (m, n): targets, what is shown of them, and a mask of that.

    Parameters
    ----------
    X : array of shape (m, n)
        Scaled, NaN where missing.
    hidden : array of shape (m, n), bool, optional
        What is not shown though it is seen. While nothing is learned, nothing is to be
        reconstructed.
    """
    n = X.shape[1]
    is_shown = ~np.isnan(X)  # (m, n)
    block = np.empty((len(X), 3 * n), dtype=np.float32)
    block[:, :n] = np.nan
    if hidden is not None:
        block[:, :n] = X.clip(-FARTHEST, FARTHEST)
        is_shown &= ~hidden
    block[:, n : 2 * n] = np.where(is_shown, X, 0).clip(-FARTHEST, FARTHEST)
    block[:, 2 * n :] = is_shown
    return Rows(block, missing="mask", n_covariates=2 * n)


@dataclass(frozen=True)
class Filling:
    """What an imputer's fit has learned."""

    networks: FillingNetworks
    shift: Array
    factor: Array
    low: Array
    high: Array
    """(n_encoded,) each: scaling, and the limits of what was seen."""
    is_empty: Array
    """(n_columns,) bool: of which nothing was seen."""

    def predicted(self, table: Array) -> Array:
        """Predictions for rows that have missing entries, 0 for others: (m, n_encoded).

        In the data's units and within what was seen.
        """
        result = np.zeros(table.shape)
        which = np.flatnonzero(np.isnan(table).any(axis=1))
        if len(which):
            result[which] = self.in_units(self.networks.predict(self.scaled(table[which])))
        return result

    def scaled(self, table: Array) -> Array:
        """A table (m, n_encoded) as networks see it; what is beyond all floats is infinite."""
        with np.errstate(over="ignore"):
            return np.asarray((table - self.shift) * self.factor)

    def in_units(self, predicted: Array) -> Array:
        """Predictions (m, n_encoded) in the data's units, clipped to the limits of the fit."""
        return np.clip(undo_scaling(predicted, self.shift, self.factor), self.low, self.high)


def restore_filling(file: ModelFile, n_columns: int, encoding: Encoding | None) -> Filling:
    """What an imputer's file says of its fit.

    Raises
    ------
    ModelFileError
        When the file does not describe one.
    """
    n_encoded = n_columns if encoding is None else encoding.n_encoded
    shift, factor = restore_whole_scaling(file, n_encoded)
    low, high = (file.array(n, np.float64, (n_encoded,), finite=True) for n in ("low", "high"))
    if (low > high).any():
        raise file.error("its array 'low' has entries above those of 'high'")
    is_empty = file.array("is_empty", np.bool_, (n_columns,))
    networks = restore_networks(file, n_encoded, 1)
    for i, network in enumerate(networks):
        if network.architecture.n_covariates != 2 * n_encoded:
            raise file.error(f"its network {i} is given other columns than those of an imputer")
    return Filling(FillingNetworks(networks), shift, factor, low, high, is_empty)


def restore_indicated(file: ModelFile, n_columns: int) -> Array:
    """Columns for which an imputer adds an indicator of what is missing: (k,) int64, in order.

    Raises
    ------
    ModelFileError
        When the file does not say.
    """
    indicated = file.array("indicated", np.int64, (None,))
    if (np.diff(indicated) <= 0).any() or not ((indicated >= 0) & (indicated < n_columns)).all():
        raise file.error("its array 'indicated' has no places of columns, in order")
    return indicated


def is_marker(value: Any) -> bool:
    """Whether a file's value can stand for what is missing: null, a number or a text."""
    is_text = isinstance(value, str)
    return is_missing(value) or is_text or bool(is_number(value) and np.isfinite(value))
