"""A penalty that cost and gradient both have, subtracted so that other patterns show.

What a dense layer leaves in a gradient has rank one on a single row; a penalty adds a multiple of
the weights to it, or of their signs. The multiple is found as that which, taken away, leaves rank
one.
"""

from collections.abc import Iterator

import numpy as np

from .._typing import Array
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, CaseCheck, close, fits

MINORS, LOOKED_AT = 60, 3
"""Number of 2 x 2 minors of a matrix, and of matrices, that are tried."""


def shapes_of(values: Array) -> dict[str, Array]:
    """What the gradient of a penalty is a multiple of, by the name of its norm."""
    return {"L2": values, "L1": np.sign(values)}


def penalty_parts(
    evidence: Evidence, right: list[Array], same: float
) -> Iterator[list[Array | float]]:
    """What to subtract from the right gradients of one row, so that those of layers have rank one.

    Of each array; several proposals, of which the first is nothing. Penalties of weights alone come
    before penalties of everything.
    """
    yield [0.0 for _ in right]
    matrices = [k for k, g in enumerate(right) if g.ndim == 2 and min(g.shape) > 1]
    matrices.sort(key=lambda k: -right[k].size)
    for norm in ("L2", "L1"):
        shapes = [shapes_of(evidence.values(k))[norm] for k in range(len(right))]
        strengths: list[float] = []
        for k in matrices[:LOOKED_AT]:
            for strength in rank_one_multiples(right[k], shapes[k], same):
                if all(abs(strength - other) > same * other for other in strengths):
                    strengths.append(strength)
        for strength in strengths:
            yield [strength * s if k in matrices else 0.0 for k, s in enumerate(shapes)]
            yield [strength * s for s in shapes]


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
    distinct: list[float] = []
    for i in np.argsort(left)[:8]:
        λ = _refined(matrix, shape, candidates[i])
        is_new = all(abs(λ - other) > 0.05 * other for other in distinct)
        if λ > 0 and is_new and _second(matrix - λ * shape) <= same:
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
    array = case.largest
    if len(array.elements) < 4 or not np.isfinite(array.checked).all():
        return None
    for norm, shape in shapes_of(array.params).items():
        # analytic = c numeric + β shape
        A = np.stack([array.numeric, shape], axis=1)
        (c, _), _, rank, _ = np.linalg.lstsq(A, array.checked, rcond=1e-8)
        if rank < 2 or c == 0 or close(c, 1, 1e-2):
            continue
        strengths = [penalty_beside(evidence, a, c, norm) for a in case.arrays if len(a.elements)]
        if None not in strengths and any(strengths):
            return float(c), norm
    return None


def penalty_beside(evidence: Evidence, array: ArrayCheck, c: float, norm: str) -> float | None:
    """λ of a penalty beside which that factor fits an array; 0 if it fits without, else None."""
    analytic, numeric = array.checked, array.numeric
    if not np.isfinite(analytic).all():
        return None
    doubts = array.doubts * (1 + 1 / abs(c))
    if fits(analytic / c, numeric, doubts):
        return 0.0
    shape = shapes_of(array.params)[norm]
    if len(shape) < 2 or not shape.any():
        return None
    β = float(shape @ (analytic - c * numeric)) / float(shape @ shape)
    strength = β / (1 - c)
    slack = evidence.slack(np.abs(numeric).max(initial=0.0) + abs(β))
    is_penalty = strength > 0 and fits((analytic - β * shape) / c, numeric, doubts + slack)
    return strength if is_penalty else None
