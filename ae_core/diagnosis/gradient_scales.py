"""Gradients of the right direction and the wrong size: clipped, normalised, weighted, of a power.

In each choice of rows such a gradient is a multiple of the right one, but not the same multiple in
all. What it is a function of tells what was done: of its own length, of the cost, of the row.
"""

from itertools import pairwise

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import CaseCheck, close, constant_factor

BEFORE = "Hand in the gradient as it is before that."
LOGARITHMS = {
    "ln 2": (np.log(2), "logarithms to base 2"),
    "ln 10": (np.log(10), "logarithms to base 10"),
}
DIFFERENT = 1e-2
"""How far factors are apart at least, relatively, that are called different."""


def wrong_sizes(evidence: Evidence) -> list[str] | None:
    """What is said of a gradient whose direction is right; None if it is not, or not seen why."""
    said = _clipped_elements(evidence)
    if said is None:
        factors = [_factor(case) for case in evidence.cases]
        if any(f is None for f in factors):
            factors = []
        known = [f for f in factors if f is not None]
        if known and _differ(known):
            said = (
                _of_the_number_of_rows(evidence, known)
                or _normalised(evidence, known)
                or _of_the_cost(evidence, known)
            )
    said = said or _row_weights(evidence)
    return None if said is None else [said]


def _factor(case: CaseCheck) -> float | None:
    """C with analytic = c · numeric in all arrays; 1 where it passed, None if there is none."""
    return 1.0 if case.passed else case.factor


def _differ(factors: list[float]) -> bool:
    return max(factors) - min(factors) > DIFFERENT * max(map(abs, factors))


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
    # What is wrong must be larger in truth; and enough is smaller and right, or it is chance.
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
    wrong = [
        (length, f) for length, f, c in zip(lengths, factors, evidence.cases, strict=True)
        if not c.passed
    ]  # fmt: skip
    if len(wrong) < 2 or any(f <= 0 for _, f in wrong) or not _differ([f for _, f in wrong]):
        return None
    size = wrong[0][0]
    if any(not close(length, size, evidence.same) for length, _ in wrong):
        return None
    is_clipped = all(f < 1 for _, f in wrong)
    if is_clipped and any(length > size * (1 + evidence.same) for length in lengths):
        return None
    how = "clipped at that length, or normalised" if is_clipped else "normalised"
    return (
        "The direction of the gradient is right, but wherever it is wrong its length is "
        f"{size:.6g}: it is {how}. {BEFORE}"
    )


def _of_the_number_of_rows(evidence: Evidence, factors: list[float]) -> str | None:
    """The factor is the same on each row alone, and on several hangs on how many they are."""
    if len(evidence.singles) < 2 or any(c.passed for c in evidence.cases):
        return None
    one = factors[1]
    if not _are_equal(factors[1:-1]) or one <= 0:
        return None
    # Of equal costs and lengths it might be, too; so with other parameters.
    moved = _moved_factor(evidence)
    if moved is None or not close(moved[1], factors[0], 1e-3):
        return None
    counts = [case.n_rows for case in evidence.cases]
    if all(close(f, one * n, 1e-3) for f, n in zip(factors, counts, strict=True)):
        return (
            f"On m rows the gradient is {one:.6g} · m times the right one: it is divided by a "
            f"fixed number, such as {1 / one:.6g}, where the cost is divided by the number of rows."
        )
    if all(close(f, one / n, 1e-3) for f, n in zip(factors, counts, strict=True)):
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


def _of_the_cost(evidence: Evidence, factors: list[float]) -> str | None:
    """The factor is a power of the cost: the gradient is that of its square, say."""
    costs = [evidence.call(sample).cost for sample in evidence.samples]
    moved = _moved_factor(evidence)
    if moved is None:
        return None
    costs, factors = [*costs, moved[0]], [*factors, moved[1]]
    # Of a mean or a sum over fewer rows the factor may hang on their number.
    if min(factors) <= 0 or min(costs) <= 0 or not _differ(costs):
        return _of_an_exponential(costs, factors)
    for power, what in (
        (1, "the square of the cost: a root is not differentiated"),
        (-0.5, "the root of the cost: a square is not differentiated"),
        (-1, "the logarithm of the cost"),
    ):
        rest = [f / c**power for f, c in zip(factors, costs, strict=True)]
        if _are_equal(rest):
            # d cost^(power + 1) = (power + 1) cost^power d cost
            scale = rest[0] / (power + 1 or 1)
            times = "" if close(scale, 1, DIFFERENT) else f"{scale:.6g} times "
            form = {1: "cost", -0.5: "1 / √cost", -1: "1 / cost"}[power]
            return (
                f"On all choices of rows the gradient is {rest[0]:.6g} · {form} times the right "
                f"one: it is {times}that of {what}."
            )
    return _of_an_exponential(costs, factors)


