"""Several small autoencoders that together score how unusual a row, and each of its entries, is.

Each has one hidden layer, of tanh units: they are bounded, so that a row far away can't be followed
and reconstructed. Each is trained for a few dozen steps on some of the rows; then the rows that all
reconstruct worst are left out, and it is trained as many steps again: what is rare has little part
in it. What then counts is how far a row's code and its residuals are from those of usual rows
(`neighbours`). How far is usual, the rows say that the network has not seen.

How the numbers below were found, and what they are worth, is in docs/defaults.md.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from .._engine.detector import Detector
from .._engine.rows import Rows as EngineRows
from .._typing import Array
from ..data.checks import check_n_threads, row_slices
from ..data.robust_scaling import RobustScaling
from ..data.rows import Rows
from ..network import compiled
from ..network.blas_threads import single_threaded_blas
from ..network.compiled import Network
from ..network.engine_terms import engine_rows
from .neighbours import References

ENTRIES_AT_ONCE = 65_536
"""Of the rows that are scored at a time, so that they stay in the processor's cache."""
WEIGHT_OF_CODE = 4.0
"""Weight of a code unit's squared distance (in spreads); that of a squared residual is 1."""
SMALLEST_USUAL = 1e-3
"""Smallest usual residual, as a share of the column's spread: less would be rounding."""


