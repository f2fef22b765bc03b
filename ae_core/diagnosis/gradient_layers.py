"""Dense layers in an unknown function, found by experiment on single rows.

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
ROWS = 3
"""Number of rows on which a mistake must show: on one alone it may be chance."""


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
    """Whether weights are kept as (n_out, n_in): samples are columns."""
    W: Array
    """(n_in, n_out): the weights."""
    inputs: Array
    """(n_in,)"""
    delta: Array
    """(n_out,): the right derivative of the cost with respect to the sums."""
    sums: Array
    """(n_out,): z."""
    claimed: Array
    """(n_out,): the delta that the gradient under test stands for; empty if its arrays disagree."""
    step: Step | None = None
    """The activation that follows, where that is known."""
    followers: list["Layer"] = field(default_factory=list)


class Tolerance:
    """What counts as equal on one row, in the precision of a function."""

    def __init__(self, evidence: Evidence) -> None:
        self.same = SAME_COARSE if evidence.rounding.is_coarse else SAME
        self.rank = 2 * self.same  # a second singular value below this share of the first is zero

    def equal(self, a: Array, b: Array) -> bool:
        """Whether two arrays agree, relative to their largest element."""
        size = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
        return bool(size > 0 and a.shape == b.shape and np.abs(a - b).max() <= self.same * size)

    def parallel(self, a: Array, b: Array) -> bool:
        """Whether one vector is a multiple of another, and neither is zero."""
        if a.shape != b.shape or not a.any() or not b.any():
            return False
        c = float(a @ b) / float(b @ b)
        return c != 0 and self.equal(a, c * b)


@np.errstate(all="ignore")
def activations(z: Array) -> list[Step]:
    """Activations that may follow the sums z: the package's own and a few more."""
    from scipy.special import erf  # takes a while to import

    logistic = 1 / (1 + np.exp(-z))
    bell, phi = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi), (1 + erf(z / np.sqrt(2))) / 2
    outputs = {name: activation.function(z) for name, activation in ACTIVATIONS.items()}
    steps = [Step(name, a, ACTIVATIONS[name].derivative(a)) for name, a in outputs.items()]
    steps += [
        Step("silu", z * logistic, logistic * (1 + z * (1 - logistic))),
        Step("gelu", z * phi, phi + z * bell),
        Step("sin", np.sin(z), np.cos(z)),
        Step("square", z**2, 2 * z),
        Step("exp", np.exp(z), np.exp(z)),
    ]
    for slope in (0.1, 0.2, 0.3):
        slopes = np.where(z > 0, 1, slope)
        steps.append(Step("leaky_relu", slopes * z, slopes))
    return [s for s in steps if np.isfinite(s.output).all() and np.isfinite(s.slope).all()]


def telling_rows(evidence: Evidence, sample: Sample) -> list[Sample]:
    """That row and others: the caller's, mixtures of them, and slightly changed copies of the row.

    The copies help where all units of a layer are dead on the other rows.
    """
    n = min(evidence.data.n_rows, 4 * ROWS) + 2 * ROWS
    others = evidence.mixtures(n)
    parts = [evidence.part(others, i) for i in range(n)]
    X = sample.arrays["X"]
    rows = [sample, *(row for row in parts if (row.arrays["X"] != X).any())]
    if X.dtype.kind == "f":
        for _ in range(2 * ROWS):
            changed = X * evidence.random.uniform(0.9, 1.1, X.shape)
            rows.append(Sample(f"{sample.label}, changed", 1, {**sample.arrays, "X": changed}))
    return rows


def right_gradients(evidence: Evidence, failed: set[int], sample: Sample) -> list[Array]:
    """The right gradient of each array: that under test, and differences for those that failed."""
    arrays = evidence.gradients(sample)
    for k in failed:
        arrays[k] = evidence.numeric(sample, k)[0].reshape(arrays[k].shape)
    return arrays


