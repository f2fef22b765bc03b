"""Right numbers in wrong places: arrays exchanged, elements reordered, another's gradient."""

import numpy as np

from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import SAME, ArrayCheck, CaseCheck, fits

FEWEST = 3
"""Elements of which an order is told; of fewer, chance has too many."""


def exchanged(evidence: Evidence) -> list[str] | None:
    """Arrays of one shape, each with the gradient of another."""
    failed = evidence.primary[0].failed
    owners: list[ArrayCheck] = []
    for a in failed:
        # Each at the elements of the other: both were drawn at random where arrays are large.
        found = [
            b
            for b in failed
            if b is not a
            and b.shape == a.shape
            and fits(a.analytic[b.elements], b.numeric, b.doubts)
        ]
        if len(found) != 1 or not a.checked.any():
            return None
        owners.append(found[0])
    if len(failed) < 2 or len({id(b) for b in owners}) != len(owners):
        return None
    if len(failed) == 2:
        a, b = failed
        if fits(a.checked, b.analytic[a.elements]):
            return None
        return [f"The gradients of {a.name} and {b.name} are exchanged."]
    each = ", ".join(f"{a.name} has that of {b.name}" for a, b in zip(failed, owners, strict=True))
    return [f"The gradients come in another order than the arrays: {each}."]


def about_places(evidence: Evidence, case: CaseCheck, array: ArrayCheck, sample: Sample) -> str:
    """What is said of one wrong array whose numbers belong elsewhere; nothing if they do not."""
    return _of_another(case, array) or _in_another_order(evidence, array, sample)


def _of_another(case: CaseCheck, array: ArrayCheck) -> str:
    """It is the gradient of another array, which is right."""
    if array.analytic.size < 2 or not array.analytic.any():
        return ""
    found = [
        other.name
        for other in case.arrays
        if other.passed
        and other.analytic.size == array.analytic.size
        and np.array_equal(other.analytic, array.analytic)
    ]
    return f" It is the gradient of {found[0]}." if len(found) == 1 else ""


def _in_another_order(evidence: Evidence, array: ArrayCheck, sample: Sample) -> str:
    """It has the right numbers, but not where they belong, and so with other parameters."""
    if len(array.elements) < FEWEST:
        return ""
    places = _places(evidence.look(sample, array))
    if places is None:
        return ""
    elsewhere = _places(evidence.look(sample, array, evidence.moved))
    if elsewhere is None:
        return ""
    places = [a & b for a, b in zip(places, elsewhere, strict=True)]
    if not all(places):
        return ""
    known = [(int(e), p.pop()) for e, p in zip(array.elements, places, strict=True) if len(p) == 1]
    moved = [(e, p) for e, p in known if e != p]
    if len(moved) < 2 or len(known) < FEWEST or len({p for _, p in known}) < len(known):
        return ""
    order = _order(moved, known, array.shape)
    end = "" if order.endswith("?") else "."
    return f" It has the right numbers in another order: {order}{end}"


def _places(array: ArrayCheck) -> list[set[int]] | None:
    """Where in a gradient each right number may be; None if some are nowhere, or many alike."""
    numeric = array.numeric[:, None]
    near = np.abs(array.analytic - numeric) <= SAME * np.abs(numeric) + 4 * array.doubts[:, None]
    counts = near.sum(axis=1)
    size = np.abs(array.numeric)
    n_telling = int(((counts == 1) & (size > 1e-3 * size.max(initial=0.0))).sum())
    if not counts.all() or n_telling < max(FEWEST, len(counts) // 2):
        return None
    return [set(np.flatnonzero(row).tolist()) for row in near]


def _order(
    moved: list[tuple[int, int]], known: list[tuple[int, int]], shape: tuple[int, ...]
) -> str:
    """In words: which order that is."""
    n = int(np.prod(shape))
    indices = np.arange(n).reshape(shape)
    for axis in range(len(shape)):
        reverse = np.flip(indices, axis).ravel()
        if shape[axis] > 1 and all(reverse[e] == p for e, p in known):
            return "it is reversed" + (f" along axis {axis}" if len(shape) > 1 else "")
    if len(shape) == 2:
        forward, back = indices.T.ravel(), indices.reshape(shape[::-1]).T.ravel()
        for order in (forward, back):
            if all(order[p] == e for e, p in known):
                return "it is reshaped where it should be transposed"
    element, place = moved[0]
    example = f"what belongs to [{_index(element, shape)}] is at [{_index(place, shape)}]"
    if len(shape) == 1:
        return (
            f"{example}. Is each part of it flattened as in params (by rows, order 'C'), and are "
            "the parts in the same order?"
        )
    return example


def _index(flat: int, shape: tuple[int, ...]) -> str:
    return ", ".join(str(int(i)) for i in np.unravel_index(flat, shape))
