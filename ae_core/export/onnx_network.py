"""The passes of a network as ONNX: what `ae_core.network.passes` computes, at inference."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..formulas.activations import LEAKY_RELU_SLOPE, SELU_ALPHA, SELU_SCALE
from ..formulas.losses import HUBER_DELTA, LOSSES
from ..network.architecture import Architecture
from ..network.layout import OutputGroup
from ..network.reference import Network
from .onnx_graph import Value, side_by_side, where

ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "identity": lambda z: z,
    "logistic": lambda z: z.op("Sigmoid"),
    "tanh": lambda z: z.op("Tanh"),
    "relu": lambda z: z.op("Relu"),
    "leaky_relu": lambda z: z.op("LeakyRelu", alpha=LEAKY_RELU_SLOPE),
    "elu": lambda z: z.op("Elu", alpha=1.0),
    "selu": lambda z: z.op("Selu", alpha=SELU_ALPHA, gamma=SELU_SCALE),
    "softplus": lambda z: z.op("Softplus"),
    "softsign": lambda z: z.op("Softsign"),
    "softmax": lambda z: z.op("Softmax", axis=1),
    "exp": lambda z: z.op("Exp"),
}


def _squared_error(X: Value, X_hat: Value) -> Value:
    d = X_hat - X
    return 0.5 * (d * d)


def _huber(X: Value, X_hat: Value) -> Value:
    d = abs(X_hat - X)
    return where(d <= HUBER_DELTA, 0.5 * (d * d), HUBER_DELTA * (d - 0.5 * HUBER_DELTA))


def _binary_cross_entropy(X: Value, Z: Value) -> Value:
    return Z.op("Relu") - X * Z + (-abs(Z)).op("Softplus")


def _softmax_cross_entropy(X: Value, Z: Value) -> Value:
    return -(X * Z.op("LogSoftmax", axis=1))


def _poisson(X: Value, Z: Value) -> Value:
    # exp(r) - 1 - r cancels: float64 leaves enough of it.
    x, z = X.double(), Z.double()
    positive = x > 0
    r = z - where(positive, x, 1).op("Log")
    return where(positive, x * (r.op("Exp") - 1 - r), z.op("Exp")).single()


LOSS_NODES: dict[str, Callable[[Value, Value], Value]] = {
    "squared_error": _squared_error,
    "absolute_error": lambda X, X_hat: abs(X_hat - X),
    "huber": _huber,
    "binary_cross_entropy": _binary_cross_entropy,
    "softmax_cross_entropy": _softmax_cross_entropy,
    "multinomial": _softmax_cross_entropy,
    "poisson": _poisson,
}
"""By loss; the negative binomial's needs the gamma function, which ONNX does not have."""


class Passed(NamedTuple):
    """What the layers gave."""

    code: Value
    """(m, n_components)."""
    log_variance: Value | None
    """Of a variational code, (m, n_components)."""
    Z: Value
    """The last layer's sums, (m, n_features)."""
    X_hat: Value
    """(m, n_features)."""


def passed(network: Network, X: Value | None, beside: Value | None = None) -> Passed:
    """The layers on scaled rows.

    Parameters
    ----------
    network : Network
    X : Value, (m, n_features) float32, or None
        NaN where unseen; None where the network is given nothing of it.
    beside : Value, (m, n_covariates) float32, optional
        The covariates, where there is no X.
    """
    a, log_variance = network.architecture, None
    H = beside if X is None else _network_input(a, X)
    assert H is not None
    code = Z = H
    for layer, (W, b) in enumerate(a.layers(network.params), 1):
        if beside is not None and layer == 1:
            W = W[a.n_features :]  # the features are 0
        elif beside is not None and layer == a.code_layer + 1:
            H = side_by_side([H, beside])
        Z = H @ W  # (m, n_l)
        if b is not None:
            Z = Z + b
        if layer == a.n_layers:
            break
        if a.variational and layer == a.code_layer:
            k = a.n_components
            H, log_variance = Z.take(range(k)), Z.take(range(k, 2 * k))
        else:
            H = ACTIVATIONS[a.activations[layer - 1]](Z)
        if layer == a.code_layer:
            code = H = H if a.k_sparse is None else _largest(H, a.k_sparse, a.n_components)
    parts = [ACTIVATIONS[group.activation](_of_group(group, Z, a)) for group in a.output_groups]
    return Passed(code, log_variance, Z, side_by_side(parts))


def row_losses(architecture: Architecture, X: Value, found: Passed) -> Value:
    """The loss of each row X (m, n_features), NaN where unseen: (m,).

    As `Network.reconstruction_errors`: the mean over what is seen times the number of features.
    """
    unseen = X.isnan()
    targets = where(unseen, 0, X)
    seen = (~unseen).single()
    parts = []
    for group in architecture.output_groups:
        x, Z, X_hat = (
            _of_group(group, each, architecture) for each in (targets, found.Z, found.X_hat)
        )
        loss = LOSSES[group.loss]
        part = LOSS_NODES[group.loss](x, Z if loss.from_logits else X_hat)
        if architecture.feature_weights is not None:
            part = part * np.asarray(architecture.feature_weights)[group.columns]
        if loss.is_elementwise:
            part = part * _of_group(group, seen, architecture)
        parts.append(part)
    total = side_by_side(parts).row_sum()
    share = seen.op("ReduceMean", axes=[1], keepdims=0)  # (m,)
    return total / where(share.equals(0.0), 1.0, share)


def _network_input(architecture: Architecture, X: Value) -> Value:
    unseen = X.isnan()
    numbers = where(unseen, 0, X)
    if architecture.input_transform is not None:  # log1p, the only one
        numbers = (numbers.double() + 1.0).op("Log").single()
    if not architecture.input_mask:
        return numbers
    return side_by_side([numbers, (~unseen).single()])


def _of_group(group: OutputGroup, value: Value, architecture: Architecture) -> Value:
    if len(architecture.output_groups) == 1:
        return value
    return value.take(range(group.start, group.stop))


def _largest(H: Value, k: int, n: int) -> Value:
    """H (m, n) with all but the k largest units of each row 0; of equal ones the first stay."""
    count, width = (H.graph.constant([each], np.int64) for each in (k, n))
    dtypes = [H.dtype, np.int64]
    _, which = H.outputs("TopK", count, dtypes=dtypes, axis=1, largest=1, sorted=1)
    hot = which.op("OneHot", width, H.like([0.0, 1.0]), axis=-1, dtype=H.dtype)
    return H * hot.row_sum()  # (m, k, n) summed over k
