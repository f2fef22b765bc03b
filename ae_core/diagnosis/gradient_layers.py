"""Dense layers in a function that nobody has described, found by experiment on single rows.

On one row the gradient of a weight matrix has rank one: it is what goes into the layer times the
delta of what comes out, ``outer(h, δ)``; the gradient of a bias is δ itself. So the right gradient,
known from differences, tells both. Which layer follows which is told by ``h`` of the one being an
activation of ``h W + b`` of the other. Nothing is taken for a layer unless these numbers agree.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .._typing import Array
from ..formulas.activations import ACTIVATIONS
from .gradient_calls import Sample
from .gradient_evidence import Evidence

LARGEST = 2000
"""Elements of a wrong array of which all derivatives are computed; larger ones are left alone."""
SAME, SAME_COARSE = 1e-5, 2e-3
"""Relative to the largest of a vector: what counts as equal, in float64 and in less."""


@dataclass
class Step:
    """An activation and its slope, both at the sums z."""

    name: str
    output: Array
    slope: Array


@dataclass
class Layer:
    """One dense layer on one row."""

    weight: int
    """Which array its weights are."""
    bias: int | None
    is_columns: bool
    """Whether weights are (n_out, n_in): samples are columns."""
    inputs: Array
    """(n_in,)"""
    delta: Array
    """(n_out,): the right derivative of the cost with respect to the sums."""
    sums: Array
    """(n_out,): z."""
    claimed: Array | None = None
    """(n_out,): the delta that the gradient under test stands for; None if its arrays disagree."""
    step: Step | None = None
    """The activation that follows, where that is known."""
    followers: list["Layer"] = field(default_factory=list)


class Tolerance:
    """What counts as equal on one row, in the precision of a function."""

    def __init__(self, evidence: Evidence) -> None:
        self.same = SAME_COARSE if evidence.rounding.is_coarse else SAME
        self.rank = 2 * self.same  # of a second singular value beside the first, taken for zero

    def equal(self, a: Array, b: Array) -> bool:
        """Whether two vectors agree, beside their largest element."""
        size = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
        return bool(size > 0 and a.shape == b.shape and np.abs(a - b).max() <= self.same * size)

    def parallel(self, a: Array, b: Array) -> bool:
        """Whether one vector is a multiple of another, and neither is zero."""
        if a.shape != b.shape or not a.any() or not b.any():
            return False
        c = float(a @ b) / float(b @ b)
        return c != 0 and self.equal(a, c * b)


def activations(z: Array) -> list[Step]:
    """What may follow the sums z: the package's activations, and a few that others have."""
    steps = []
    with np.errstate(all="ignore"):
        for name, activation in ACTIVATIONS.items():
            a = activation.function(z)
            steps.append(Step(name, a, activation.derivative(a)))
        logistic = 1 / (1 + np.exp(-z))
        from scipy.special import erf  # takes a while to import

        bell, phi = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), (1 + erf(z / np.sqrt(2))) / 2
        steps += [
            Step("silu", z * logistic, logistic * (1 + z * (1 - logistic))),
            Step("gelu", z * phi, phi + z * bell),
            Step("sin", np.sin(z), np.cos(z)),
            Step("square", z**2, 2 * z),
            Step("exp", np.exp(z), np.exp(z)),
        ]
        for slope in (0.1, 0.2, 0.3):
            is_on = z > 0
            steps.append(
                Step("leaky_relu", np.where(is_on, z, slope * z), np.where(is_on, 1, slope))
            )
    return [s for s in steps if np.isfinite(s.output).all() and np.isfinite(s.slope).all()]


def right_gradients(evidence: Evidence, failed: set[int], sample: Sample) -> list[Array | None]:
    """The right gradient of each array, in its shape: what is under test, where that is right.

    None for arrays that are wrong and too large.
    """
    gradient = evidence.call(sample).gradient
    structure = evidence.structure
    arrays: list[Array | None] = []
    for k, (shape, part) in enumerate(zip(structure.shapes, structure.slices, strict=True)):
        if k not in failed:
            arrays.append(gradient[part].reshape(shape))
        elif structure.sizes[k] > LARGEST:
            arrays.append(None)
        else:
            values, _ = evidence.numeric(sample, k, np.arange(structure.sizes[k]))
            arrays.append(values.reshape(shape))
    return arrays


def outer_factors(matrix: Array, same: float) -> tuple[Array, Array] | None:
    """U and v with matrix = outer(u, v), of which u has length 1; None if there are none."""
    if matrix.ndim != 2 or not matrix.any():
        return None
    U, s, Vt = np.linalg.svd(matrix, full_matrices=False)
    if len(s) > 1 and s[1] > same * s[0]:
        return None
    return U[:, 0], s[0] * Vt[0]


