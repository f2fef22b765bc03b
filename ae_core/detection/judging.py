"""The engine's twin of `Ensemble` and `Member`: how unusual rows are, in one call for all."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from .._engine.detector import Detector
from .._engine.rows import Rows as EngineRows
from .._typing import Array
from ..data.checks import check_n_threads
from ..data.robust_scaling import RobustScaling
from ..data.rows import Rows
from ..network import compiled
from ..network.blas_threads import single_threaded_blas
from ..network.engine_terms import engine_rows

if TYPE_CHECKING:
    from .ensemble import Member


def detector_of(
    members: "tuple[Member, ...]", scaling: RobustScaling | None, changed: float = 0.0
) -> Detector:
    """What the engine is told of members; for rows that are scaled already, without a scaling."""
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


def scores_of(detector: Detector, rows: Rows, n_threads: int | None) -> Array:
    """How unusual each row is: (m,) float64."""
    result = np.empty(len(rows))
    _run(detector, detector.scores, engine_rows(rows), result, n_threads)
    return result


def distances_of(
    detector: Detector, block: Array, is_missing: bool, n_threads: int | None
) -> Array:
    """How far rows (m, n) are that are scaled already, for each member: (m, n_members) float64."""
    result = np.empty((len(block), detector.n_members))
    table = EngineRows(block, None, None, None, False, is_missing)
    _run(detector, detector.distances, table, result, n_threads)
    return result


def _run(
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
