"""Imputers as ONNX: what stands beside the numbers, through each network, and the mean of them."""

import numpy as np

from ..network.reference import Network
from ..serving.filling import FARTHEST
from ..serving.imputing import Imputing
from .onnx_graph import FEATURE, Graph
from .onnx_network import ACTIVATIONS
from .onnx_tables import Port, scaled, unscaled


def imputed(graph: Graph, imputing: Imputing, inputs: list[str]) -> list[tuple[Port, str]]:
    """Put an imputer of numbers into a graph; gives its outputs.

    ``imputed``, and with ``add_indicator`` ``indicator``: 1 where something was missing.

    Raises
    ------
    ValueError
        For one of mixed columns.
    """
    if imputing.encoding is not None:
        raise ValueError(
            f"columns='mixed': {FEATURE} fill in numbers only; use ae_core.Predictor for this model"
        )
    filling = imputing.filling
    X = graph.double(inputs[0])
    missing = graph.op("IsNaN", inputs[0])  # (m, n)
    if imputing.is_number_marked:
        gap, missing = missing, graph.op("Equal", X, graph.constant(imputing.marker, np.float64))
    low, high = (graph.constant(end, np.float32) for end in (-FARTHEST, FARTHEST))
    seen = scaled(graph, X, filling.shift, filling.factor, clip=False)
    shown = graph.op("Clip", graph.zero_where(missing, seen), low, high)
    beside = graph.side_by_side([shown, graph.single(graph.op("Not", missing))])  # (m, 2 n)
    networks = filling.networks.networks
    total = graph.double(_through(graph, networks[0], beside))
    for network in networks[1:]:
        total = graph.op("Add", total, graph.double(_through(graph, network, beside)))
    mean = graph.op("Div", total, graph.constant(len(networks), np.float64))
    X_hat = unscaled(graph, mean, filling.shift, filling.factor)
    ends = (graph.constant(end[None], np.float64) for end in (filling.low, filling.high))
    limited = graph.op("Min", graph.op("Max", X_hat, next(ends)), next(ends))
    filled = graph.single(graph.op("Where", missing, limited, X))
    if imputing.is_number_marked:  # NaN is refused, and here all of such a row is NaN
        odd = graph.op("Greater", graph.row_sum(graph.single(gap), keep=True), graph.constant(0.0))
        filled = graph.op("Where", odd, graph.constant(np.nan), filled)
    kept = np.flatnonzero(imputing.kept)
    outputs = [(Port("imputed", "float32", len(kept)), graph.columns(filled, kept))]
    if imputing.indicated is not None and len(imputing.indicated):
        marks = graph.columns(graph.single(missing), imputing.indicated)
        outputs.append((Port("indicator", "float32", len(imputing.indicated)), marks))
    return outputs


def _through(graph: Graph, network: Network, beside: str) -> str:
    """A network's output (m, n): of the features nothing is given, of what stands beside all."""
    a = network.architecture
    H = beside
    for layer, (W, b) in enumerate(a.layers(network.params), 1):
        if layer == 1:
            W = W[a.n_features :]  # the features are 0
        elif layer == a.code_layer + 1:
            H = graph.side_by_side([H, beside])
        H = graph.op("MatMul", H, graph.constant(W))
        if b is not None:
            H = graph.op("Add", H, graph.constant(b))
        H = ACTIVATIONS[a.activations[layer - 1]](graph, H)
    return H
