"""A penalty that stands in only one of cost and gradient, or is divided by the rows in one of them.

What is missing, or too much, is proportional to the parameter (L2), to its sign (L1), or is a sum
of both. By how much that is on one, two and five equal rows tells what it is divided by.
"""

import numpy as np

from .._typing import Array
from .gradient_calls import Misreturned, Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, close

COUNTS = (1, 2, 5)
"""Numbers of equal rows on which it is seen how a pattern depends on their number."""


def penalty(evidence: Evidence) -> list[str] | None:
    """What is missing, or too much, is proportional to the parameter itself or to its sign."""
    names = evidence.wrong_names()
    case, sample = evidence.primary
    found: dict[str, list[str]] = {}
    for array in case.failed:
        said = _penalty_of(evidence, array, sample)
        if said is None:
            return None
        found.setdefault(said, []).append(array.name)
    if sorted(n for group in found.values() for n in group) != sorted(names):
        return None
    return [said.format(names=", ".join(group)) for said, group in found.items()]


def _penalty_of(evidence: Evidence, array: ArrayCheck, sample: Sample) -> str | None:
    if not np.isfinite(array.checked).all():
        return None
    k = evidence.index(array.name)
    for kind in ("parameter", "sign"):
        strength = _strength(evidence, k, array.elements, sample, kind, evidence.vector)
        if not strength:
            continue
        # The same elsewhere, or it was chance: one number is proportional to any other.
        moved = _strength(evidence, k, array.elements, sample, kind, evidence.moved)
        if moved is None or not close(moved, strength, 1e-2):
            continue
        if kind == "sign" and not _turns(evidence, array, sample, strength):
            continue
        said = _about_penalty(evidence, array, kind, strength)
        if said is not None:
            return said
    return _elastic(evidence, array, sample)


def _elastic(evidence: Evidence, array: ArrayCheck, sample: Sample) -> str | None:
    """What is said where it is proportional to the parameter and to its sign, a sum of both."""
    found = _two_strengths(evidence, array, sample, evidence.vector)
    if found is None:
        return None
    samples = [(sample, evidence.moved)]
    samples += [(other, evidence.vector) for other in evidence.samples if other is not sample]
    for other, vector in samples:
        again = _two_strengths(evidence, array, other, vector)
        if again is None or any(not close(b, a, 1e-2) for a, b in zip(found, again, strict=True)):
            return None
    l2, l1 = found
    how, less, more = (
        ("missing", "gradient", "cost") if l2 > 0 else ("too much", "cost", "gradient")
    )
    return (
        f"In {{names}} what is {how} is {abs(l2):.6g} times the parameter itself plus "
        f"{abs(l1):.6g} times its sign: penalties (L2 and L1) in the {more} alone, or larger "
        f"there than in the {less}."
    )


def _two_strengths(
    evidence: Evidence, array: ArrayCheck, sample: Sample, vector: Array
) -> tuple[float, float] | None:
    """λ and μ, of one sign, with numeric - analytic = λ · parameter + μ · its sign, everywhere."""
    k = evidence.index(array.name)
    analytic = evidence.analytic(sample, k, vector)[array.elements]
    numeric, doubts = evidence.numeric(sample, k, array.elements, vector)
    doubts = doubts + evidence.slack(numeric)
    values = evidence.values(k, vector)[array.elements]
    use = values != 0
    missing, doubts, values = (numeric - analytic)[use], doubts[use], values[use]
    if len(values) < 4:
        return None
    A = np.stack([values, np.sign(values)], axis=1)
    (l2, l1), _, rank, _ = np.linalg.lstsq(A, missing, rcond=1e-6)
    off = np.abs(missing - A @ [l2, l1])
    same = 1e-3 if evidence.rounding.is_coarse else 1e-4
    size = abs(l2) * np.abs(values) + abs(l1)
    if rank < 2 or l1 * l2 <= 0 or (off > same * size + 4 * doubts).any():
        return None
    # Both must stand out from what cannot be told.
    parts = np.minimum(abs(l2) * np.abs(values), abs(l1))
    return (float(l2), float(l1)) if np.median(parts / np.maximum(doubts, 1e-300)) > 10 else None


def _turns(evidence: Evidence, array: ArrayCheck, sample: Sample, strength: float) -> bool:
    """Whether what looks like a sign turns with it: a constant does, where all signs are equal."""
    k = evidence.index(array.name)
    values = evidence.values(k)[array.elements]
    if len(set(np.sign(values[values != 0]))) > 1:
        return True
    vector = evidence.vector.copy()
    vector[evidence.structure.slices[k]] *= -1
    try:
        turned = _strength(evidence, k, array.elements, sample, "sign", vector)
    except Misreturned:
        return True  # not finite there: it cannot be told
    return turned is not None and close(turned, strength, 1e-2)