def outer_factors(matrix: Array, same: float) -> tuple[Array, Array] | None:
    """U and v with matrix = outer(u, v), of which u has length 1; None if there are none."""
    if matrix.ndim != 2 or not matrix.any():
        return None
    U, s, Vt = np.linalg.svd(matrix, full_matrices=False)
    if len(s) > 1 and s[1] > same * s[0]:
        return None
    return U[:, 0], s[0] * Vt[0]


def other_factor(matrix: Array, v: Array) -> Array:
    """U with matrix = outer(u, v)."""
    return matrix @ v / float(v @ v)


def find_layers(
    evidence: Evidence, right: list[Array], x: Array, tolerance: Tolerance
) -> list[Layer]:
    """The dense layers that can be identified, each with its input and its delta."""
    vectors = {
        k: g.ravel() for k, g in enumerate(right) if g.any() and g.size == max(g.shape, default=0)
    }
    layers: list[Layer] = []
    unscaled: list[int] = []

    def bias_like(delta: Array, weight: int, alike: Callable[[Array, Array], bool]) -> int | None:
        """The array whose gradient is that delta."""
        return next((k for k, v in vectors.items() if k != weight and alike(v, delta)), None)

    def add(k: int, is_columns: bool, bias: int | None, inputs: Array, delta: Array) -> None:
        W = evidence.values(k)
        W = W.T if is_columns else W
        sums = inputs @ W
        if bias is not None:
            sums = sums + evidence.values(bias).ravel()
        layers.append(Layer(k, bias, is_columns, W, inputs, delta, sums, np.zeros(0)))

    for k, gradient in enumerate(right):
        factors = outer_factors(gradient, tolerance.rank)
        if factors is None:
            continue
        for is_columns in (False, True):
            u, v = factors[::-1] if is_columns else factors
            matrix = gradient.T if is_columns else gradient  # (n_in, n_out)
            # One number is a multiple of any other, so that shows nothing.
            if x.size > 1 and tolerance.parallel(u, x):
                delta = other_factor(matrix.T, x)
                add(k, is_columns, bias_like(delta, k, tolerance.equal), x, delta)
                break
            bias = bias_like(v, k, tolerance.parallel) if v.size > 1 else None
            if bias is not None:
                add(k, is_columns, bias, other_factor(matrix, vectors[bias]), vectors[bias])
                break
        else:
            unscaled.append(k)

    def follows(k: int) -> bool:
        """Add a layer whose input is an activation of a known one; whether it is."""
        for is_columns in (False, True):
            matrix = right[k].T if is_columns else right[k]
            u, _ = outer_factors(matrix, tolerance.rank) or (np.zeros(0), None)
            for step in [s for layer in layers for s in activations(layer.sums)]:
                if not tolerance.parallel(step.output, u):
                    continue
                delta = other_factor(matrix.T, step.output)
                bias = bias_like(delta, k, tolerance.equal)
                # A single number is parallel to any other; so there the delta of a bias must
                # confirm it.
                if u.size > 1 or bias is not None:
                    add(k, is_columns, bias, step.output, delta)
                    return True
        return False

    while found := [k for k in unscaled if follows(k)]:
        unscaled = [k for k in unscaled if k not in found]
    _link(layers, tolerance)
    return layers


def _link(layers: list[Layer], tolerance: Tolerance) -> None:
    """Find the activation of each layer and the layers that its output goes into."""
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
    """The delta from which the gradient under test was made, where a layer's arrays agree on one.

    Changes the layers.
    """
    for layer in layers:
        matrix = arrays[layer.weight]
        matrix = matrix.T if layer.is_columns else matrix
        if layer.bias is not None:
            delta = arrays[layer.bias].ravel()
        else:
            delta = other_factor(matrix.T, layer.inputs)
        outer = np.outer(layer.inputs, delta)
        if np.isfinite(matrix).all() and (
            tolerance.equal(matrix, outer) or not (outer.any() or matrix.any())
        ):
            layer.claimed = delta
