"""Gradients that are right on each row alone and wrong on several."""

from collections.abc import Iterable, Sequence

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, CaseCheck, close
from .gradient_penalties import penalty_beside, shapes_of

N_ROWS, MOST_ROWS, ORDERS = 4, 200, 6
"""Fewest and most rows that are reordered, to see on which a gradient depends; and how often."""


def about_rows(evidence: Evidence) -> list[str]:
    """Explain a gradient that is right on each row alone: how rows are mixed up."""
    repeated = evidence.repeated
    assert repeated is not None
    names = ", ".join(evidence.wrong_names())
    factor = _row_factor(evidence, repeated)
    if factor is not None:
        return [factor]
    if not evidence.is_additive():
        return [
            f"Wrong with several rows, in {names}, and right on each row alone. In this cost rows "
            "act on each other (it is neither the sum nor the mean of the rows' own): what comes "
            "from that is missing from the gradient, or wrong."
        ]
    if evidence.together.passed:
        return [f"Right on each row and on all of them, but wrong on {repeated.label}."]
    found = (
        f"Rows are mixed up (in {names}): the gradient is right on each row alone, but wrong on "
        "several. "
    )
    m = evidence.together.n_rows
    if 2 < m <= MOST_ROWS and not evidence.samples[0].is_new:
        left = _has_only(evidence, {"the last": range(m - 1), "the first": range(1, m)})
        if left is not None:
            return [f"{found}There it is that of all rows but {left}: is that one left out?"]
    if repeated.passed:
        return [_about_different_rows(evidence, names)]
    one = _has_only(evidence, {"the first row": [0], "the last row": [m - 1]})
    if one is not None:
        return [f"{found}It is that of {one} alone there: a sum over the rows is missing."]
    return [f"{found}Look for a sum or mean over the wrong axis, or one that is missing."]


def without_interaction(evidence: Evidence) -> list[str] | None:
    """Explain a gradient that lacks what comes from rows acting on each other in the cost.

    None unless that is so: then something is missing at least, if not this alone.
    """
    if not evidence.singles or evidence.is_additive():
        return None
    sample = evidence.mixtures(N_ROWS)
    groups = ((0, 1), (1, 3), (0, 1, 2), (0, 1, 2, 3))
    alone = _gradients(evidence, sample, [(i,) for i in range(N_ROWS)])
    together = _gradients(evidence, sample, groups)
    same = evidence.rounding.of_sums * np.abs(alone).max(initial=0.0)
    if not same:
        return None
    for how in (np.sum, np.mean):
        expected = np.array([how(alone[list(which)], axis=0) for which in groups])
        if np.abs(together - expected).max() <= same:
            return [
                f"Wrong: {', '.join(evidence.wrong_names())}. In this cost rows act on each other "
                "(it is neither the sum nor the mean of the rows' own, as with a penalty on mean "
                f"activations or a batch norm), but the gradient is the {how.__name__} of the "
                "rows' own: what comes from that is missing."
            ]
    return None


def _gradients(evidence: Evidence, sample: Sample, groups: Iterable[Sequence[int]]) -> Array:
    """The gradient of the wrong arrays (n_groups, n) on each of those groups of rows."""
    return np.array([evidence.wrong_gradient(evidence.part(sample, *which)) for which in groups])


def _row_factor(evidence: Evidence, repeated: CaseCheck) -> str | None:
    """Some arrays are m times too large, or too small, for m rows."""
    case, failed = evidence.together, repeated.failed
    m = case.n_rows
    names = ", ".join(a.name for a in failed)
    cases = [case, repeated] if m > 1 else [repeated]
    if not failed or any([a.name for a in c.failed] != [a.name for a in failed] for c in cases):
        return None
    for power, size, what in (
        (1, f"{m} times too large", "not divided by the number of rows as the others are"),
        (
            -1,
            f"1/{m} of what it should be",
            "divided by the number of rows once too often: a mean instead of a sum?",
        ),
    ):
        if all(_has_factor(evidence, a, c.n_rows**power) for c in cases for a in c.failed):
            verb = "is" if len(failed) == 1 else "are"
            return (
                f"Only {names} {verb} wrong, all other arrays are right. On {m} rows {names} "
                f"{verb} {size}, on one row right: {what}."
            )
    return None


