"""A weight that is used twice, as in tied autoencoders, of whose gradient one half is missing.

On one row each use of a dense weight adds a matrix of rank one to its gradient. If what is there
has rank one, what is missing has, and together they have not, then one of two uses was forgotten.
Which it was is told by the factors: the encoder's first has the row itself in it.
"""

from collections.abc import Iterator

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, CaseCheck
from .gradient_layers import LARGEST, Tolerance, outer_factors
from .gradient_penalties import rank_one_multiples, shapes_of

ONE_USE = "one use"
"""The present and the missing part come from the same use of the weight."""


def forgotten_half(
    evidence: Evidence, case: CaseCheck, array: ArrayCheck, sample: Sample
) -> str | None:
    """What to say of an array that is wrong on one row.

    None if that cannot be told, and `ONE_USE` where the array is used once.
    """
    if array.analytic.size > LARGEST or len(array.shape) != 2 or min(array.shape) < 2:
        return None
    tolerance = Tolerance(evidence)
    same = tolerance.rank
    k = evidence.structure.names.index(array.name)
    analytic = array.analytic.reshape(array.shape)
    numeric = evidence.numeric(sample, k)[0].reshape(array.shape)
    if not numeric.any():
        return ONE_USE  # on that row the cost does not depend on it
    missing = numeric - analytic
    lost = outer_factors(missing, same)
    if lost is None:
        return None
    there: tuple[Array, Array] | None = None
    for norm, strength in _penalties(evidence, k, analytic, same):
        data = analytic - strength * shapes_of(evidence.values(k))[norm]
        factors = outer_factors(data, same)
        if factors is None:
            continue
        if outer_factors(data + missing, 2 * same) is not None:
            return ONE_USE
        if there is None:
            there, beside = factors, (norm, strength)
    if there is None:
        return None
    biases = _right_vectors(evidence, case, *beside)
    half = _half(case, array, (there, lost), sample.row, biases, tolerance)
    if half is None:
        return (
            f"{array.name} is used in two places (tied weights?), and its gradient is that of one "
            "of them: the other one's part is missing."
        )
    other = "decoder" if half == "encoder" else "encoder"
    return (
        f"{array.name} is used twice, as tied weights are, and its gradient is that of the {other} "
        f"alone: the {half}'s part is missing. Add the two."
    )


def _penalties(
    evidence: Evidence, k: int, analytic: Array, same: float
) -> Iterator[tuple[str, float]]:
    """Norm and strength of penalties that the gradient may contain: first none."""
    yield "L2", 0.0
    for norm, shape in shapes_of(evidence.values(k)).items():
        for strength in rank_one_multiples(analytic, shape, same):
            yield norm, strength


def _right_vectors(evidence: Evidence, case: CaseCheck, norm: str, strength: float) -> list[Array]:
    """Gradients of biases that are right, with that penalty and without."""
    found = []
    for k, array in enumerate(case.arrays):
        if array.passed and array.analytic.any() and array.analytic.size == max(array.shape):
            penalty = strength * shapes_of(evidence.values(k).ravel())[norm]
            found += [array.analytic, array.analytic - penalty]
    return found


def _half(
    case: CaseCheck,
    array: ArrayCheck,
    parts: tuple[tuple[Array, Array], tuple[Array, Array]],
    x: Array,
    biases: list[Array],
    tolerance: Tolerance,
) -> str | None:
    """Which half is missing: 'encoder', 'decoder', or None if unknown."""
    (u, v), (lost_u, lost_v) = parts
    if x.size > 1:
        for own, lost in ((u, lost_u), (v, lost_v)):
            if tolerance.parallel(own, x) != tolerance.parallel(lost, x):
                return "decoder" if tolerance.parallel(own, x) else "encoder"
    # Deeper: the encoder's part ends in the delta of its bias, the decoder's in that of its own.
    is_columns = _samples_are_columns(case, x, tolerance)
    if is_columns is None:
        return None
    if is_columns:
        u, v, lost_u, lost_v = v, u, lost_v, lost_u
    for bias in biases:
        for delta, half in (
            (v, "decoder"),
            (lost_v, "encoder"),
            (u, "encoder"),
            (lost_u, "decoder"),
        ):
            if tolerance.parallel(delta, bias):
                return half
    return None


def _samples_are_columns(case: CaseCheck, x: Array, tolerance: Tolerance) -> bool | None:
    """Whether weights are (n_out, n_in), from a right one that the row itself goes into."""
    for array in case.arrays:
        if not array.passed or len(array.shape) != 2 or not array.analytic.any():
            continue
        matrix = array.analytic.reshape(array.shape)
        for is_columns, basis in ((False, matrix), (True, matrix.T)):
            if basis.shape[0] != x.size:
                continue
            # Of a tied weight the gradient is a sum of two such products.
            U, s, _ = np.linalg.svd(basis, full_matrices=False)
            rank = int((s > tolerance.same * s[0]).sum())
            U = U[:, :rank]
            if rank < x.size and tolerance.equal(U @ (U.T @ x), x):
                return is_columns
    # A penalty may fill the span. Tied weights alone have the row's size on one side only.
    shapes = [a.shape for a in case.arrays if len(a.shape) == 2 and min(a.shape) > 1]
    sides = {shape.index(x.size) for shape in shapes if shape.count(x.size) == 1}
    return bool(sides.pop()) if len(sides) == 1 else None
