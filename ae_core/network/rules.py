"""What an `Architecture` may be: each rule with the sentence that says so."""

from contextlib import suppress
from typing import Any

from ..basics.arguments import (
    LARGEST_COUNT,
    as_tuple,
    check_name,
    checked_int,
    checked_strength,
    each,
    shown,
)
from ..formulas.activations import ACTIVATIONS
from ..formulas.corruption import corruption_of
from ..formulas.losses import LOSSES

MIXED = "mixed"
"""The name of an output whose columns have losses, and so activations, of their own."""


def fitting_output(loss: Any) -> str:
    """The output activation that goes with a loss."""
    return (LOSSES[loss].from_logits or "identity") if isinstance(loss, str) else MIXED


def checked_sizes(layer_sizes: Any) -> tuple[int, ...]:
    """At least three layers, the last as wide as the first."""
    sizes = each("layer_sizes", as_tuple("layer_sizes", layer_sizes), checked_int, layer_sizes)
    if any(not 1 <= size <= LARGEST_COUNT for size in sizes):
        raise ValueError(
            f"layer_sizes={shown(sizes)}: every layer needs at least one unit, and at most "
            f"{LARGEST_COUNT}"
        )
    if len(sizes) < 3:
        raise ValueError(
            f"layer_sizes={shown(layer_sizes)}: an autoencoder needs an input, at least one hidden "
            "layer and an output, for example (64, 8, 64)"
        )
    if sizes[0] != sizes[-1]:
        raise ValueError(
            f"layer_sizes={shown(sizes)}: the output must be as wide as the input "
            f"({sizes[0]}), for it reconstructs it"
        )
    return sizes


def checked_loss(loss: Any, n_features: int) -> Any:
    """A loss's name, or names with numbers of columns that add up to all."""
    if isinstance(loss, str) or not isinstance(loss, list | tuple):
        return check_name("loss", loss, LOSSES)
    groups = []
    for group, pair in zip(loss, each("loss", loss, as_tuple, loss), strict=True):
        if len(pair) != 2:
            raise ValueError(f"loss entry={shown(group)}: must be a name and a number of columns")
        groups.append(
            (check_name("loss entry", pair[0], LOSSES), checked_int("loss entry", pair[1]))
        )
        if groups[-1][1] < 1:
            raise ValueError(f"loss entry={shown(group)}: must have at least one column")
    n_columns = sum(width for _, width in groups)
    if n_columns != n_features:
        raise ValueError(
            f"loss={shown(loss)} has {n_columns} columns in all: the data has {n_features}"
        )
    return tuple(groups)


def checked_activations(activations: Any, sizes: Any, loss: Any) -> tuple[str, ...]:
    """A name for each layer after the input."""
    n_layers = len(sizes) - 1
    if isinstance(activations, str):
        check_name("activations", activations, ACTIVATIONS)
        return (activations,) * (n_layers - 1) + (fitting_output(loss),)
    names = as_tuple("activations", activations)
    if len(names) != n_layers:
        raise ValueError(
            f"activations={shown(activations)} has {len(names)} names; layer_sizes={shown(sizes)} "
            f"needs {n_layers}, one for each layer after the input"
        )
    for i, name in enumerate(names):
        registry = ACTIVATIONS if i < n_layers - 1 else {*ACTIVATIONS, fitting_output(loss)}
        try:
            check_name("activations", name, registry)
        except ValueError as error:
            start, _, end = str(error).partition(":")
            raise ValueError(f"{start} in {shown(activations)}:{end}") from None
    return names


def checked_code_layer(code_layer: Any, sizes: Any) -> int:
    """A hidden layer; by default the narrowest, of several the one nearest to the middle."""
    n_layers = len(sizes) - 1
    hidden = range(1, n_layers)
    if code_layer is None:
        return min(hidden, key=lambda i: (sizes[i], abs(i - n_layers / 2)))
    code_layer = checked_int("code_layer", code_layer)
    if code_layer not in hidden:
        raise ValueError(
            f"code_layer={shown(code_layer)}: must be a hidden layer, 1 to {n_layers - 1} "
            f"for layer_sizes={shown(sizes)}"
        )
    return code_layer