class Judging:
    """A dataclass that is pickled by its fields alone, without cached properties."""

    def __getstate__(self: Any) -> dict[str, Any]:
        """State for pickling: the same before and after use."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Member(Judging):
    """One trained network, with its usual residuals and its reference rows."""

    network: Network
    usual: Array
    """(n_features,): root mean square of its residuals in each column."""
    code_spread: Array
    """(n_code,): root mean square distance of a unit of the code from its mean."""
    references: References
    """Codes and residuals, divided by what is usual, of rows that it was trained on."""
    unit: float = 1.0
    """The median distance of rows that it was not trained on."""

    def points(self, block: Array, is_missing: bool) -> tuple[Array, Array, Array | None]:
        """Place rows among the reference rows.

        Parameters
        ----------
        block : array of shape (h, n_features), of the network's dtype
            Scaled, NaN where unseen.
        is_missing : bool
            Whether there are NaN.

        Returns
        -------
        points : array of shape (h, n_code + n_features)
        reconstruction : array of shape (h, n_features)
        weights : array like points; or None where all is seen
        """
        n_code, dtype = len(self.code_spread), block.dtype
        code = self.network.run_plain(block, 0, 1, is_missing)  # (h, n_code)
        reconstruction = self.network.run_plain(code, 1, 2)  # (h, n_features)
        points = np.empty((len(block), n_code + block.shape[1]), dtype=dtype)
        np.multiply(code, self.scale_and_usual[0], out=points[:, :n_code])
        residuals = points[:, n_code:]
        np.subtract(reconstruction, block, out=residuals)
        residuals /= self.scale_and_usual[1]
        if not is_missing:
            return points, reconstruction, None
        seen = ~np.isnan(block)
        share = seen.mean(axis=1, dtype=dtype)
        weights = np.empty_like(points)
        # Nothing is known of a row whose entries are all missing: its distance is 0.
        weights[:, :n_code] = (share > 0)[:, None]
        weights[:, n_code:] = seen / np.where(share > 0, share, 1)[:, None]
        residuals[~seen] = 0
        return points, reconstruction, weights

    def distances(self, block: Array, is_missing: bool) -> Array:
        """Distances of rows to their second nearest reference, in units of `unit`: (h,)."""
        result = np.empty((len(block), 1))
        table = EngineRows(block, None, None, None, False, is_missing)
        _ask(self._detector, self._detector.distances, table, result, self.network.n_threads)
        return result[:, 0]

    def contributions(self, block: Array, is_missing: bool) -> Array:
        """The same distances divided among the columns: (h, n_features), whose sums they are.

        Squared residuals are columns' own. The squared distance of the codes is divided among the
        columns as the squares of the difference are that it makes to the reconstruction.
        """
        points, reconstruction, weights = self.points(block, is_missing)
        which = self.references.second_nearest(points, weights)
        squares = np.square(points - self.references.points[which])  # (h, n_code + n_features)
        if weights is not None:
            squares *= weights
        n_code = len(self.code_spread)
        differences = np.square(reconstruction - self._reconstructed_references[which])
        seen = ~np.isnan(block)
        differences = np.where(seen, differences, 0).astype(np.float64)  # (h, n_features)
        total = differences.sum(axis=1, keepdims=True)
        evenly = seen / np.maximum(seen.sum(axis=1, keepdims=True), 1)
        shares = np.where(total > 0, differences / np.where(total > 0, total, 1), evenly)
        parts = squares[:, n_code:] + squares[:, :n_code].sum(axis=1, keepdims=True) * shares
        whole = parts.sum(axis=1)
        distances = np.sqrt(squares.sum(axis=1, dtype=np.float64)) / self.unit
        return np.asarray(parts * (distances / np.where(whole > 0, whole, 1))[:, None])

    @cached_property
    def _detector(self) -> Detector:
        return detector_of((self,), None)

    @cached_property
    def scale_and_usual(self) -> tuple[Array, Array]:
        """What codes are multiplied with (n_code,), and residuals divided by (n_features,)."""
        dtype = self.network.dtype
        scale = np.sqrt(WEIGHT_OF_CODE) / self.code_spread
        return scale.astype(dtype), self.usual.astype(dtype)

    @cached_property
    def _reconstructed_references(self) -> Array:
        """The references decoded: (m, n_features)."""
        codes = self.references.points[:, : len(self.code_spread)]
        return self.network.decode(codes / self.scale_and_usual[0])


@dataclass(frozen=True)
class Ensemble(Judging):
    """Trained networks, and the scaling that a table's rows go through before them."""

    members: tuple[Member, ...]
    scaling: RobustScaling
    changed: float
    """What a column that was constant adds to the score of a row where it has another value."""

    @property
    def networks(self) -> tuple[Network, ...]:
        """The networks of the members."""
        return tuple(member.network for member in self.members)

    def scores(self, rows: Rows) -> Array:
        """How unusual each row is: (m,) float64."""
        result, n_threads = np.empty(len(rows)), self.members[0].network.n_threads
        _ask(self.detector, self.detector.scores, engine_rows(rows), result, n_threads)
        return result

    @cached_property
    def detector(self) -> Detector:
        """The ensemble as the engine's object."""
        return detector_of(self.members, self.scaling, self.changed)

    def contributions(self, rows: Rows) -> Array:
        """How unusual each entry is, (m, n_features) float64: `scores` are the sums."""
        result = np.empty((len(rows), rows.n_features))
        constants = np.flatnonzero(self.scaling.is_seen & ~self.scaling.varies)
        for which in row_slices(len(rows), rows.n_features, ENTRIES_AT_ONCE):
            block, changed = self.scaling.scaled(rows, which, self.members[0].network.dtype)
            is_missing = rows.missing is not None and bool(np.isnan(block).any())
            total = np.zeros(block.shape)
            for member in self.members:
                total += member.contributions(block, is_missing)
            total /= len(self.members)
            total[:, constants] += self.changed * changed
            result[which] = total
        return result


def detector_of(
    members: tuple[Member, ...], scaling: RobustScaling | None, changed: float = 0.0
) -> Detector:
    """The engine's twin of some members; without a scaling, for rows that are scaled already."""
    described = []
    for member in members:
        network, points = member.network, member.references.points
        squares = np.square(points)
        # The distance to a reference s is |x|² - 2 x·s + |s|²: see `References`.
        look = (np.ascontiguousarray((-2 * points).T), squares.sum(axis=1))  # (k, m), (m,)
        seen = np.ascontiguousarray(squares.T)  # (k, m), of rows of which not all is seen
        of_network = (network.plan, network.params, *member.scale_and_usual)
        described.append((*of_network, points, *look, seen, member.unit))
    own = scaling and (scaling.shift, scaling.factor, scaling.varies, scaling.is_seen)
    return Detector(described, own, changed)


def _ask(
    detector: Detector,
    ask: Callable[[EngineRows, Array, int], None],
    table: EngineRows,
    result: Array,
    n_threads: int | None,
) -> None:
    is_large = len(result) * detector.n_weights >= compiled.WORTH_A_THREAD
    threads = check_n_threads(n_threads) if is_large else 1
    with single_threaded_blas() if detector.needs_blas else nullcontext():
        ask(table, result, threads)
