"""What kind of wrong a gradient is: patterns, each tried on every checked element.

A pattern is named when it fits every element that was checked, and holds with other parameters or
other rows as well. Where none does, it is only said what is wrong and by how much: a wrong
explanation is worse than none.
"""

import numpy as np

from .gradient_calls import Misreturned, Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, CaseCheck, close, constant_factor, fits
from .gradient_orders import about_places
from .gradient_penalties import factor_beside_penalty, penalty_beside, shapes_of
from .gradient_scales import about_logarithms


def whole_factor(evidence: Evidence) -> list[str] | None:
    """One constant factor in all arrays."""
    for case, sample in ((evidence.together, 0), (evidence.repeated, -1)):
        if case is None or case.passed:
            continue
        if case is evidence.repeated and _has_none(evidence.together):
            continue  # of equal rows less is to be seen
        c = case.factor
        if c is None and _is_scalar(case):
            c = _steady_factor(evidence, case.arrays[0], evidence.samples[sample])
        if c is not None and not close(c, 1) and _is_the_same_everywhere(evidence, c):
            return [_about_factor(evidence.rounded(c), case, evidence.is_right_alone)]
    return _factor_beside_penalty(evidence)


def _has_none(case: CaseCheck) -> bool:
    """Whether a case shows that there is no one factor."""
    numbers = np.concatenate([a.numeric for a in case.arrays])
    return not case.passed and case.factor is None and int((numbers != 0).sum()) > 1


def _is_the_same_everywhere(evidence: Evidence, c: float) -> bool:
    """Whether a factor is that of each row alone, too, and with other parameters.

    Of one row or one unit, whatever is wrong with a delta looks like a factor.
    """
    if evidence.is_right_alone:
        return True  # what comes from the number of rows
    wrong = [case for case in evidence.cases if not case.passed]
    known = [case.factor for case in wrong if case.factor is not None]
    if not all(close(factor, c, evidence.same) for factor in known):
        return False
    if any(case.factor is None and not _is_scalar(case) for case in (wrong[0], wrong[-1])):
        return False
    case, sample = evidence.primary
    array = max(case.arrays, key=lambda a: len(a.elements))
    k = evidence.index(array.name)
    analytic = evidence.analytic(sample, k, evidence.moved)[array.elements]
    numeric, doubts = evidence.numeric(sample, k, array.elements, evidence.moved)
    return fits(
        analytic / c, numeric, doubts + evidence.slack(numeric) + evidence.same * abs(numeric)
    )


def _factor_beside_penalty(evidence: Evidence) -> list[str] | None:
    """The same, where a penalty that is right adds to what is wrong."""
    case, sample = evidence.primary
    found = factor_beside_penalty(evidence, case)
    if found is None:
        return None
    c, norm = found
    other = evidence.repeated
    if evidence.is_right_alone and other is not None and not other.passed:
        # Of a factor that comes from the number of rows, another is to be expected there.
        expected = {case.n_rows: other.n_rows, 1 / case.n_rows: 1 / other.n_rows}
        match = [new for old, new in expected.items() if close(c, old, evidence.same)]
        again = match[0] if match else c
        if any(penalty_beside(evidence, a, again, norm) is None for a in other.arrays):
            return None
    elif not _holds_elsewhere(evidence, case, sample, c, norm):
        return None
    said = _about_factor(evidence.rounded(c), case, evidence.is_right_alone)
    return [f"But for a penalty ({norm}), which is right: {said[0].lower()}{said[1:]}"]


