"""A weight that is used twice, as in tied autoencoders, of whose gradient one half is missing.

On one row each use of a dense weight adds a matrix of rank one to its gradient. If what is there
has rank one, what is missing has, and together they have not, then one of two uses was forgotten.
Which it was is told by the factors: the encoder's first has the row itself in it.
"""

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, CaseCheck
from .gradient_layers import LARGEST, Tolerance, outer_factors
from .gradient_penalties import rank_one_multiples, shapes_of


def forgotten_half(evidence: Evidence, case: CaseCheck, sample: Sample) -> str | None:
    """What to say of the one array that is wrong on one row; None if it is something else."""
    (array,) = case.failed
    if array.analytic.size > LARGEST or len(array.shape) != 2 or min(array.shape) < 2:
        return None
    tolerance = Tolerance(evidence)
    k = evidence.index(array.name)
    analytic = array.analytic.reshape(array.shape)
    numeric, _ = evidence.numeric(sample, k, np.arange(array.analytic.size))
    missing = numeric.reshape(array.shape) - analytic
    same = tolerance.rank
    lost = outer_factors(missing, same)
    if lost is None:
        return None
    analytic = analytic - _penalty(evidence, k, analytic, same)
    there = outer_factors(analytic, same)
    if there is None or outer_factors(analytic + missing, 2 * same) is not None:
        return None  # one use after all
    x = next(iter(sample.arrays.values())).ravel().astype(np.float64)
    half = _half(evidence, case, array, (there, lost), x, tolerance)
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


def _penalty(evidence: Evidence, k: int, analytic: Array, same: float) -> Array | float:
    """What a penalty adds to what is there; 0 without."""
    for shape in shapes_of(evidence.values(k).reshape(analytic.shape)).values():
        for strength in rank_one_multiples(analytic, shape, same):
            return strength * shape
    return 0.0


def _half(
    evidence: Evidence,
    case: CaseCheck,
    array: ArrayCheck,
    parts: tuple[tuple[Array, Array], tuple[Array, Array]],
    x: Array,
    tolerance: Tolerance,
) -> str | None:
    """Which half is missing: 'encoder', 'decoder', or None where that cannot be told."""
    (u, v), (lost_u, lost_v) = parts
    if x.size > 1:
        for own, lost in ((u, lost_u), (v, lost_v)):
            if tolerance.parallel(own, x) != tolerance.parallel(lost, x):
                return "decoder" if tolerance.parallel(own, x) else "encoder"
    # Deeper: the encoder's part ends in the delta of its bias, the decoder's in that of its own.
    is_columns = _samples_are_columns(evidence, case, x, tolerance)
    if is_columns is None:
        return None
    n_in, n_out = array.shape[::-1] if is_columns else array.shape
    (u, v), (lost_u, lost_v) = ((p[::-1] if is_columns else p) for p in parts)
    biases = [a.analytic for a in case.arrays if a.passed and a.analytic.any()]
    for bias in biases:
        if bias.size == n_out and tolerance.parallel(v, bias):
            return "decoder"
        if bias.size == n_out and tolerance.parallel(lost_v, bias):
            return "encoder"
        if bias.size == n_in and tolerance.parallel(u, bias):
            return "encoder"
        if bias.size == n_in and tolerance.parallel(lost_u, bias):
            return "decoder"
    return None


def _samples_are_columns(
    evidence: Evidence, case: CaseCheck, x: Array, tolerance: Tolerance
) -> bool | None:
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
    return None
