"""The passes of a network as ONNX: what `ae_core.network.passes` computes, at inference."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..formulas.activations import LEAKY_RELU_SLOPE, SELU_ALPHA, SELU_SCALE
from ..formulas.losses import HUBER_DELTA, LOSSES
from ..network.architecture import Architecture
from ..network.layout import OutputGroup
from ..network.reference import Network
from .onnx_graph import Graph

ACTIVATIONS: dict[str, Callable[[Graph, str], str]] = {
    "identity": lambda graph, z: z,
    "logistic": lambda graph, z: graph.op("Sigmoid", z),
    "tanh": lambda graph, z: graph.op("Tanh", z),
    "relu": lambda graph, z: graph.op("Relu", z),
    "leaky_relu": lambda graph, z: graph.op("LeakyRelu", z, alpha=LEAKY_RELU_SLOPE),
    "elu": lambda graph, z: graph.op("Elu", z, alpha=1.0),
    "selu": lambda graph, z: graph.op("Selu", z, alpha=SELU_ALPHA, gamma=SELU_SCALE),
    "softplus": lambda graph, z: graph.op("Softplus", z),
    "softsign": lambda graph, z: graph.op("Softsign", z),
    "softmax": lambda graph, z: graph.op("Softmax", z, axis=1),
    "exp": lambda graph, z: graph.op("Exp", z),
}


def _squared_error(graph: Graph, X: str, X_hat: str) -> str:
    d = graph.op("Sub", X_hat, X)
    return graph.op("Mul", graph.constant(0.5), graph.op("Mul", d, d))


def _absolute_error(graph: Graph, X: str, X_hat: str) -> str:
    return graph.op("Abs", graph.op("Sub", X_hat, X))


def _huber(graph: Graph, X: str, X_hat: str) -> str:
    d, delta = _absolute_error(graph, X, X_hat), graph.constant(HUBER_DELTA)
    square = graph.op("Mul", graph.constant(0.5), graph.op("Mul", d, d))
    line = graph.op("Mul", delta, graph.op("Sub", d, graph.constant(0.5 * HUBER_DELTA)))
    return graph.op("Where", graph.op("LessOrEqual", d, delta), square, line)


def _binary_cross_entropy(graph: Graph, X: str, Z: str) -> str:
    tail = graph.op("Softplus", graph.op("Neg", graph.op("Abs", Z)))
    return graph.op("Add", graph.op("Sub", graph.op("Relu", Z), graph.op("Mul", X, Z)), tail)


def _softmax_cross_entropy(graph: Graph, X: str, Z: str) -> str:
    return graph.op("Neg", graph.op("Mul", X, graph.op("LogSoftmax", Z, axis=1)))


def _poisson(graph: Graph, X: str, Z: str) -> str:
    # exp(r) - 1 - r cancels: float64 leaves enough of it.
    x, z = graph.double(X), graph.double(Z)
    zero, one = graph.constant(0, np.float64), graph.constant(1, np.float64)
    positive = graph.op("Greater", x, zero)
    r = graph.op("Sub", z, graph.op("Log", graph.op("Where", positive, x, one)))
    rest = graph.op("Sub", graph.op("Sub", graph.op("Exp", r), one), r)
    loss = graph.op("Where", positive, graph.op("Mul", x, rest), graph.op("Exp", z))
    return graph.single(loss)


LOSS_NODES: dict[str, Callable[[Graph, str, str], str]] = {
    "squared_error": _squared_error,
    "absolute_error": _absolute_error,
    "huber": _huber,
    "binary_cross_entropy": _binary_cross_entropy,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "multinomial": _softmax_cross_entropy,
    "poisson": _poisson,
}
"""By loss; the negative binomial's needs the gamma function, which ONNX does not have."""


class Passed(NamedTuple):
    """What the layers gave."""

    code: str
    """(m, n_components)."""
    log_variance: str | None
    """Of a variational code, (m, n_components)."""
    Z: str
    """The last layer's sums, (m, n_features)."""
    X_hat: str
    """(m, n_features)."""


