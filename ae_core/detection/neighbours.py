"""How far a row's code and residuals are from those of usual rows.

A reference is a row that was looked at in training: its code and its residuals, each beside what is
usual. How unusual a row is, is its distance to the second nearest reference: one reference alone
may be an outlier itself. The residuals see what breaks the rules between columns; the code sees
what is far away by the rules. Distances to neighbours are those of Ramaswamy, Rastogi & Shim 2000,
"Efficient algorithms for mining outliers from large data sets"; the code beside the residual is
from Zong et al. 2018, "Deep autoencoding Gaussian mixture model for anomaly detection".
"""

from functools import cached_property

import numpy as np

from .._typing import Array
from ..network.architecture import Architecture
from ..network.compiled import Network

NEIGHBOUR = 2
"""A row's distance is that to its second nearest reference."""
NEIGHBOUR_OF_REFERENCES = 5
"""Candidates are ranked by the distance to their fifth neighbour: outliers come in groups."""
SHARE_OF_ODD_REFERENCES = 0.3
"""Share of the candidates, those farthest from the others, that do not become references."""
OF_TWO_COLUMNS = 0.15, 2.5
"""The same share of two columns, and the times the median distance within which all are kept: a
curve has few rows at each of its bends, and needs them."""


def odd_references(n_columns: int) -> tuple[float, float]:
    """Which candidates to leave out, for a table of so many columns that vary.

    Returns
    -------
    share : float
        Of the candidates, those farthest from the others.
    far : float
        Up to how many times the median distance candidates are kept; 0: the share alone decides.
    """
    return (SHARE_OF_ODD_REFERENCES, 0.0) if n_columns > 2 else OF_TWO_COLUMNS


class References:
    """Points (m, k), and how to find the second nearest of others.

    Distances are found as ``|x|² - 2 x·s + |s|²``: the last two terms are a layer of a network,
    which the engine computes the same way for each row whatever rows stand beside it. Of the one
    that is found the distance is then taken anew, since that difference cancels.

    Parameters
    ----------
    points : array of shape (m, k), float32 or float64
    n_threads : int, optional
    """

    def __init__(self, points: Array, n_threads: int | None = None) -> None:
        self.points = np.ascontiguousarray(points)
        self.n_threads = n_threads

    def second_nearest(self, queries: Array, weights: Array | None = None) -> Array:
        """Which reference is the second nearest to each of the queries (h, k): (h,) of indices.

        Parameters
        ----------
        queries : array of shape (h, k)
        weights : array of shape (h, k), optional
            Of the squares that a squared distance is the sum of: 0 for what is unseen.
        """
        squared = self._squared(queries, weights)  # (h, m), less what is the same for all
        nearest = squared.argmin(axis=1)
        if squared.shape[1] < NEIGHBOUR:
            return nearest
        squared[np.arange(len(squared)), nearest] = np.inf
        return squared.argmin(axis=1)

    def of_usual_ones(self, at_most: int, odd_share: float, far: float = 0.0) -> "References":
        """Those that have others of them near, in the same order.

        Parameters
        ----------
        at_most : int
            So many are kept.
        odd_share : float
            The share that is left out, …
        far : float, default=0
            … but for those that are at most so many times as far from their neighbours as the
            median one.
        """
        m = len(self.points)
        kept = max(1, min(at_most, round((1 - odd_share) * m)))
        if kept == m:
            return self
        squared = self._squared(self.points, None)  # (m, m), less |x|²
        rank = min(NEIGHBOUR_OF_REFERENCES, m - 1)  # 0 is the point itself
        own = np.partition(squared, rank, axis=1)[:, rank] + np.square(self.points).sum(axis=1)
        order = np.argsort(own, kind="stable")
        if far > 0:
            n_near = int((own <= far**2 * np.median(own)).sum())  # squared distances
            kept = min(at_most, max(kept, n_near))
        return References(self.points[np.sort(order[:kept])], self.n_threads)

    def _squared(self, queries: Array, weights: Array | None) -> Array:
        # Finite: networks and scalings give no others.
        squared = self.layer.run_plain(queries, 0, 1)
        if weights is None:
            return squared
        some = (weights != 1).any(axis=1)  # rows of which all is seen need no weights
        queries, weights = queries[some] * weights[some], weights[some]
        squared[some] = self._plain_layer.run_plain(queries, 0, 1)
        squared[some] += self._squares_layer.run_plain(weights, 0, 1)
        return squared

    @cached_property
    def layer(self) -> Network:
        """A network whose code is ``|s|² - 2 x·s`` for each reference s: (h, m)."""
        return self._linear(-2 * self.points, np.square(self.points).sum(axis=1))

    @cached_property
    def _plain_layer(self) -> Network:
        return self._linear(-2 * self.points, np.zeros(len(self.points)))

    @cached_property
    def _squares_layer(self) -> Network:
        return self._linear(np.square(self.points), np.zeros(len(self.points)))

    def _linear(self, weights: Array, biases: Array) -> Network:
        """A network whose code is ``X @ weights.T + biases``."""
        m, k = self.points.shape
        architecture = Architecture((k, m, k), ("identity", "identity"), tied=True)
        params = np.zeros(architecture.n_params, dtype=self.points.dtype)
        network = Network(architecture, params, dtype=self.points.dtype, n_threads=self.n_threads)
        layer = architecture.layers(network.params)[0]
        layer.weights[:] = weights.T
        if layer.biases is not None:  # there are
            layer.biases[:] = biases
        return network

    def __getstate__(self) -> dict[str, object]:
        """Without the layers, which follow from the points."""
        return {"points": self.points, "n_threads": self.n_threads}
