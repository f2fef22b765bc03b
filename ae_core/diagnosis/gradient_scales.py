"""Gradients of the right direction and the wrong size: clipped, normalised, weighted, of a power.

In each choice of rows such a gradient is a multiple of the right one, but not the same multiple in
all. What it is a function of tells what was done: of its own length, of the cost, of the row.
"""

from itertools import pairwise

import numpy as np

from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, close, common_factor

BEFORE = "Hand in the gradient as it is before that."
DIFFERENT = 1e-2
"""Smallest relative difference of factors that are called different."""


def wrong_sizes(evidence: Evidence) -> list[str] | None:
    """Explain a gradient of the right direction and the wrong size; None if no pattern fits."""
    said = _clipped_elements(evidence)
    if said is None:
        found = [1.0 if case.passed else case.factor for case in evidence.cases]
        factors = [f for f in found if f is not None]
        if len(factors) == len(found) and _differ(factors):
            # Of equal costs and lengths it might be chance; so all rows with other parameters, too.
            there = common_factor(_moved(evidence, evidence.samples[0]))
            said = (
                _of_the_number_of_rows(evidence, factors, there)
                or _normalised(evidence, factors)
                or _of_the_cost(evidence, factors, there)
            )
    said = said or _row_weights(evidence)
    return None if said is None else [said]


def _moved(evidence: Evidence, sample: Sample) -> list[ArrayCheck]:
    """The arrays that are wrong somewhere, on these rows with other parameters."""
    wrong = evidence.wrong_names()
    arrays = [a for a in evidence.together.arrays if a.name in wrong]
    return [evidence.look(sample, a, evidence.moved) for a in arrays]


def _differ(factors: list[float]) -> bool:
    return max(factors) - min(factors) > DIFFERENT * max(map(abs, factors))


def _are_equal(numbers: list[float]) -> bool:
    return all(close(a, b, 1e-3) for a, b in pairwise(numbers))


# --- clipped -------------------------------------------------------------------------------------


def _clipped_elements(evidence: Evidence) -> str | None:
    """Every wrong element is of one size, the largest there is, and has the right sign."""
    arrays = [a for case in evidence.cases for a in case.arrays if len(a.elements)]
    if any(not np.isfinite(a.checked).all() for a in arrays):
        return None
    analytic = np.concatenate([a.checked for a in arrays])
    numeric = np.concatenate([a.numeric for a in arrays])
    wrong = np.concatenate([a.errors > a.tolerance for a in arrays])
    size = float(np.abs(analytic).max(initial=0.0))
    if wrong.sum() < 4 or size == 0:
        return None
    is_largest = np.abs(np.abs(analytic) - size) <= 1e-6 * size
    same_sign = np.sign(analytic) == np.sign(numeric)
    if not (is_largest & same_sign)[wrong].all() or not _differ(np.abs(numeric[wrong]).tolist()):
        return None
    n_smaller = int((~is_largest & (analytic != 0)).sum())
    if n_smaller == 0:
        return (
            f"Every element of the gradient is {size:.6g} or -{size:.6g}, with the right sign: "
            f"it is the sign of the gradient, not the gradient. {BEFORE}"
        )
    # Wrong elements should be larger; and enough others must be smaller and right.
    if n_smaller < 2 or not (np.abs(numeric[wrong]) > size).all():
        return None
    return (
        f"Each element that is wrong is {size:.6g} or -{size:.6g}, the largest there is, and "
        f"should be larger: the gradient is clipped, element by element. {BEFORE}"
    )


def _normalised(evidence: Evidence, factors: list[float]) -> str | None:
    """The length is the same wherever it is wrong: that of a clipped or a normalised gradient."""
    lengths = [
        float(np.linalg.norm(np.concatenate([a.analytic for a in case.arrays])))
        for case in evidence.cases
    ]
    wrong = [k for k, case in enumerate(evidence.cases) if not case.passed]
    wrong_factors = [factors[k] for k in wrong]
    if len(wrong) < 2 or min(wrong_factors) <= 0 or not _differ(wrong_factors):
        return None
    size = lengths[wrong[0]]
    if any(not close(lengths[k], size, evidence.same) for k in wrong):
        return None
    is_clipped = max(wrong_factors) < 1
    if is_clipped and max(lengths) > size * (1 + evidence.same):
        return None
    how = "clipped at that length, or normalised" if is_clipped else "normalised"
    return (
        "The direction of the gradient is right, but wherever it is wrong its length is "
        f"{size:.6g}: it is {how}. {BEFORE}"
    )