def _of_an_exponential(costs: list[float], factors: list[float]) -> str | None:
    if max(map(abs, costs)) > 300 or max(costs) - min(costs) < DIFFERENT:
        return None
    rest = [f / np.exp(c) for f, c in zip(factors, costs, strict=True)]
    if rest[0] <= 0 or not _are_equal(rest):
        return None
    return (
        f"On all choices of rows the gradient is {rest[0]:.6g} · exp(cost) times the right one: "
        "the cost is a logarithm, which is not differentiated."
    )


def _are_equal(numbers: list[float]) -> bool:
    return all(close(a, b, 1e-3) for a, b in pairwise(numbers))


def _moved_factor(evidence: Evidence) -> tuple[float, float] | None:
    """Cost and factor on all rows with other parameters."""
    sample = evidence.samples[0]
    factor = _factor_at(evidence, sample, evidence.moved)
    return None if factor is None else (evidence.call(sample, evidence.moved).cost, factor)


def _factor_at(evidence: Evidence, sample: Sample, vector: Array) -> float | None:
    """The one factor in all arrays that are wrong somewhere, at the elements that are checked."""
    gradient = evidence.call(sample, vector).gradient
    analytic, numeric, doubts = [], [], []
    for name in evidence.wrong_names():
        k = evidence.index(name)
        elements = evidence.together.arrays[k].elements
        values, doubt = evidence.numeric(sample, k, elements, vector)
        analytic.append(gradient[evidence.structure.slices[k]][elements])
        numeric.append(values)
        doubts.append(doubt + evidence.slack(values))
    return constant_factor(
        np.concatenate(analytic), np.concatenate(numeric), np.concatenate(doubts)
    )


# --- weights of rows -----------------------------------------------------------------------------


def _row_weights(evidence: Evidence) -> str | None:
    """On each row alone a factor, another on each, that does not hang on the parameters."""
    factors: list[float] = []
    for case, sample in zip(evidence.singles, evidence.samples[1:-1], strict=True):
        here, there = _weight(evidence, case, sample)
        if here is None:
            return None
        # Of one unit or at one place anything looks like a factor.
        if there is None or not (here == there or close(there, here, 10 * evidence.same)):
            return None
        factors.append(here)
    finite = [f for f in factors if np.isfinite(f)]
    if len(factors) < 3 or min(factors) < 0 or not (_differ(finite) if finite else False):
        return None
    largest = (
        "infinity, where the cost is 0" if len(finite) < len(factors) else f"{max(finite):.4g}"
    )
    return (
        "On each row alone the gradient is a multiple of the right one, another on each row (from "
        f"{min(finite):.4g} to {largest}), and the same whatever the parameters: a weight of each "
        "row or class, or a number to divide by, that stands in only one of cost and gradient."
    )


def _weight(
    evidence: Evidence, case: CaseCheck, sample: Sample
) -> tuple[float | None, float | None]:
    """The factor on one row, here and with other parameters; infinite where all should be zero."""
    numeric = np.concatenate([a.numeric for a in case.arrays])
    if not numeric.any() and not case.passed:
        moved = [
            evidence.numeric(sample, evidence.index(a.name), a.elements, evidence.moved)[0]
            for a in case.arrays
        ]
        return np.inf, (None if np.concatenate(moved).any() else np.inf)
    if case.passed:
        telling = [a for a in case.arrays if a.numeric.any()]
        return (1.0, _factor_at(evidence, sample, evidence.moved)) if telling else (1.0, 1.0)
    return case.factor, _factor_at(evidence, sample, evidence.moved)


def about_logarithms(c: float) -> str | None:
    """What to say of a factor between natural and other logarithms."""
    for name, (size, what) in LOGARITHMS.items():
        if close(c, size) or close(c, 1 / size):
            return (
                f"{name if close(c, size) else f'1 / {name}'}: one of cost and gradient has {what}"
            )
    return None