def _holds_elsewhere(
    evidence: Evidence, case: CaseCheck, sample: Sample, c: float, norm: str
) -> bool:
    """Whether a factor beside a penalty is there with other parameters, too."""
    array = max(case.arrays, key=lambda a: len(a.elements))
    k = evidence.index(array.name)
    analytic = evidence.analytic(sample, k, evidence.moved)[array.elements]
    numeric, doubts = evidence.numeric(sample, k, array.elements, evidence.moved)
    shape = shapes_of(evidence.values(k, evidence.moved)[array.elements])[norm]
    β = float(shape @ (analytic - c * numeric)) / float(shape @ shape)
    size = np.abs(numeric).max(initial=0.0)
    return fits((analytic - β * shape) / c, numeric, doubts + evidence.slack(numeric) + 1e-9 * size)


def _is_scalar(case: CaseCheck) -> bool:
    return sum(len(a.elements) for a in case.arrays) == 1


def _steady_factor(evidence: Evidence, array: ArrayCheck, sample: Sample) -> float | None:
    """The factor of an array with one element, if it is the same with other parameters."""
    k = evidence.index(array.name)
    at = [array.checked]
    numbers = [array.numeric]
    for scale in (0.5, 1.0):
        vector = evidence.vector + scale * (evidence.moved - evidence.vector)
        vector = np.where(evidence.vector == 0, 0.1 * scale, vector)
        at.append(evidence.analytic(sample, k, vector)[array.elements])
        numbers.append(evidence.numeric(sample, k, array.elements, vector)[0])
    return constant_factor(np.concatenate(at), np.concatenate(numbers), array.doubts.max(initial=0))


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
    if len(case.arrays) == 1 and case.arrays[0].analytic.size == 1:
        size = f"The gradient is {c:.6g} times the right one: a constant factor"
    else:
        size = f"The gradient is {c:.6g} times the right one in every array: a constant factor"
    if close(c, -1):
        return f"{size}. The sign is wrong everywhere: the residual is taken the other way round."
    if close(c, 2) or close(c, 0.5):
        return f"{size} of 2. Look for the 2 of a square's derivative, or a ½ in front of the cost."
    if n > 1 and (close(c, n) or close(c, 1 / n)):
        average = "Does one of cost and gradient average over them?"
        return f"{size}, the number of features ({n}). {average}"
    logarithms = about_logarithms(c)
    if logarithms is not None:
        return f"{size}, {logarithms}."
    if c < 0:
        size += ", with the wrong sign"
    return f"{size}. Look for a constant that stands in the cost or the gradient only."


# --- arrays ---------------------------------------------------------------------------------------


def about_one(evidence: Evidence, case: CaseCheck, array: ArrayCheck, sample: Sample) -> str:
    """What can be said of one array that is wrong; nothing if no pattern fits."""
    if not np.isfinite(array.checked).all():
        return ""
    c = array.factor
    if c is None and len(array.elements) == 1:
        c = _steady_factor(evidence, array, sample)
    # The same in all cases in which it is wrong, or it is none.
    others = [
        other
        for case in evidence.cases
        for other in case.failed
        if other.name == array.name and other is not array
    ]
    if c is not None and not close(c, 1):
        if any(o.factor is not None and not close(o.factor, c, evidence.same) for o in others):
            return ""
        if any(o.factor is None and int((o.numeric != 0).sum()) > 1 for o in others):
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
    part = evidence.structure.slices[evidence.index(array.name)]
    here = evidence.subject.cost(evidence.vector, sample)
    for scale in (1e-3, 1.0):
        vector = evidence.vector.copy()
        vector[part] += scale * evidence.random.normal(size=part.stop - part.start)
        try:
            if evidence.subject.cost(vector, sample) != here:
                return False
        except Misreturned:  # not finite so far away: it depends on it
            return False
    return True


def by_how_much(arrays: list[ArrayCheck]) -> str:
    """Which arrays are wrong, and what the worst element of each is instead of what."""
    parts = []
    for array in arrays[:4]:
        index, analytic, numeric = array.worst
        at = ", ".join(map(str, index))
        parts.append(f"{array.name} ([{at}] is {analytic:.4g} instead of {numeric:.4g})")
    return ", ".join(parts) + (" and others" if len(arrays) > 4 else "")
