"""Points at which a cost has a kink: what a gradient may be there, and where the excuse ends.

Along one parameter, any slope between those on both sides is right (`gradient_differences`). Where
several rows are at a kink at once, backpropagation adds up one slope per row, and the sum need not
lie between those of the whole: it is right if each row's own is, and it is their sum.
"""

import numpy as np

from .._typing import Array
from .gradient_calls import Data, Result, Sample, Subject
from .gradient_cases import Comparison, at_moved, moved
from .gradient_differences import Cost
from .gradient_findings import ArrayCheck, CaseCheck

ASIDE = 1e-3
"""By what share of themselves parameters are moved, to see what a gradient is beside a point."""
AT_ONCE, SAME = 1e-15, 1e-6
"""The least move, as a share of the parameters, and how equal gradients then are."""
MOST_ROWS = 1000


def excuse(
    comparison: Comparison,
    data: Data,
    samples: list[Sample],
    results: list[Result],
    cases: list[CaseCheck],
) -> None:
    """Let pass what is a sum of right slopes of single rows at a kink.

    Changes the cases: only if every single row is right, the gradient of several is the sum (or
    mean) of theirs, and with parameters moved off the kink it is right as it is.
    """
    if _holds_nearby(comparison, samples, results, cases):
        _let_pass([case for case in cases if not case.passed])
        return
    if len(cases) < 3 or not all(case.passed for case in cases[1:-1]):
        return
    if data.n_rows > MOST_ROWS:
        return
    subject, vector = comparison.subject, comparison.structure.vector
    aside = moved(vector, ASIDE, comparison.random)
    wrong = [i for i in (0, len(cases) - 1) if not cases[i].passed]
    for i in wrong:
        beside = at_moved(comparison, samples[i], aside, cases[i].n_features)
        if beside is None or not beside.passed:
            return
        if not _is_sum_of_rows(subject, vector, data, samples[i], results[i], comparison):
            return
    _let_pass([cases[i] for i in wrong])


def _let_pass(cases: list[CaseCheck]) -> None:
    for case in cases:
        for array in case.arrays:
            is_off = array.errors > array.tolerance
            array.numeric = np.where(is_off, array.checked, array.numeric)
            array.errors = np.where(is_off, 0.0, array.errors)
            array.__dict__.pop("worst", None)


def _holds_nearby(
    comparison: Comparison, samples: list[Sample], results: list[Result], cases: list[CaseCheck]
) -> bool:
    """Whether kinks lie nearer than any step that can be taken, and all round nothing is wrong.

    Where several units are all but 0 at once, the slope between their kinks shows in no difference.
    It is no slip at one point if the gradient is the same at once beside it, on both sides; and it
    is right if with parameters moved farther nothing is wrong.
    """
    subject, vector, random = comparison.subject, comparison.structure.vector, comparison.random
    wrong = [i for i, case in enumerate(cases) if not case.passed]
    size = np.abs(vector)
    typical = float(size[size > 0].mean()) if size.any() else 1.0
    for sign in (1, -1):
        tiny = vector + sign * AT_ONCE * typical
        for i in wrong:
            gradient = subject(tiny, samples[i]).gradient
            largest = np.abs(results[i].gradient).max(initial=0.0)
            if not np.abs(gradient - results[i].gradient).max(initial=0.0) <= SAME * largest:
                return False
    for _ in range(2):
        aside = moved(vector, ASIDE, random)
        for i in wrong:
            beside = at_moved(comparison, samples[i], aside, cases[i].n_features)
            if beside is None or not beside.passed:
                return False
    return True


def _is_sum_of_rows(
    subject: Subject,
    vector: Array,
    data: Data,
    sample: Sample,
    result: Result,
    comparison: Comparison,
) -> bool:
    """Whether cost and gradient are both the sum, or both the mean, of those of single rows."""
    n = sample.n_rows
    parts = [
        Sample(f"row {i}", 1, {k: np.take(a, [i], data.axes[k]) for k, a in sample.arrays.items()})
        for i in range(n)
    ]
    own = [subject(vector, part) for part in parts]
    cost, gradient = sum(r.cost for r in own), np.sum([r.gradient for r in own], axis=0)
    same = max(1e-9, 100 * comparison.rounding.relative)
    for scale in (1.0, 1 / n):
        if abs(scale * cost - result.cost) > same * abs(result.cost):
            continue
        size = np.abs(result.gradient).max(initial=0.0)
        if np.abs(scale * gradient - result.gradient).max(initial=0.0) <= same * size:
            return True
    return False


def about_point(
    comparison: Comparison, samples: list[Sample], cases: list[CaseCheck]
) -> str | None:
    """What to say of a gradient that is wrong only exactly at the parameters given; else None."""
    vector = moved(comparison.structure.vector, ASIDE, comparison.random)
    for case, sample in zip(cases, samples, strict=True):
        if case.passed:
            continue
        beside = at_moved(comparison, sample, vector, case.n_features)
        if beside is None or not beside.passed:
            return None
    case, sample = next((c, s) for c, s in zip(cases, samples, strict=True) if not c.passed)
    array = case.failed[0]
    index, analytic, _ = array.worst
    at = ", ".join(map(str, index))
    found = (
        f"With params moved by up to {ASIDE:.1%} the gradient is right; exactly at those given it "
        f"is wrong, {analytic:.4g} at {array.name}[{at}]"
    )
    slopes = _kink(comparison, case, sample, array)
    if slopes is None:
        return f"{found}."
    return (
        f"{found}. There the cost has a kink (a unit exactly at 0?), and that is not between the "
        f"slopes on both sides, {slopes[0]:.4g} and {slopes[1]:.4g}."
    )


def _kink(
    comparison: Comparison, case: CaseCheck, sample: Sample, array: ArrayCheck
) -> tuple[float, float] | None:
    """The slopes on both sides of the worst element, if they differ."""
    subject, vector = comparison.subject, comparison.structure.vector
    rounding = comparison.rounding
    cost = Cost(subject, sample, vector, subject.cost(vector, sample), rounding)
    part = comparison.structure.slices[comparison.structure.names.index(array.name)]
    i = part.start + int(array.elements[int(array.errors.argmax())])
    a, b = cost.slopes(i, rounding.step), cost.slopes(i, rounding.step / 2)
    left, right = 2 * b.left - a.left, 2 * b.right - a.right
    if abs(right - left) > 100 * b.noise + 1e-4 * max(abs(left), abs(right)):
        return float(left), float(right)
    return None
