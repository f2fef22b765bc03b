"""Right numbers in wrong places: arrays exchanged, elements reordered, another's gradient."""

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import SAME, ArrayCheck, CaseCheck, fits, index_of

FEWEST = 3
"""Fewest elements that show an order; fewer may match by chance."""


def exchanged(evidence: Evidence) -> list[str] | None:
    """Arrays of one shape, each with the gradient of another."""
    failed = evidence.primary[0].failed
    owners: list[ArrayCheck] = []
    for a in failed:
        # Compare at the elements of the other: in large arrays each has its own random subset.
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
    """Explain one wrong array whose numbers belong elsewhere; empty if they do not."""
    return _of_another(case, array) or _in_another_order(evidence, array, sample)


def _of_another(case: CaseCheck, array: ArrayCheck) -> str:
    """It is the gradient of another array, which is right."""
    if array.analytic.size < 2 or not array.analytic.any():
        return ""
    found = [
        other.name
        for other in case.arrays
        if other.passed and np.array_equal(other.analytic, array.analytic)
    ]
    return f" It is the gradient of {found[0]}." if len(found) == 1 else ""


def _in_another_order(evidence: Evidence, array: ArrayCheck, sample: Sample) -> str:
    """It has the right numbers in other places, and so with other parameters."""
    if len(array.elements) < FEWEST:
        return ""
    near = _places(evidence.look(sample, array))
    there = None if near is None else _places(evidence.look(sample, array, evidence.moved))
    if near is None or there is None:
        return ""
    near &= there
    counts = near.sum(axis=1)
    is_known = counts == 1
    elements, places = array.elements[is_known], near[is_known].argmax(axis=1)
    if not counts.all() or len(elements) < FEWEST or len(np.unique(places)) < len(places):
        return ""
    if (elements != places).sum() < 2:
        return ""
    order = _order(elements, places, array.shape)
    end = "" if order.endswith("?") else "."
    return f" It has the right numbers in another order: {order}{end}"


def _places(array: ArrayCheck) -> Array | None:
    """Where in a gradient each right number may be (n_elements, size).

    None if some are nowhere, or many alike.
    """
    numeric = array.numeric[:, None]
    near = np.abs(array.analytic - numeric) <= SAME * np.abs(numeric) + 4 * array.doubts[:, None]
    counts = near.sum(axis=1)
    size = np.abs(array.numeric)
    n_telling = int(((counts == 1) & (size > 1e-3 * size.max(initial=0.0))).sum())
    return near if counts.all() and n_telling >= max(FEWEST, len(counts) // 2) else None


def _order(elements: Array, places: Array, shape: tuple[int, ...]) -> str:
    """Describe the order in which the values of these elements are at these places."""
    indices = np.arange(int(np.prod(shape))).reshape(shape)
    orders = [
        (
            "it is reversed" + (f" along axis {axis}" if len(shape) > 1 else ""),
            np.flip(indices, axis),
        )
        for axis in range(len(shape))
    ]
    if len(shape) == 2:
        words = "it is reshaped where it should be transposed"
        transposed = (indices.T, indices.reshape(shape[::-1]).T)
        orders += [(words, order.ravel().argsort()) for order in transposed]
    for words, order in orders:
        if (order.ravel()[elements] == places).all():
            return words
    k = int((elements != places).argmax())
    belongs, found = index_of(elements[k], shape), index_of(places[k], shape)
    example = f"what belongs to {list(belongs)} is at {list(found)}"
    if len(shape) == 1:
        return (
            f"{example}. Is each part of it flattened as in params (by rows, order 'C'), and are "
            "the parts in the same order?"
        )
    return example
