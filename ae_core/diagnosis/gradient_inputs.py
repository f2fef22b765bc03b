"""One wrong weight whose layer's delta is right: is it made from something else than its input?

On one row the gradient of a dense weight is what goes into the layer times the delta of what comes
out. Where one of the two factors is right and the other is a vector that is known from elsewhere,
the wrong one was taken.
"""

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck
from .gradient_layers import LARGEST, Layer, Tolerance, divided, find_layers, right_gradients

ROWS = 3
"""On so many rows the same must be seen."""


def about_factors(evidence: Evidence, array: ArrayCheck, rows: list[Sample]) -> str:
    """What is said of a weight of which one factor belongs elsewhere; nothing if none does."""
    k = evidence.index(array.name)
    if len(array.shape) != 2 or min(array.shape) < 2 or array.analytic.size > LARGEST:
        return ""
    found: list[set[str]] = []
    for row in rows:
        said = _on_row(evidence, k, row)
        if said is None:
            continue  # units that are off on that row
        found.append(said)
        if not set.intersection(*found):
            return ""
        if len(found) == ROWS:
            break
    if len(found) < 2:
        return ""
    return " " + min(set.intersection(*found), key=len)


def _on_row(evidence: Evidence, k: int, row: Sample) -> set[str] | None:
    """Sentences that fit on one row; None where its layer is not to be seen."""
    tolerance = Tolerance(evidence)
    x = next(iter(row.arrays.values())).ravel().astype(np.float64)
    layers = find_layers(evidence, right_gradients(evidence, {k}, row), x, tolerance)
    layer = next((one for one in layers if one.weight == k), None)
    claimed = evidence.analytic(row, k).reshape(evidence.structure.shapes[k])
    if layer is None or not claimed.any():
        return None
    matrix = claimed.T if layer.is_columns else claimed  # (n_in, n_out)
    names = evidence.structure.names
    found: set[str] = set()
    inputs = divided(matrix, layer.delta, along_rows=False)
    if tolerance.equal(matrix, np.outer(inputs, layer.delta)):
        found |= _inputs(inputs, layer, layers, names, tolerance)
    delta = divided(matrix, layer.inputs, along_rows=True)
    if tolerance.equal(matrix, np.outer(layer.inputs, delta)):
        found |= _deltas(delta, layer, layers, names, tolerance)
    return found


def _inputs(
    inputs: Array, layer: Layer, layers: list[Layer], names: list[str], tolerance: Tolerance
) -> set[str]:
    found = set()
    for other in layers:
        if layer in other.followers and tolerance.equal(inputs, other.sums):
            found.add(
                "It is made from what goes into the activation before it, z, where what comes out, "
                "a = f(z), belongs."
            )
        if other is not layer and tolerance.equal(inputs, other.inputs):
            found.add(f"It is made from the input of {names[other.weight]}, not from its own.")
    return found


def _deltas(
    delta: Array, layer: Layer, layers: list[Layer], names: list[str], tolerance: Tolerance
) -> set[str]:
    found = set()
    for other in layers:
        if other is not layer and tolerance.equal(delta, other.delta):
            found.add(f"It is made from the delta of {names[other.weight]}, not from its own.")
    step = layer.step
    if step is not None and tolerance.equal(delta * step.slope, layer.delta):
        found.add(
            "Its delta is not multiplied by the derivative of the activation after it (of "
            f"{step.name})."
        )
    return found