def checked_weights(weights: Any, n_features: int) -> tuple[float, ...] | None:
    """A finite number of at least 0 for each column, some of them positive; or None."""
    if weights is None:
        return None
    weights = as_tuple("feature_weights", weights)
    if len(weights) != n_features:
        raise ValueError(
            f"feature_weights has {len(weights)} entries: one per column, {n_features}, are needed"
        )
    checked = tuple(_checked_weight(w) for w in weights)
    if not any(checked):
        raise ValueError("feature_weights are all zero: some column must count")
    return checked


def _checked_weight(weight: Any) -> float:
    with suppress(TypeError, ValueError, OverflowError):  # what is no number is told by name
        weight = float(weight)
    return checked_strength("feature_weights entry", weight)


def check_output(loss: Any, activation: str) -> None:
    """Refuse an output whose loss is computed from another one's logits."""
    needed = LOSSES[loss].from_logits if isinstance(loss, str) else MIXED
    if needed is None or activation == needed:
        return
    why = "it is computed from that activation's logits"
    if needed == MIXED:
        why = "each loss brings its own"
    raise ValueError(
        f"loss={shown(loss)} needs the output activation {needed!r}, not {activation!r}: {why}"
    )


def check_tie(sizes: Any, code_layer: int) -> None:
    """Refuse a tied decoder that is no mirror image of the encoder."""
    if sizes != sizes[::-1] or 2 * code_layer != len(sizes) - 1:
        raise ValueError(
            f"tied=True with layer_sizes={shown(sizes)} and "
            f"code_layer={code_layer}: sizes must read the same from both ends, "
            "with the code in the middle, "
            "for the decoder to use the encoder's weights transposed"
        )


def check_family(architecture: Any) -> None:
    """Refuse what mathematics forbids: each combination in one sentence."""
    a = architecture
    code_activation = a.activations[a.code_layer - 1]
    if a.corruption_level >= 1 and corruption_of(a.corruption).level_is_share:
        raise ValueError(
            f"corruption_level={a.corruption_level!r}: corruption={a.corruption!r} needs a share "
            "below 1, or nothing is left to learn from"
        )
    if a.k_sparse is not None and not 1 <= a.k_sparse <= a.n_components:
        raise ValueError(
            f"k_sparse={shown(a.k_sparse)}: must be 1 to {a.n_components}, the number of code units"
        )
    if a.sparsity and code_activation != "logistic":
        raise ValueError(
            f"sparsity={a.sparsity!r} with a code activation {code_activation!r}: only of logistic "
            "units a mean activation is a share, between 0 and 1"
        )
    if not 0 < a.sparsity_target < 1:
        raise ValueError(f"sparsity_target={a.sparsity_target!r}: must lie between 0 and 1")
    if a.sparsity and a.k_sparse is not None:
        raise ValueError(
            f"sparsity={a.sparsity!r} with k_sparse={a.k_sparse!r}: a unit that never is among the "
            "k largest has mean activation 0, infinitely far from any target; use one of the two"
        )
    if a.tied and (a.input_mask or a.n_covariates):
        given = "input_mask=True" if a.input_mask else f"n_covariates={a.n_covariates}"
        raise ValueError(
            f"tied=True with {given}: the encoder is given more than the decoder reconstructs, so "
            "no transpose fits"
        )
    if not a.variational:
        return
    if code_activation != "identity":
        raise ValueError(
            f"variational=True with a code activation {code_activation!r}: mean and log-variance "
            "can be any numbers, so it must be 'identity'"
        )
    if a.k_sparse is not None:
        raise ValueError(
            f"variational=True with k_sparse={a.k_sparse!r}: a code that is drawn and then cut off "
            "has not the normal distribution that the divergence is taken of"
        )