def find_layers(
    evidence: Evidence, right: list[Array | None], x: Array, tolerance: Tolerance
) -> list[Layer]:
    """The dense layers that can be told, each with what goes in and the delta of what comes out."""
    vectors = {
        k: g.ravel()
        for k, g in enumerate(right)
        if g is not None and g.any() and g.size == max(g.shape, default=0)
    }
    layers: list[Layer] = []
    unscaled: list[tuple[int, bool]] = []
    for k, gradient in enumerate(right):
        factors = None if gradient is None else outer_factors(gradient, tolerance.rank)
        if gradient is None or factors is None:
            continue
        for is_columns in (False, True):
            u, v = factors[::-1] if is_columns else factors
            # One number is a multiple of any other, so that shows nothing.
            if x.size > 1 and tolerance.parallel(u, x):
                delta = divided(gradient, x, not is_columns)
                bias = _bias_like(delta, vectors, k, tolerance.equal)
                layers.append(_layer(evidence, k, bias, is_columns, x, delta))
                break
            bias = _bias_like(v, vectors, k, tolerance.parallel) if v.size > 1 else None
            if bias is not None:
                delta = vectors[bias]
                inputs = divided(gradient, delta, is_columns)
                layers.append(_layer(evidence, k, bias, is_columns, inputs, delta))
                break
        else:
            unscaled += [(k, False), (k, True)]
    _scale(evidence, layers, unscaled, right, vectors, tolerance)
    _link(layers, tolerance)
    return layers


def _bias_like(
    delta: Array, vectors: dict[int, Array], weight: int, alike: Callable[[Array, Array], bool]
) -> int | None:
    """The array whose gradient is that delta."""
    return next((k for k, vector in vectors.items() if k != weight and alike(vector, delta)), None)


def divided(gradient: Array, factor: Array, along_rows: bool) -> Array:
    """The other factor of an outer product: of (n_in, n_out) by δ, or by h."""
    matrix = gradient.T if along_rows else gradient
    return matrix @ factor / float(factor @ factor)


def _layer(
    evidence: Evidence, k: int, bias: int | None, is_columns: bool, inputs: Array, delta: Array
) -> Layer:
    W = evidence.values(k).reshape(evidence.structure.shapes[k])  # (n_in, n_out)
    sums = inputs @ (W.T if is_columns else W)
    if bias is not None:
        sums = sums + evidence.values(bias)
    return Layer(k, bias, is_columns, inputs, delta, sums)


def _scale(
    evidence: Evidence,
    layers: list[Layer],
    unscaled: list[tuple[int, bool]],
    right: list[Array | None],
    vectors: dict[int, Array],
    tolerance: Tolerance,
) -> None:
    """Add the layers whose input is an activation of one that is known already."""
    is_changed = True
    while is_changed:
        is_changed = False
        for k, is_columns in unscaled:
            gradient = right[k]
            if gradient is None or any(layer.weight == k for layer in layers):
                continue
            u, _ = outer_factors(gradient.T if is_columns else gradient, 1.0) or (None, None)
            steps = [s for layer in layers for s in activations(layer.sums)]
            # A single number is parallel to any, so it must come from one layer's sums exactly;
            # that shows in a bias of that delta.
            for step in steps:
                if u is None or not tolerance.parallel(step.output, u):
                    continue
                delta = divided(gradient, step.output, not is_columns)
                bias = _bias_like(delta, vectors, k, tolerance.equal)
                if u.size == 1 and bias is None:
                    continue
                layers.append(_layer(evidence, k, bias, is_columns, step.output, delta))
                is_changed = True
                break


def _link(layers: list[Layer], tolerance: Tolerance) -> None:
    """Who feeds whom, where the deltas confirm it."""
    for layer in layers:
        for step in activations(layer.sums):
            followers = [
                other
                for other in layers
                if other is not layer and tolerance.equal(other.inputs, step.output)
            ]
            if followers:
                layer.step, layer.followers = step, followers
                break


def claims(arrays: list[Array], layers: list[Layer], tolerance: Tolerance) -> None:
    """The delta that the gradient under test stands for, in each layer whose arrays agree on one.

    Changes the layers.
    """
    for layer in layers:
        matrix = arrays[layer.weight]
        if layer.bias is not None:
            delta = arrays[layer.bias].ravel()
        else:
            delta = divided(matrix, layer.inputs, not layer.is_columns)
        outer = np.outer(layer.inputs, delta)
        outer = outer.T if layer.is_columns else outer
        if np.isfinite(matrix).all() and (
            tolerance.equal(matrix, outer) or not (outer.any() or matrix.any())
        ):
            layer.claimed = delta