def _of_the_number_of_rows(
    evidence: Evidence, factors: list[float], there: float | None
) -> str | None:
    """The factor is the same on each row alone, and on several depends on their number."""
    if len(evidence.singles) < 2 or any(c.passed for c in evidence.cases):
        return None
    one = factors[1]
    if not _are_equal(factors[1:-1]) or one <= 0:
        return None
    if there is None or not close(there, factors[0], 1e-3):
        return None
    counts = [case.n_rows for case in evidence.cases]
    if _are_equal([f / n for f, n in zip(factors, counts, strict=True)]):
        return (
            f"On m rows the gradient is {one:.6g} · m times the right one: it is divided by a "
            f"fixed number, such as {1 / one:.6g}, where the cost is divided by the number of rows."
        )
    if _are_equal([f * n for f, n in zip(factors, counts, strict=True)]):
        return (
            f"On m rows the gradient is {one:.6g} / m times the right one: it is divided by the "
            "number of rows, and the cost by a fixed number."
        )
    by_count = sorted(dict(zip(counts, factors, strict=True)).items())
    each = ", ".join(f"{f:.4g} on {n}" for n, f in by_count)
    return (
        "The gradient is a multiple of the right one, and which hangs on the number of rows alone "
        f"({each}): look at what is divided by it."
    )


# --- a function of the cost ----------------------------------------------------------------------


def _of_the_cost(evidence: Evidence, factors: list[float], there: float | None) -> str | None:
    """The factor is a function of the cost: the gradient is that of its square, say."""
    if there is None:
        return None
    factors = [*factors, there]
    costs = [evidence.subject.cost(evidence.vector, sample) for sample in evidence.samples]
    costs.append(evidence.subject.cost(evidence.moved, evidence.samples[0]))
    # Powers; needs costs that differ, or the factor may depend on the number of rows.
    if min(factors) > 0 and min(costs) > 0 and _differ(costs):
        for power, form, what in (
            (1, "cost", "the square of the cost: a root is not differentiated"),
            (-0.5, "1 / √cost", "the root of the cost: a square is not differentiated"),
            (-1, "1 / cost", "the logarithm of the cost"),
        ):
            rest = [f / c**power for f, c in zip(factors, costs, strict=True)]
            if _are_equal(rest):
                # d cost^(power + 1) = (power + 1) cost^power d cost
                scale = rest[0] / (power + 1 or 1)
                times = "" if close(scale, 1, DIFFERENT) else f"{scale:.6g} times "
                return (
                    f"On all choices of rows the gradient is {rest[0]:.6g} · {form} times the "
                    f"right one: it is {times}that of {what}."
                )
    if max(map(abs, costs)) > 300 or max(costs) - min(costs) < DIFFERENT:
        return None
    rest = [f / np.exp(c) for f, c in zip(factors, costs, strict=True)]
    if rest[0] <= 0 or not _are_equal(rest):
        return None
    return (
        f"On all choices of rows the gradient is {rest[0]:.6g} · exp(cost) times the right one: "
        "the cost is a logarithm, which is not differentiated."
    )


# --- weights of rows -----------------------------------------------------------------------------


def _row_weights(evidence: Evidence) -> str | None:
    """On each row alone a factor, another on each, that does not depend on the parameters."""
    factors: list[float] = []
    for case, sample in evidence.singles:
        here = 1.0 if case.passed else _factor(case.arrays)
        if here is None:
            return None
        # With one unit or at one point anything looks like a factor.
        if not case.passed or any(a.numeric.any() for a in case.arrays):
            there = _factor(_moved(evidence, sample))
            if there is None or (np.isinf(here) and there != here):
                return None
            if there != here and not close(there, here, 10 * evidence.same):
                return None
        factors.append(here)
    finite = [f for f in factors if np.isfinite(f)]
    if len(factors) < 3 or not finite or min(factors) < 0 or not _differ(finite):
        return None
    is_infinite = len(finite) < len(factors)
    largest = "infinity, where the cost is 0" if is_infinite else f"{max(finite):.4g}"
    return (
        "On each row alone the gradient is a multiple of the right one, another on each row (from "
        f"{min(finite):.4g} to {largest}), and the same whatever the parameters: a weight of each "
        "row or class, or a number to divide by, that stands in only one of cost and gradient."
    )


def _factor(arrays: list[ArrayCheck]) -> float | None:
    """The factor of all these arrays; infinite where all should be zero."""
    return common_factor(arrays) if any(a.numeric.any() for a in arrays) else np.inf
