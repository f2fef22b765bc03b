"""What kind of wrong a gradient is: patterns, each tried on every checked element.

A pattern is named when it fits every element that was checked, and holds with other parameters or
other rows as well. Where none does, it is only said what is wrong and by how much: a wrong
explanation is worse than none.
"""

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, CaseCheck, close, common_factor, fits
from .gradient_orders import about_places
from .gradient_penalties import factor_beside_penalty, penalty_beside


def whole_factor(evidence: Evidence) -> list[str] | None:
    """One constant factor in all arrays."""
    together = evidence.together
    for case, sample in [*evidence.pairs[:1], *evidence.pairs[1:][-1:]]:
        if case.passed:
            continue
        if case is not together and not together.passed and _has_no_factor(together.arrays):
            continue  # equal rows show less
        c = evidence.factor(case.arrays, sample)
        if c is not None and not close(c, 1) and _is_the_same_everywhere(evidence, c):
            return [_about_factor(evidence.rounded(c), case, evidence.is_right_alone)]
    return _factor_beside_penalty(evidence)


def _has_no_factor(arrays: list[ArrayCheck]) -> bool:
    """Whether arrays have no common factor, and enough elements to tell."""
    n_telling = sum(int(np.count_nonzero(a.numeric)) for a in arrays)
    return n_telling > 1 and common_factor(arrays) is None


def _is_the_same_everywhere(evidence: Evidence, c: float) -> bool:
    """Whether a factor is that of each row alone, too, and with other parameters.

    On one row or with one unit any error of a delta looks like a factor.
    """
    if evidence.is_right_alone:
        return True  # the factor comes from the number of rows
    wrong = [case for case in evidence.cases if not case.passed]
    factors = [case.factor for case in wrong]
    if any(f is not None and not close(f, c, evidence.same) for f in factors):
        return False
    is_scalar = sum(len(a.elements) for a in wrong[0].arrays) == 1
    if not is_scalar and (factors[0] is None or factors[-1] is None):
        return False
    case, sample = evidence.primary
    there = evidence.look(sample, case.largest, evidence.moved)
    doubts = there.doubts + evidence.same * np.abs(there.numeric)
    return fits(there.checked / c, there.numeric, doubts)


def _factor_beside_penalty(evidence: Evidence) -> list[str] | None:
    """The same, where a penalty that is right adds to what is wrong."""
    case, sample = evidence.primary
    found = factor_beside_penalty(evidence, case)
    if found is None:
        return None
    c, norm = found
    again, others = c, [evidence.look(sample, case.largest, evidence.moved)]
    other = evidence.repeated
    if evidence.is_right_alone and other is not None and not other.passed:
        # A factor that comes from the number of rows is another on this number.
        expected = {case.n_rows: other.n_rows, 1 / case.n_rows: 1 / other.n_rows}
        match = [new for old, new in expected.items() if close(c, old, evidence.same)]
        again, others = match[0] if match else c, other.arrays
    if any(penalty_beside(evidence, a, again, norm) is None for a in others):
        return None
    said = _about_factor(evidence.rounded(c), case, evidence.is_right_alone)
    return [f"But for a penalty ({norm}), which is right: {said[0].lower()}{said[1:]}"]


def _about_factor(c: float, case: CaseCheck, right_alone: bool) -> str:
    m, n = case.n_rows, case.n_features
    which = " (X beside a changed copy of its row)" if case.label.startswith("X beside") else ""
    if m > 1 and right_alone and close(c, m, 1e-6):
        return (
            f"The gradient is {m} times too large, and there are {m} rows{which}: "
            "it was not divided by the number of rows, as the cost is."
        )
    if m > 1 and right_alone and close(c, 1 / m, 1e-6):
        return (
            f"The gradient is 1/{m} of what it should be, and there are {m} rows{which}: "
            "it was divided by the number of rows, but the cost is not (or it was divided twice)."
        )
    is_scalar = len(case.arrays) == 1 and case.arrays[0].analytic.size == 1
    where = "" if is_scalar else " in every array"
    size = f"The gradient is {c:.6g} times the right one{where}: a constant factor"
    if close(c, -1):
        return f"{size}. The sign is wrong everywhere: the residual is taken the other way round."
    if close(c, 2) or close(c, 0.5):
        return f"{size} of 2. Look for the 2 of a square's derivative, or a ½ in front of the cost."
    if n > 1 and (close(c, n) or close(c, 1 / n)):
        average = "Does one of cost and gradient average over them?"
        return f"{size}, the number of features ({n}). {average}"
    for base in (2, 10):
        ln = float(np.log(base))
        for factor, name in ((ln, f"ln {base}"), (1 / ln, f"1 / ln {base}")):
            if close(c, factor):
                has = f"one of cost and gradient has logarithms to base {base}"
                return f"{size}, {name}: {has}."
    if c < 0:
        size += ", with the wrong sign"
    return f"{size}. Look for a constant that stands in the cost or the gradient only."


# --- arrays ---------------------------------------------------------------------------------------


def about_one(evidence: Evidence, case: CaseCheck, array: ArrayCheck, sample: Sample) -> str:
    """What can be said of one array that is wrong; nothing if no pattern fits."""
    if not np.isfinite(array.checked).all():
        return ""
    # A pattern must hold in all cases in which the array is wrong.
    others = [
        other
        for one in evidence.cases
        for other in one.failed
        if other.name == array.name and other is not array
    ]
    c = evidence.factor([array], sample)
    if c is not None and not close(c, 1):
        factors = [o.factor for o in others if o.factor is not None]
        if not all(close(f, c, evidence.same) for f in factors):
            return ""
        if any(_has_no_factor([o]) for o in others):
            return ""
        c = evidence.rounded(c)
        return " Its sign is wrong." if c == -1 else f" It is {c:.6g} times the right one."
    if array.is_transposed and all(o.is_transposed for o in others):
        return " It is the transpose of the right one."
    if not any(a.analytic.any() for a in [array, *others]):
        return " It is zero everywhere: was it ever computed?"
    if not array.numeric.any() and _is_idle(evidence, array, evidence.samples[0]):
        return f" The cost does not depend on {array.name}."
    return about_places(evidence, case, array, sample)


def _is_idle(evidence: Evidence, array: ArrayCheck, sample: Sample) -> bool:
    """Whether the cost stays the same whatever the array is."""
    part = evidence.structure.part(array.name)

    def moved(scale: float) -> Array:
        vector = evidence.vector.copy()
        vector[part] += scale * evidence.random.normal(size=part.stop - part.start)
        return vector

    here = evidence.subject.cost(evidence.vector, sample)
    return evidence.subject.stays(here, sample, map(moved, (1e-3, 1.0)))


def by_how_much(arrays: list[ArrayCheck]) -> str:
    """Which arrays are wrong, and what the worst element of each is instead of what."""
    parts = []
    for array in arrays[:4]:
        index, analytic, numeric = array.worst
        parts.append(f"{array.name} ({list(index)} is {analytic:.4g} instead of {numeric:.4g})")
    return ", ".join(parts) + (" and others" if len(arrays) > 4 else "")