def check_exportable(architecture: Architecture, feature: str) -> None:
    """Refuse an architecture that cannot be exported.

    Raises
    ------
    ValueError
        Naming what cannot.
    """
    odd = None
    if architecture.n_covariates:
        odd = f"n_covariates={architecture.n_covariates}"
    elif any(group.loss not in LOSS_NODES for group in architecture.output_groups):
        odd = "loss='negative_binomial'"
    if odd is not None:
        raise ValueError(f"{odd}: {feature} do not have it; use ae_core.Predictor for this model")


def passed(graph: Graph, network: Network, X: str) -> Passed:
    """The layers on scaled rows X (m, n_features) float32, NaN where unseen."""
    a = network.architecture
    H, log_variance = _network_input(graph, a, X), None
    code = Z = H
    for layer, (W, b) in enumerate(a.layers(network.params), 1):
        Z = graph.op("MatMul", H, graph.constant(W))  # (m, n_l)
        if b is not None:
            Z = graph.op("Add", Z, graph.constant(b))
        if layer == a.n_layers:
            break
        if a.variational and layer == a.code_layer:
            k = a.n_components
            H = graph.columns(Z, range(k))
            log_variance = graph.columns(Z, range(k, 2 * k))
        else:
            H = ACTIVATIONS[a.activations[layer - 1]](graph, Z)
        if layer == a.code_layer:
            code = H = H if a.k_sparse is None else _largest(graph, H, a.k_sparse, a.n_components)
    parts = [
        ACTIVATIONS[group.activation](graph, _of_group(graph, group, Z, a))
        for group in a.output_groups
    ]
    return Passed(code, log_variance, Z, graph.side_by_side(parts))


def row_losses(graph: Graph, architecture: Architecture, X: str, found: Passed) -> str:
    """The loss of each row X (m, n_features), NaN where unseen: (m,).

    As `Network.reconstruction_errors`: the mean over what is seen times the number of features.
    """
    unseen = graph.op("IsNaN", X)
    targets = graph.zero_where(unseen, X)
    seen = graph.single(graph.op("Not", unseen))
    weights = architecture.feature_weights
    parts = []
    for group in architecture.output_groups:
        x, Z, X_hat = (
            _of_group(graph, group, each, architecture) for each in (targets, found.Z, found.X_hat)
        )
        loss = LOSSES[group.loss]
        part = LOSS_NODES[group.loss](graph, x, Z if loss.from_logits else X_hat)
        if weights is not None:
            own = graph.constant(np.asarray(weights)[group.columns])
            part = graph.op("Mul", part, own)
        if loss.is_elementwise:
            part = graph.op("Mul", part, _of_group(graph, group, seen, architecture))
        parts.append(part)
    total = graph.row_sum(graph.side_by_side(parts))
    share = graph.op("ReduceMean", seen, axes=[1], keepdims=0)  # (m,)
    nothing = graph.op("Equal", share, graph.constant(0.0))
    return graph.op("Div", total, graph.op("Where", nothing, graph.constant(1.0), share))


def _network_input(graph: Graph, architecture: Architecture, X: str) -> str:
    unseen = graph.op("IsNaN", X)
    numbers = graph.zero_where(unseen, X)
    if architecture.input_transform is not None:  # log1p, the only one
        shifted = graph.op("Add", graph.double(numbers), graph.constant(1.0, np.float64))
        numbers = graph.single(graph.op("Log", shifted))
    if not architecture.input_mask:
        return numbers
    return graph.side_by_side([numbers, graph.single(graph.op("Not", unseen))])


def _of_group(graph: Graph, group: OutputGroup, value: str, architecture: Architecture) -> str:
    if len(architecture.output_groups) == 1:
        return value
    return graph.columns(value, range(group.start, group.stop))


def _largest(graph: Graph, H: str, k: int, n: int) -> str:
    """H (m, n) with all but the k largest units of each row 0; of equal ones the first stay."""
    count = graph.constant([k], np.int64)
    _, which = graph.outputs("TopK", H, count, n=2, axis=1, largest=1, sorted=1)
    ends: Any = [0.0, 1.0]
    hot = graph.op("OneHot", which, graph.constant([n], np.int64), graph.constant(ends), axis=-1)
    return graph.op("Mul", H, graph.row_sum(hot))  # (m, k, n) summed over k