def _has_factor(evidence: Evidence, array: ArrayCheck, c: float) -> bool:
    factor = array.factor
    if factor is None and len(array.elements) == 1 and array.numeric[0]:
        factor = float(array.checked[0] / array.numeric[0])
    if factor is not None:
        return close(factor, c, evidence.same)
    return any(penalty_beside(evidence, array, c, norm) is not None for norm in ("L2", "L1"))


def _about_different_rows(evidence: Evidence, names: str) -> str:
    """Right on equal rows, wrong on rows that differ: on which rows does it depend?"""
    which = _depended_on(evidence)
    if which == "one":
        return (
            f"A derivative of one row is used for all rows (in {names}): the gradient is right on "
            "each row alone and on equal rows, but wrong on rows that differ. "
            "Compute the activation's derivative from the whole batch, not from one row such as "
            "[0]."
        )
    found = (
        f"The gradient (in {names}) is right on each row alone and on equal rows, but wrong on "
        "rows that differ"
    )
    if which == "none":
        found += (
            ": their order does not matter to it, so rows are averaged (or added) before they are "
            "multiplied, not after"
        )
    if which == "order":
        found += ": what belongs to one row meets what belongs to another. Is one reordered?"
    return found if found.endswith("?") else f"{found}."


def _depended_on(evidence: Evidence) -> str:
    """Whether the wrong arrays depend on 'one' row, on 'none' in particular or on the 'order'."""
    n = max(N_ROWS, min(evidence.data.n_rows, MOST_ROWS))
    sample = evidence.mixtures(n)
    random = np.random.default_rng(0)
    everything = list(range(n))
    here = evidence.wrong_gradient(sample)
    same = evidence.rounding.of_sums * np.abs(here).max(initial=0.0)

    def stays(kept: int | None) -> bool:
        """Whether the gradient is the same in any order that leaves that row in its place."""
        for _ in range(ORDERS):
            order = random.permutation([i for i in everything if i != kept]).tolist()
            if kept is not None:
                order.insert(kept, kept)
            there = evidence.wrong_gradient(evidence.part(sample, *order))
            if np.abs(there - here).max(initial=0.0) > same:
                return False
        return True

    if stays(None):
        return "none"
    if stays(0) or stays(n - 1):
        return "one"
    return "order" if evidence.rounding.relative < 1e-3 else ""


def _has_only(evidence: Evidence, candidates: dict[str, Sequence[int]]) -> str | None:
    """The candidate whose rows' summed gradients the wrong arrays have, or a share of that."""
    case, sample = evidence.pairs[0]
    m = case.n_rows
    for name, rows in candidates.items():
        own = [evidence.gradients(evidence.part(sample, i)) for i in rows]
        sums = [np.sum(gradients, axis=0).ravel() for gradients in zip(*own, strict=True)]
        wrong = [(a, total) for a, total in zip(case.arrays, sums, strict=True) if not a.passed]
        for scale in (1.0, 1 / m, 1 / max(1, m - 1)):
            if all(_is_that(evidence, array, total, scale) for array, total in wrong):
                return name
    return None


def _is_that(evidence: Evidence, array: ArrayCheck, own: Array, scale: float) -> bool:
    """Whether an array has that share of a gradient, plus that of a penalty at most."""
    if not own.any() or not np.isfinite(array.analytic).all():
        return False
    rest = array.analytic - scale * own
    same = evidence.rounding.of_sums * np.abs(own).max()
    if np.abs(rest).max() <= same:
        return True
    if scale == 1 or own.size < 3:
        return False
    for shape in shapes_of(evidence.vector[evidence.structure.part(array.name)]).values():
        if shape.any():
            β = float(shape @ rest) / float(shape @ shape)
            if β > 0 and np.abs(rest - β * shape).max() <= same:
                return True
    return False
