"""One row at a time: everything that a score needs is bound when a model is loaded.

Of a single row the arithmetic takes less time than the calls around it. A detector is one call of
the engine. Of an autoencoder arrays, the engine's views of them and all that does not depend on the
row are made once, and each call fills them. What cannot be done so is left to the general way,
which gives the same bits: a row of another type, one that has to be refused, and of an autoencoder
one with anything unseen, or so large that it could overflow.
"""

from threading import Lock
from typing import Any

import numpy as np

from .._engine.inference import run_layers
from .._engine.rows import Rows as EngineRows
from .._typing import Array
from ..data.plain_rows import FLOATS
from ..data.seen_rows import Seeing
from ..detection.ensemble import Ensemble
from ..formulas.losses import ANYTHING, LOSSES
from ..network import compiled
from ..network.compiled import Network

LARGEST = 1e12
"""A row with a number beyond it, scaled or not, goes the general way: float32 ends at 3e38."""


class Given:
    """The array that a row is copied to, if it is plain: finite floats, and none too large."""

    def __init__(self, n_columns: int, shift: Array | None, factor: Array | None) -> None:
        self.row = np.empty((1, n_columns))
        self._size = np.empty((1, n_columns))
        self._shape = (1, n_columns)
        most = 1.0 if shift is None else float(np.abs(shift).max(initial=1.0))
        by = 1.0 if factor is None else float(np.abs(factor).max(initial=1.0))
        self._largest = LARGEST / by - most
        """Numbers below it can't overflow."""

    def takes(self, X: Any) -> bool:
        """Whether X is such a row, which then is in `row`."""
        if type(X) is not np.ndarray or X.shape != self._shape or X.dtype not in FLOATS:
            return False
        np.abs(X, out=self._size)
        # Of a NaN the maximum is NaN, which compares as False.
        if not np.maximum.reduce(self._size, axis=None) < self._largest:
            return False
        self.row[...] = X
        return True


def row_of_network(network: Network, seeing: Seeing) -> "OneRowOfNetwork | None":
    """What gives reconstruction errors of one row; None where the general way has more to do."""
    architecture = network.architecture
    if (
        architecture.input_transform is not None
        or architecture.n_covariates
        or any(LOSSES[group.loss].domain is not ANYTHING for group in architecture.output_groups)
        or not network.is_small(1)
    ):
        return None
    return OneRowOfNetwork(network, seeing)


class OneRowOfNetwork:
    """The reconstruction error of one row, if nobody else is asking at this moment."""

    def __init__(self, network: Network, seeing: Seeing) -> None:
        self._made_of = network, seeing
        shift, factor = seeing.shift, seeing.factor
        self._given = Given(network.architecture.n_features, shift, factor)
        self._rows = EngineRows(self._given.row, shift, factor, None, seeing.clips, False)
        self._n_layers = network.architecture.n_layers
        self._error = np.empty((1, 1), network.dtype)
        self._plan, self._params, self._lock = network.plan, network.params, Lock()

    def __reduce__(self) -> Any:
        return OneRowOfNetwork, self._made_of

    def score(self, X: Any) -> Array | None:
        """Minus the error, (1,) float64; None for what the general way has to do."""
        if not self._lock.acquire(False):
            return None
        try:
            if not self._given.takes(X):
                return None
            rows = self._rows
            run_layers(
                self._plan, self._params, rows, self._error, 0, self._n_layers, True, 1, rows
            )
            return np.array([-self._error.item()])
        finally:
            self._lock.release()


def row_of_ensemble(ensemble: Any, missing: str | None) -> "OneRowOfEnsemble | None":
    """What scores one row by a detector; None where the general way has more to do."""
    if not isinstance(ensemble, Ensemble):  # of version 0.1.0
        return None
    detector = ensemble.detector
    if detector.needs_blas or detector.n_weights >= compiled.WORTH_A_THREAD:
        return None
    return OneRowOfEnsemble(ensemble, missing)


class OneRowOfEnsemble:
    """The score of one row by a detector: a direct call of the engine."""

    def __init__(self, ensemble: Ensemble, missing: str | None) -> None:
        self._made_of = ensemble, missing
        self._score, self._has_missing = ensemble.detector.score_one, missing is not None

    def __reduce__(self) -> Any:
        return OneRowOfEnsemble, self._made_of

    def score(self, X: Any) -> Array | None:
        """Minus the row's score, (1,) float64; None for what the general way has to do."""
        if type(X) is not np.ndarray or X.dtype not in FLOATS:
            return None
        score = self._score(X, self._has_missing)
        return None if score is None else np.array([-score])
