"""The output of the last layer, and the loss that compares it: of each entry, with its gradient.

A mixed table has several losses, each of a group of columns.
"""

import numpy as np

from .._typing import Array
from ..formulas.activations import ACTIVATIONS
from ..formulas.losses import LINKS, LOSSES
from .architecture import Architecture
from .layout import OutputGroup
from .trace import Trace


def output(architecture: Architecture, Z: Array) -> Array:
    """The reconstruction (m, n_features) of the last layer's sums."""
    groups = architecture.output_groups
    parts = [_activated(g, Z[:, g.start : g.stop]) for g in groups]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def offsets(architecture: Architecture, sizes: Array) -> Array:
    """What is added to the last layer's sums of rows of these sizes (m,): (m, n_features)."""
    result = np.zeros((len(sizes), architecture.n_features))
    for group in architecture.output_groups:
        if group.activation == "exp":
            result[:, group.columns] = np.log(sizes)[:, None]
    return result


def _activated(group: OutputGroup, Z: Array) -> Array:
    if group.activation in LINKS:
        return LINKS[group.activation].output(Z)
    return ACTIVATIONS[group.activation].function(Z)


def output_delta(architecture: Architecture, trace: Trace) -> Array:
    """∂(loss of each row) / ∂(the last layer's sums), (m, n_features)."""
    return _each_group(architecture, trace, _group_delta)


def element_losses(architecture: Architecture, trace: Trace) -> Array:
    """The loss of each entry, 0 for unseen ones: (m, n_features)."""
    return _each_group(architecture, trace, _group_losses)


def own_parameters(architecture: Architecture, params: Array) -> Array:
    """The losses' own parameters (n_own,), sharing memory with the flat vector."""
    return params[architecture.n_params - architecture.n_own :]


def own_gradients(architecture: Architecture, trace: Trace) -> Array:
    """∂(loss of each row) / ∂(the losses' own parameters), (m, n_own)."""
    result = np.empty((len(trace.Z), architecture.n_own), trace.Z.dtype)
    every = _each_group(architecture, trace, _group_own_gradient)  # (m, n_features)
    for group in architecture.output_groups:
        if group.own_columns.stop > group.own:
            result[:, group.own_columns] = every[:, group.columns]
    return result


def row_losses(architecture: Architecture, trace: Trace) -> Array:
    """The loss of each row, summed over features: (m,)."""
    return np.asarray(element_losses(architecture, trace).sum(axis=1))


def _each_group(architecture: Architecture, trace: Trace, function) -> Array:  # type: ignore[no-untyped-def]
    """A function of each group's targets, sums and outputs; feature weights included."""
    X, w = trace.X, None
    unseen = np.isnan(X)
    has_missing = bool(unseen.any())
    if has_missing:
        X = np.where(unseen, X.dtype.type(0), X)
    if architecture.feature_weights is not None:
        w = np.asarray(architecture.feature_weights, X.dtype)  # (n_features,)
    parts = []
    for group in architecture.output_groups:
        columns = group.columns
        targets, Z, X_hat = (array[:, columns] for array in (X, trace.Z, trace.H[-1]))
        own = () if trace.own is None else _own_of(group, trace.own)
        if not LOSSES[group.loss].is_elementwise:
            # The softmax's: weights and missing entries are those of its one-hot target.
            part = function(group, targets if w is None else w[columns] * targets, Z, X_hat, own)
        else:
            part = function(group, targets, Z, X_hat, own)
            part = part if w is None else w[columns] * part
            part = np.where(unseen[:, columns], part.dtype.type(0), part) if has_missing else part
        parts.append(part)
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


Own = tuple[Array, ...]
"""A loss's own parameters (n,) as its functions' last argument, or nothing."""


def _own_of(group: OutputGroup, own: Array) -> Own:
    return (own[group.own_columns],) if LOSSES[group.loss].own_gradient else ()


def _group_losses(group: OutputGroup, X: Array, Z: Array, X_hat: Array, own: Own) -> Array:
    loss = LOSSES[group.loss]
    return loss.function(X, Z if loss.from_logits else X_hat, *own)


def _group_delta(group: OutputGroup, X: Array, Z: Array, X_hat: Array, own: Own) -> Array:
    loss = LOSSES[group.loss]
    if loss.from_logits:
        return loss.gradient(X, Z, *own)
    return loss.gradient(X, X_hat) * ACTIVATIONS[group.activation].derivative(X_hat)


def _group_own_gradient(group: OutputGroup, X: Array, Z: Array, X_hat: Array, own: Own) -> Array:
    by_own = LOSSES[group.loss].own_gradient
    return np.zeros_like(Z) if by_own is None else by_own(X, Z, *own)
