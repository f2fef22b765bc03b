"""Biases that start at the mean: a network begins as the best constant, and learns the rest.

With biases of zero a network whose inputs and outputs are not centered spends its first epochs on
the column means. The output's biases are set to what gives the best constant, which is known from
the loss, and the first layer's so that its sums are 0 on average (LeCun, Bottou, Orr & Müller 1998,
"Efficient backprop", section 4.3, on why inputs of mean 0 are learned from sooner).
"""

from collections.abc import Callable

import numpy as np

from .._typing import Array
from ..formulas.inputs import INPUT_TRANSFORMS
from ..formulas.losses import LINKS, LOSSES
from .architecture import Architecture

MARGIN = 1e-3
"""Of a bounded output's reach: a constant that is nearer to a bound starts this far from it."""

INVERSES: dict[str, Callable[[Array], Array]] = {
    "identity": lambda a: a,
    "tanh": np.arctanh,
    "softplus": lambda a: np.log(np.expm1(a)),
    **{name: link.logits for name, link in LINKS.items()},
}
"""Of output activations, from the constant to its bias; others start at 0."""

REACHES = {
    "identity": (-np.inf, np.inf),
    "tanh": (-1.0, 1.0),
    "softplus": (0.0, np.inf),
    **{name: link.reach for name, link in LINKS.items()},
}


def start_at_mean(
    architecture: Architecture, params: Array, X: Array, weights: Array | None = None
) -> None:
    """Set the output's and the first layer's biases, in place.

    Parameters
    ----------
    architecture : Architecture
    params : array of shape (n_params,)
        With biases of zero.
    X : array of shape (m, n_features)
        Rows, or a sample of them, as the network sees them; NaN is missing.
    weights : array of shape (m,), optional
    """
    if not architecture.biases or not len(X):
        return
    weights = np.ones(len(X)) if weights is None else weights
    views = architecture.views(params)
    first, last = views["b1"], views[f"b{architecture.n_layers}"]
    for group in architecture.output_groups:
        if group.activation in INVERSES:
            constant = LOSSES[group.loss].constant(X[:, group.columns], weights)
            last[group.columns] = bias_of(group.activation, constant)
    if architecture.n_layers == 1:
        return
    given = np.nan_to_num(X)
    if architecture.input_transform is not None:
        given = INPUT_TRANSFORMS[architecture.input_transform].function(given)
    mean = weights @ given / weights.sum()
    first -= mean @ views["W1"][: architecture.n_features]


def bias_of(activation: str, constant: Array) -> Array:
    """The bias (n,) with which that activation gives the constant (n,), or nearly."""
    low, high = REACHES[activation]
    if np.isfinite(low):
        room = MARGIN * (high - low if np.isfinite(high) else 1.0)
        constant = np.clip(constant, low + room, high - room)
    bias = INVERSES[activation](constant)
    # The softmax does not change when all move together.
    return np.asarray(bias - bias.mean() if activation == "softmax" else bias)