def _strength(
    evidence: Evidence, k: int, elements: Array, sample: Sample, kind: str, vector: Array
) -> float | None:
    """λ with numeric - analytic = λ · parameter, or its sign, in every element; 0 when right."""
    analytic = evidence.analytic(sample, k, vector)[elements]
    numeric, doubts = evidence.numeric(sample, k, elements, vector)
    doubts = doubts + evidence.slack(numeric)
    missing = numeric - analytic
    if (np.abs(missing) <= 4 * doubts).all():
        return 0.0
    values = evidence.values(k, vector)[elements]
    shape = values if kind == "parameter" else np.sign(values)
    # At 0 the absolute value has a kink, and any slope up to λ is one.
    use = values != 0 if kind == "sign" else np.ones(len(values), dtype=bool)
    shape, missing, doubts = shape[use], missing[use], doubts[use]
    if not shape.any():
        return None
    weights = 1 / np.maximum(doubts, doubts[doubts > 0].min(initial=1.0)) ** 2
    strength = float((weights * shape) @ missing) / float((weights * shape) @ shape)
    same = 1e-3 if evidence.rounding.is_coarse else 1e-4
    off = np.abs(missing - strength * shape)
    if (off > same * abs(strength) * np.abs(shape) + 4 * doubts).any():
        return None
    # What is to be seen must stand out from what cannot be told, in most places.
    n_telling = int((np.abs(strength * shape) > 10 * doubts).sum())
    return strength if n_telling > len(shape) / 2 else None


def _about_penalty(evidence: Evidence, array: ArrayCheck, kind: str, strength: float) -> str | None:
    of = "the parameter itself" if kind == "parameter" else "the sign of the parameter"
    norm = "L2" if kind == "parameter" else "L1"
    is_missing = strength > 0
    less, more = ("gradient", "cost") if is_missing else ("cost", "gradient")
    how = "missing" if is_missing else "too much"
    plain = (
        f"In {{names}} what is {how} is {abs(strength):.6g} times {of}: a penalty ({norm}) in the "
        f"{more} alone, or larger there than in the {less}."
    )
    if not evidence.singles:
        return plain
    by_count = _by_count(evidence, array, kind)
    if by_count is None:
        return None
    one, two, five = by_count
    top = max(abs(s) for s in by_count)
    same = 2e-2 if evidence.rounding.is_coarse else 1e-3

    def alike(*pairs: tuple[float, float]) -> bool:
        return all(abs(a - b) <= same * top for a, b in pairs)

    if alike((one, two), (one, five)):
        return plain
    if alike((one, 0), (five, 1.6 * two)):  # 1 - 1/m
        return (
            f"In {{names}} what is {how} on m rows is (1 - 1/m) times {2 * abs(two):.6g} times "
            f"{of}: a penalty ({norm}) that is divided by the number of rows in the {less} alone."
        )
    if alike((one, 0), (five, 4 * two)):  # m - 1
        return (
            f"In {{names}} what is {how} on m rows is (m - 1) times {abs(two):.6g} times {of}: a "
            f"penalty ({norm}) that is multiplied by the number of rows in the {more} alone."
        )
    if alike((two, one / 2), (five, one / 5)):
        return (
            f"In {{names}} what is {how} on m rows is {abs(one):.6g} / m times {of}: a penalty "
            f"({norm}), divided by the number of rows, in the {more} alone, or larger there than "
            f"in the {less}."
        )
    if alike((two, 2 * one), (five, 5 * one)):
        return (
            f"In {{names}} what is {how} on m rows is {abs(one):.6g} · m times {of}: a penalty "
            f"({norm}), multiplied by the number of rows, in the {more} alone, or larger there "
            f"than in the {less}."
        )
    return None


def _by_count(evidence: Evidence, array: ArrayCheck, kind: str) -> list[float] | None:
    """λ on one, two and five equal rows; None unless it takes no notice of which row that is."""
    k, m = evidence.index(array.name), evidence.data.n_rows
    found: list[list[float]] = []
    for row in {0, m - 1}:
        strengths = [
            _strength(evidence, k, array.elements, evidence.rows(*[row] * n), kind, evidence.vector)
            for n in COUNTS
        ]
        if None in strengths:
            return None
        found.append([s for s in strengths if s is not None])
    top = max(abs(s) for strengths in found for s in strengths)
    if any(abs(a - b) > 1e-2 * top for a, b in zip(found[0], found[-1], strict=True)):
        return None
    return found[0]
