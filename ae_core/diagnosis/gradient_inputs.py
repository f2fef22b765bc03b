"""One wrong weight whose layer's delta is right: is it made from something else than its input?

On one row the gradient of a dense weight is what goes into the layer times the delta of what comes
out. Where one of the two factors is right and the other is a vector that is known from elsewhere,
the wrong one was taken.
"""

from collections.abc import Iterator

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck
from .gradient_layers import (
    LARGEST,
    ROWS,
    Layer,
    Tolerance,
    find_layers,
    other_factor,
    right_gradients,
    telling_rows,
)


def about_factors(evidence: Evidence, array: ArrayCheck, sample: Sample) -> str:
    """Name the vector that a weight's gradient was wrongly made from; empty if none fits."""
    k = evidence.structure.names.index(array.name)
    if len(array.shape) != 2 or min(array.shape) < 2 or array.analytic.size > LARGEST:
        return ""
    found: list[set[str]] = []
    for row in telling_rows(evidence, sample):
        said = _on_row(evidence, k, row)
        if said is None:
            continue  # units that are dead on that row
        found.append(said)
        if not set.intersection(*found):
            return ""
        if len(found) == ROWS:
            break
    return " " + min(set.intersection(*found), key=len) if len(found) > 1 else ""


def _on_row(evidence: Evidence, k: int, row: Sample) -> set[str] | None:
    """The mistakes that fit on one row; None where it does not show the layer."""
    tolerance = Tolerance(evidence)
    layers = find_layers(evidence, right_gradients(evidence, {k}, row), row.row, tolerance)
    layer = next((one for one in layers if one.weight == k), None)
    matrix = evidence.gradients(row)[k]
    if layer is None or not matrix.any():
        return None
    matrix = matrix.T if layer.is_columns else matrix  # (n_in, n_out)
    mistakes = _mistakes(matrix, layer, layers, evidence.structure.names, tolerance)
    return {said for said, a, b in mistakes if tolerance.equal(a, b)}


def _mistakes(
    matrix: Array, layer: Layer, layers: list[Layer], names: list[str], tolerance: Tolerance
) -> Iterator[tuple[str, Array, Array]]:
    """What may have been taken for one of the factors, and two vectors that are equal if it was."""
    others = [other for other in layers if other is not layer]
    inputs, delta = other_factor(matrix, layer.delta), other_factor(matrix.T, layer.inputs)
    if tolerance.equal(matrix, np.outer(inputs, layer.delta)):
        for other in others:
            if layer in other.followers:
                yield (
                    "It is made from what goes into the activation before it, z, where what comes "
                    "out, a = f(z), belongs.",
                    inputs,
                    other.sums,
                )
            own = f"It is made from the input of {names[other.weight]}, not from its own."
            yield own, inputs, other.inputs
    if tolerance.equal(matrix, np.outer(layer.inputs, delta)):
        for other in others:
            own = f"It is made from the delta of {names[other.weight]}, not from its own."
            yield own, delta, other.delta
        if layer.step is not None:
            yield (
                "Its delta is not multiplied by the derivative of the activation after it (of "
                f"{layer.step.name}).",
                delta * layer.step.slope,
                layer.delta,
            )
