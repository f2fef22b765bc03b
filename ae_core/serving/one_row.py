"""One row at a time: everything that a score needs is bound when a model is loaded.

Of a single row the arithmetic takes less time than the calls around it. So arrays, the engine's
views of them and all that does not depend on the row are made once, and each call fills them. What
it cannot do it leaves to the general way, which gives the same bits: a row with anything unseen, of
another type, or so large that it has to be refused or could overflow.
"""

import math
from threading import Lock
from typing import Any

import numpy as np

from .._engine.inference import run_layers
from .._engine.rows import Rows as EngineRows
from .._typing import Array
from ..data.robust_scaling import LINEAR_UNTIL, RobustScaling
from ..data.rows import FLOATS, Rows
from ..detection.ensemble import Ensemble
from ..detection.neighbours import NEIGHBOUR
from ..formulas.losses import ANYTHING, LOSSES
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
        """Up to here nothing overflows."""

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


def row_of_network(
    network: Network, shift: Array | None, factor: Array | None, clip: bool
) -> "OneRowOfNetwork | None":
    """What gives reconstruction errors of one row; None where the general way has more to do."""
    architecture = network.architecture
    if (
        architecture.input_transform is not None
        or architecture.n_covariates
        or any(LOSSES[group.loss].domain is not ANYTHING for group in architecture.output_groups)
        or not network.is_small(1)
    ):
        return None
    return OneRowOfNetwork(network, shift, factor, clip)


class OneRowOfNetwork:
    """The reconstruction error of one row, if nobody else is asking at this moment."""

    def __init__(
        self, network: Network, shift: Array | None, factor: Array | None, clip: bool
    ) -> None:
        self._made_of = network, shift, factor, clip
        self._given = Given(network.architecture.n_features, shift, factor)
        self._rows = EngineRows(self._given.row, shift, factor, None, clip, False)
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


def row_of_ensemble(ensemble: Any) -> "OneRowOfEnsemble | None":
    """What scores one row by a detector; None where the general way has more to do."""
    if not isinstance(ensemble, Ensemble):  # of version 0.1.0
        return None
    if any(
        len(member.references.points) < NEIGHBOUR
        or member.network.architecture.input_transform is not None
        or not member.network.is_small(1)
        or not member.references.layer.is_small(1)
        for member in ensemble.members
    ):
        return None
    return OneRowOfEnsemble(ensemble)


class OneRowOfEnsemble:
    """The score of one row by all members of a detector, if nobody else is asking at this moment.

    The steps are those of `ae_core.detection.ensemble.Member`, on arrays of all members at once
    where they are elementwise: a line for each, its code at the end of as many places as the
    longest code has, and 0 before.
    """

    def __init__(self, ensemble: Ensemble) -> None:
        self._ensemble, self._lock = ensemble, Lock()
        self._scaling: RobustScaling = ensemble.scaling
        members, scaling = ensemble.members, ensemble.scaling
        n, dtype = len(scaling.shift), members[0].network.dtype
        n_codes = [len(member.code_spread) for member in members]
        most = max(n_codes)
        self._given = Given(n, scaling.shift, scaling.factor)
        self._all_vary = bool(scaling.varies.all())
        self._scaled, self._size = np.empty((1, n)), np.empty((1, n))
        self._block = np.empty((1, n), dtype)
        self._codes = np.zeros((len(members), most), dtype)
        self._reconstructions = np.empty((len(members), n), dtype)
        self._points = np.zeros((len(members), most + n), dtype)
        self._nearest = np.zeros_like(self._points)
        self._in_codes, self._in_columns = self._points[:, :most], self._points[:, most:]
        self._scale, self._usual = np.ones_like(self._codes), np.empty_like(self._reconstructions)
        block = _rows_of(self._block)
        self._networks: list[Any] = []
        self._references: list[Any] = []
        for i, member in enumerate(members):
            first = most - n_codes[i]
            self._scale[i, first:], self._usual[i] = member.scale_and_usual
            plan, params = member.network.plan, member.network.params
            code, reconstruction = self._codes[i, first:][None], self._reconstructions[i][None]
            through = _rows_of(code)
            self._networks.append((plan, params, block, code, 0, 1, False, 1, block))
            self._networks.append((plan, params, through, reconstruction, 1, 2, False, 1, through))
            place, references = self._points[i, first:][None], member.references
            squared = np.empty((1, len(references.points)), dtype)
            rows = _rows_of(place)
            layer = references.layer
            look = (layer.plan, layer.params, rows, squared, 0, 1, False, 1, rows)
            nearest = self._nearest[i, first:]
            self._references.append(
                (look, squared[0], references.points, nearest, place, member.unit)
            )

    def __reduce__(self) -> Any:
        return OneRowOfEnsemble, (self._ensemble,)

    def score(self, X: Any) -> Array | None:
        """Minus the row's score, (1,) float64; None for what the general way has to do."""
        if not self._lock.acquire(False):
            return None
        try:
            return self._score() if self._given.takes(X) else None
        finally:
            self._lock.release()

    def _score(self) -> Array:
        n_changed = self._scale_row()
        for each in self._networks:
            run_layers(*each)
        np.multiply(self._codes, self._scale, out=self._in_codes)
        np.subtract(self._reconstructions, self._block, out=self._in_columns)
        np.divide(self._in_columns, self._usual, out=self._in_columns)
        for look, squared, points, nearest, _, _ in self._references:
            run_layers(*look)
            squared[squared.argmin()] = np.inf
            nearest[...] = points[squared.argmin()]
        points = self._points
        np.subtract(points, self._nearest, out=points)
        np.square(points, out=points)
        total = 0.0
        for _, _, _, _, place, unit in self._references:
            total += math.sqrt(np.add.reduce(place, axis=1, dtype=np.float64).item()) / unit
        ensemble = self._ensemble
        return np.array([-(total / len(self._references) + ensemble.changed * n_changed)])

    def _scale_row(self) -> int:
        """Bring the row before the networks; in how many constants it has changed."""
        scaling, scaled = self._scaling, self._scaled
        if self._all_vary:
            np.subtract(self._given.row, scaling.shift, out=scaled)
            np.multiply(scaled, scaling.factor, out=scaled)
            np.abs(scaled, out=self._size)
            if np.maximum.reduce(self._size, axis=None) <= LINEAR_UNTIL:
                self._block[...] = scaled
                return 0
        rows = Rows.of_plain(self._given.row)
        self._block[...], changed = scaling.scaled(rows, slice(0, 1), self._block.dtype)
        return int(changed.sum())


def _rows_of(array: Array) -> EngineRows:
    return EngineRows(array, None, None, None, False, False)
