"""A penalty that stands in only one of cost and gradient, or is divided by the rows in one of them.

What is missing, or too much, is proportional to the parameter (L2), to its sign (L1), or is a sum
of both. By how much that is on one, two and five equal rows tells what it is divided by.
"""

from collections.abc import Callable

import numpy as np

from .gradient_calls import Misreturned, Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, close
from .gradient_penalties import shapes_of

COUNTS = (1, 2, 5)
"""Numbers of equal rows that show how a penalty depends on the number of rows."""
OF = {"L2": "the parameter itself", "L1": "the sign of the parameter"}


ALONE = " in the {more} alone, or larger there than in the {less}"
GROWTHS: tuple[tuple[Callable[[int], float], str, str], ...] = (
    (lambda m: 1.0, " is {size}", ALONE),
    (
        lambda m: 1 - 1 / m,
        " on m rows is (1 - 1/m) times {size}",
        " that is divided by the number of rows in the {less} alone",
    ),
    (
        lambda m: m - 1.0,
        " on m rows is (m - 1) times {size}",
        " that is multiplied by the number of rows in the {more} alone",
    ),
    (lambda m: 1 / m, " on m rows is {size} / m", ", divided by the number of rows," + ALONE),
    (float, " on m rows is {size} · m", ", multiplied by the number of rows," + ALONE),
)
"""How what is missing may depend on the number m of rows, in words, and what penalty that is."""


def penalty(evidence: Evidence) -> list[str] | None:
    """What is missing, or too much, is proportional to the parameter itself or to its sign."""
    case, sample = evidence.primary
    if [a.name for a in case.failed] != evidence.wrong_names():
        return None
    found: dict[str, list[str]] = {}
    for array in case.failed:
        said = _about_array(evidence, array, sample)
        if said is None:
            return None
        found.setdefault(said, []).append(array.name)
    return [f"In {', '.join(names)} what is {said}." for said, names in found.items()]


def _about_array(evidence: Evidence, array: ArrayCheck, sample: Sample) -> str | None:
    """What is missing in one array, and what penalty that is; None if it is none."""
    if not np.isfinite(array.checked).all():
        return None
    here = evidence.look(sample, array)
    for norms in (("L2",), ("L1",), ("L2", "L1")):
        found = _strengths(evidence, here, *norms)
        if found is None or not all(found):
            continue
        # It must hold elsewhere: one number is proportional to any other by chance.
        places = [(sample, evidence.moved)]
        if len(norms) > 1:
            places += [(other, evidence.vector) for other in evidence.samples]
        looks = (evidence.look(other, array, vector) for other, vector in places)
        if not all(_are_close(_strengths(evidence, look, *norms), found) for look in looks):
            continue
        if norms == ("L1",) and not _turns(evidence, here, sample, found):
            continue
        if len(norms) > 1:
            how, more, less = _sides(found[0])
            l2, l1 = np.abs(found)
            return (
                f"{how} is {l2:.6g} times the parameter itself plus {l1:.6g} times its sign: "
                "penalties (L2 and L1)" + ALONE.format(more=more, less=less)
            )
        said = _about_penalty(evidence, array, norms[0], found[0])
        if said is not None:
            return said
    return None


def _strengths(evidence: Evidence, array: ArrayCheck, *norms: str) -> list[float] | None:
    """The λ of each norm, of one sign, with numeric - analytic = Σ λ · its shape, everywhere.

    0 where the array is right.
    """
    missing, doubts = array.numeric - array.checked, array.doubts
    if (np.abs(missing) <= 4 * doubts).all():
        return [0.0 for _ in norms]
    shapes = np.stack([shapes_of(array.params)[norm] for norm in norms], axis=1)
    if "L1" in norms:
        # At 0 the absolute value has a kink, and any slope up to λ is one.
        use = array.params != 0
        shapes, missing, doubts = shapes[use], missing[use], doubts[use]
    if not shapes.any() or (len(norms) > 1 and len(missing) < 4):
        return None
    weights = 1 / np.maximum(doubts, doubts[doubts > 0].min(initial=1.0))
    found, _, rank, _ = np.linalg.lstsq(shapes * weights[:, None], missing * weights, rcond=1e-6)
    parts = np.abs(found * shapes)
    same = 1e-3 if evidence.rounding.is_coarse else 1e-4
    off = np.abs(missing - shapes @ found)
    if rank < len(norms) or (off > same * parts.sum(axis=1) + 4 * doubts).any():
        return None
    # The penalty must stand out from the doubts in most elements.
    is_telling = parts.min(axis=1) > 10 * doubts
    is_one_sign = len(set(np.sign(found))) == 1
    return found.tolist() if is_one_sign and is_telling.sum() > len(missing) / 2 else None


def _are_close(strengths: list[float] | None, others: list[float]) -> bool:
    return strengths is not None and all(
        close(a, b, 1e-2) for a, b in zip(strengths, others, strict=True)
    )


def _turns(evidence: Evidence, array: ArrayCheck, sample: Sample, found: list[float]) -> bool:
    """Whether it changes sign with the parameters: a constant fits, too, if all signs are equal."""
    if len(set(np.sign(array.params[array.params != 0]))) > 1:
        return True
    vector = evidence.vector.copy()
    vector[evidence.structure.part(array.name)] *= -1
    try:
        turned = evidence.look(sample, array, vector)
    except Misreturned:
        return True  # not finite there: undecided
    return _are_close(_strengths(evidence, turned, "L1"), found)


def _sides(strength: float) -> tuple[str, str, str]:
    """'missing' or 'too much', the side with more of the penalty, and the one with less."""
    return ("missing", "cost", "gradient") if strength > 0 else ("too much", "gradient", "cost")


def _about_penalty(evidence: Evidence, array: ArrayCheck, norm: str, strength: float) -> str | None:
    by_count = [strength]
    if evidence.singles:
        found = _by_count(evidence, array, norm)
        if found is None:
            return None
        by_count = found
    same = 2e-2 if evidence.rounding.is_coarse else 1e-3
    how, more, less = _sides(strength)
    for growth, amount, meaning in GROWTHS:
        shares = np.array([growth(m) for m in COUNTS[: len(by_count)]])
        first = int(np.flatnonzero(shares)[0])
        size = by_count[first] / shares[first]
        if np.abs(by_count - size * shares).max() > same * np.abs(by_count).max():
            continue
        # A constant is known from the case itself.
        shown = strength if growth is GROWTHS[0][0] else size
        said = f"{amount} times {OF[norm]}: a penalty ({norm}){meaning}"
        return how + said.format(size=f"{abs(shown):.6g}", more=more, less=less)
    return None


def _by_count(evidence: Evidence, array: ArrayCheck, norm: str) -> list[float] | None:
    """λ on one, two and five equal rows; None if it depends on which row that is."""
    found = []
    for row in {0, evidence.data.n_rows - 1}:
        looks = [evidence.look(evidence.data.take([row] * n, "equal rows"), array) for n in COUNTS]
        strengths = [_strengths(evidence, look, norm) for look in looks]
        if None in strengths:
            return None
        found.append([s[0] for s in strengths if s is not None])
    spread = np.ptp(found, axis=0).max()
    return None if spread > 1e-2 * np.abs(found).max() else found[0]
