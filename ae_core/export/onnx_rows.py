"""What rows have of their own as ONNX: the biases of ratings."""

import numpy as np

from ..data.rating_biases import SHRINKAGE
from ..data.seen_rows import Seeing
from .onnx_graph import Graph


def without_bias(graph: Graph, X: str, seeing: Seeing) -> tuple[str, str | None]:
    """X (m, n) float64, NaN where unseen, less its rows' biases, and these: (m, 1), or None."""
    if seeing.scale != "biases":
        return X, None
    unseen = graph.op("IsNaN", graph.single(X))
    left = graph.op("Sub", X, graph.constant(seeing.shift, np.float64))
    sums = graph.row_sum(graph.zero_where(unseen, left, np.float64), keep=True)
    seen = graph.row_sum(graph.double(graph.op("Not", unseen)), keep=True)
    bias = graph.op("Div", sums, graph.op("Add", seen, graph.constant(SHRINKAGE, np.float64)))
    return graph.op("Sub", X, bias), bias
