"""A penalty that cost and gradient both have, taken out of the way of other patterns.

What a dense layer leaves in a gradient has rank one on a single row; a penalty adds a multiple of
the weights to it, or of their signs. The multiple is found as that which, taken away, leaves rank
one.
"""

import numpy as np

from .._typing import Array
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, CaseCheck, close, fits

MINORS, LOOKED_AT = 60, 3
"""2 x 2 minors of a matrix, and matrices, that are looked at."""


def shapes_of(values: Array) -> dict[str, Array]:
    """What the gradient of a penalty is a multiple of, by the name of its norm."""
    return {"L2": values, "L1": np.sign(values)}


def penalty_parts(
    evidence: Evidence, right: list[Array | None], same: float
) -> list[list[Array | float]]:
    """What to take away from right gradients of one row, so that layers have rank one.

    Of each array; several proposals, of which the first is nothing. Penalties of weights alone come
    before penalties of everything.
    """
    proposals: list[list[Array | float]] = [[0.0 for _ in right]]
    matrices = [
        k for k, g in enumerate(right) if g is not None and g.ndim == 2 and min(g.shape) > 1
    ]
    matrices.sort(key=lambda k: -np.asarray(right[k]).size)
    for norm in ("L2", "L1"):
        shapes = [
            shapes_of(evidence.values(k).reshape(evidence.structure.shapes[k]))[norm]
            for k in range(len(right))
        ]
        for strength in _strengths(right, matrices, shapes, same):
            is_weight = [g is not None and k in matrices for k, g in enumerate(right)]
            weights: list[Array | float] = [
                strength * s if w else 0.0 for s, w in zip(shapes, is_weight, strict=True)
            ]
            proposals += [weights, [strength * s for s in shapes]]
    return proposals


def _strengths(
    right: list[Array | None], matrices: list[int], shapes: list[Array], same: float
) -> list[float]:
    """Multiples that leave rank one of the largest matrices, the largest first."""
    found: list[float] = []
    for k in matrices[:LOOKED_AT]:
        gradient = right[k]
        assert gradient is not None
        for strength in rank_one_multiples(gradient, shapes[k], same):
            if all(abs(strength - other) > same * other for other in found):
                found.append(strength)
    return found


def rank_one_multiples(matrix: Array, shape: Array, same: float) -> list[float]:
    """The λ for which ``matrix - λ shape`` has rank one; none if it has with λ = 0.

    Every 2 x 2 minor of it must vanish, and each is a quadratic in λ.
    """
    if min(matrix.shape) < 2 or not shape.any() or _second(matrix) <= same:
        return []
    random = np.random.default_rng(0)
    candidates = []
    n, m = matrix.shape
    for _ in range(MINORS):
        i, k = random.choice(n, 2, replace=False)
        j, other = random.choice(m, 2, replace=False)
        T, S = matrix[np.ix_([i, k], [j, other])], shape[np.ix_([i, k], [j, other])]
        a = S[0, 0] * S[1, 1] - S[0, 1] * S[1, 0]
        b = -(T[0, 0] * S[1, 1] + S[0, 0] * T[1, 1] - T[0, 1] * S[1, 0] - S[0, 1] * T[1, 0])
        c = T[0, 0] * T[1, 1] - T[0, 1] * T[1, 0]
        candidates += _roots(a, b, c)
    if not candidates:
        return []
    left = np.array([_second(matrix - λ * shape) for λ in candidates])
    best = [_refined(matrix, shape, candidates[i]) for i in np.argsort(left)[:8]]
    best = [λ for λ in best if _second(matrix - λ * shape) <= same]
    distinct: list[float] = []
    for λ in best:
        if λ > 0 and all(abs(λ - other) > 0.05 * abs(other) for other in distinct):
            distinct.append(λ)
    return distinct[:2]


def _roots(a: float, b: float, c: float) -> list[float]:
    if abs(a) <= 1e-12 * max(abs(b), abs(c), 1e-300):
        return [-c / b] if b else []
    discriminant = b * b - 4 * a * c
    if discriminant < 0:
        # A double root that rounding has lifted off the axis.
        return [-b / (2 * a)] if discriminant > -1e-3 * b * b else []
    root = np.sqrt(discriminant)
    q = -(b + np.copysign(root, b)) / 2
    return [q / a] + ([c / q] if q else [])


def _refined(matrix: Array, shape: Array, λ: float) -> float:
    """The multiple that leaves least beside the leading factors."""
    for _ in range(4):
        U, _, Vt = np.linalg.svd(matrix - λ * shape, full_matrices=False)
        u, v = U[:, 0], Vt[0]
        rest, part = (
            a - np.outer(u, u @ a) - np.outer(a @ v, v) + np.outer(u, v) * (u @ a @ v)
            for a in (matrix, shape)
        )
        size = float((part * part).sum())
        if size == 0:
            break
        λ = float((rest * part).sum()) / size
    return λ


def _second(matrix: Array) -> float:
    """The second singular value, beside the first."""
    s = np.linalg.svd(matrix, compute_uv=False)
    return float(s[1] / s[0]) if s[0] > 0 else 0.0


# --- a factor beside a penalty that is right ------------------------------------------------------


def factor_beside_penalty(evidence: Evidence, case: CaseCheck) -> tuple[float, str] | None:
    """The factor of what comes from the data, where a penalty is right; and the penalty's norm.

    ``gradient = c (right - penalty) + penalty`` in every element of every array, with a penalty
    proportional to the parameters or to their signs.
    """
    largest = max(case.arrays, key=lambda a: len(a.elements))
    for norm in ("L2", "L1"):
        values = evidence.values(evidence.index(largest.name))[largest.elements]
        solved = _solved(largest, shapes_of(values)[norm])
        if solved is None or close(solved, 1, 1e-2):
            continue
        strengths = [
            penalty_beside(evidence, array, solved, norm)
            for array in case.arrays
            if len(array.elements)
        ]
        if all(s is not None for s in strengths) and any(strengths):
            return solved, norm
    return None


def _solved(array: ArrayCheck, shape: Array) -> float | None:
    """C with analytic = c numeric + β shape, by least squares; None if there is too little."""
    if len(array.elements) < 4 or not np.isfinite(array.checked).all():
        return None
    A = np.stack([array.numeric, shape], axis=1)
    (c, _), _, rank, _ = np.linalg.lstsq(A, array.checked, rcond=1e-8)
    return float(c) if rank == 2 and c != 0 else None


def penalty_beside(evidence: Evidence, array: ArrayCheck, c: float, norm: str) -> float | None:
    """λ of a penalty beside which that factor fits an array; 0 if it fits without, else None."""
    analytic, numeric, doubts = array.checked, array.numeric, array.doubts
    if not np.isfinite(analytic).all():
        return None
    if fits(analytic / c, numeric, doubts + np.abs(doubts / c)):
        return 0.0
    values = evidence.values(evidence.index(array.name))[array.elements]
    shape = shapes_of(values)[norm]
    if len(values) < 2 or not shape.any():
        return None
    β = float(shape @ (analytic - c * numeric)) / float(shape @ shape)
    strength = β / (1 - c)
    size = np.abs(numeric).max(initial=0.0) + np.abs(β)
    slack = doubts + np.abs(doubts / c) + evidence.slack(np.full(len(values), size))
    if strength <= 0 or not fits((analytic - β * shape) / c, numeric, slack):
        return None
    return strength
