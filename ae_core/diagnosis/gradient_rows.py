"""Gradients that are right on each row alone and wrong on several."""

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, close
from .gradient_penalties import penalty_beside, shapes_of

N_ROWS, MOST_ROWS, ORDERS = 4, 200, 6
"""At least and at most so many rows are put into other orders, to see which a gradient hangs on."""


def about_rows(evidence: Evidence) -> list[str]:
    """What is said of a gradient that is right alone: how rows are mixed up, if that is seen."""
    repeated = evidence.repeated
    assert repeated is not None
    names = ", ".join(evidence.wrong_names())
    factor = _row_factor(evidence)
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
    left_out = _left_out(evidence)
    if left_out is not None:
        return [
            f"Rows are mixed up (in {names}): the gradient is right on each row alone, but wrong "
            f"on several. There it is that of all rows but {left_out}: is that one left out?"
        ]
    if repeated.passed:
        return [_about_different_rows(evidence, names)]
    found = f"Rows are mixed up (in {names}): the gradient is right on each row alone, but wrong "
    found += "on several. "
    one = _only_row(evidence)
    if one is not None:
        return [f"{found}It is that of {one} alone there: a sum over the rows is missing."]
    return [f"{found}Look for a sum or mean over the wrong axis, or one that is missing."]


def without_interaction(evidence: Evidence) -> list[str] | None:
    """What is said where rows act on each other in the cost, but not in the gradient.

    None unless that is so: then something is missing at least, if not this alone.
    """
    if not evidence.singles or evidence.is_additive():
        return None
    names = evidence.wrong_names()
    sample = evidence.mixtures(N_ROWS)
    parts = [evidence.structure.slices[evidence.index(n)] for n in names]

    def gradient(*which: int) -> Array:
        result = evidence.call(evidence.part(sample, which))
        return np.concatenate([result.gradient[p] for p in parts])

    alone = np.array([gradient(i) for i in range(N_ROWS)])
    groups = ((0, 1), (1, 3), (0, 1, 2), (0, 1, 2, 3))
    together = [gradient(*which) for which in groups]
    same = max(1e-9, 100 * evidence.rounding.relative) * float(np.abs(alone).max(initial=0.0))
    if not same:
        return None
    for how in ("sum", "mean"):
        expected = [getattr(alone[list(which)], how)(axis=0) for which in groups]
        off = [np.abs(a - b).max() for a, b in zip(together, expected, strict=True)]
        if max(off) <= same:
            return [
                f"Wrong: {', '.join(names)}. In this cost rows act on each other (it is neither "
                "the sum nor the mean of the rows' own, as with a penalty on mean activations or "
                f"a batch norm), but the gradient is the {how} of the rows' own: what comes from "
                "that is missing."
            ]
    return None


def _row_factor(evidence: Evidence) -> str | None:
    """Some arrays are m times too large, or too small, for m rows."""
    case, other = evidence.together, evidence.repeated
    assert other is not None
    n, m = other.n_rows, case.n_rows
    failed = other.failed
    if not failed or (m > 1 and [a.name for a in case.failed] != [a.name for a in failed]):
        return None
    for power, what in (
        (1, "not divided by the number of rows as the others are"),
        (-1, "divided by the number of rows once too often: a mean instead of a sum?"),
    ):
        if not all(_has_factor(evidence, a, n**power) for a in failed):
            continue
        if m > 1 and not all(_has_factor(evidence, a, m**power) for a in case.failed):
            continue
        rows = f"{m} times too large" if power == 1 else f"1/{m} of what it should be"
        names = ", ".join(a.name for a in failed)
        verb = "is" if len(failed) == 1 else "are"
        return (
            f"Only {names} {verb} wrong, all other arrays are right. On {m} rows {names} {verb} "
            f"{rows}, on one row right: {what}."
        )
    return None


def _has_factor(evidence: Evidence, array: ArrayCheck, c: float) -> bool:
    if array.factor is not None:
        return close(array.factor, c, evidence.same)
    if len(array.elements) == 1:
        return bool(array.numeric[0]) and close(
            float(array.checked[0] / array.numeric[0]), c, evidence.same
        )
    return any(penalty_beside(evidence, array, c, norm) is not None for norm in ("L2", "L1"))


def _about_different_rows(evidence: Evidence, names: str) -> str:
    """Right on equal rows, wrong on rows that differ: which rows does it hang on?"""
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
        "rows that differ: "
    )
    if which == "none":
        return (
            f"{found}their order does not matter to it, so rows are averaged (or added) before "
            "they are multiplied, not after."
        )
    if which == "order":
        return f"{found}what belongs to one row meets what belongs to another. Is one reordered?"
    return f"{found[:-2]}."


def _depended_on(evidence: Evidence) -> str:
    """Whether the wrong arrays hang on 'one' row, on 'none' in particular or on the 'order'."""
    n = max(N_ROWS, min(evidence.data.n_rows, MOST_ROWS))
    sample = evidence.mixtures(n)
    parts = [evidence.structure.slices[evidence.index(n)] for n in evidence.wrong_names()]
    random = np.random.default_rng(0)

    def gradient(order: list[int]) -> Array:
        result = evidence.call(evidence.part(sample, tuple(order)))
        return np.concatenate([result.gradient[p] for p in parts])

    everything = list(range(n))
    here = gradient(everything)
    same = max(1e-9, 100 * evidence.rounding.relative) * float(np.abs(here).max(initial=0.0))

    def stays(kept: int | None) -> bool:
        """Whether any order gives the same, with that row where it was."""
        for _ in range(ORDERS):
            order = random.permutation([i for i in everything if i != kept]).tolist()
            if kept is not None:
                order.insert(kept, kept)
            if np.abs(gradient(order) - here).max(initial=0.0) > same:
                return False
        return True

    if stays(None):
        return "none"
    if stays(0) or stays(n - 1):
        return "one"
    return "order" if evidence.rounding.relative < 1e-3 else ""


def _only_row(evidence: Evidence) -> str | None:
    """The row whose own gradient the wrong arrays have, as it is or as its share of a mean."""
    m = evidence.together.n_rows
    for row, name in ((0, "the first row"), (m - 1, "the last row")):
        sample: Sample = evidence.rows(row)
        for scale in (1.0, 1 / m):
            if all(_is_that(evidence, array, sample, scale) for array in evidence.together.failed):
                return name
    return None


def _left_out(evidence: Evidence) -> str | None:
    """The row without which the wrong arrays have the sum, or the mean, of the rows' gradients."""
    case = evidence.together
    m = case.n_rows
    if not 2 < m <= MOST_ROWS or evidence.samples[0].is_new or case.passed:
        return None
    parts = [evidence.structure.slices[evidence.index(a.name)] for a in case.failed]

    def gradient(sample: Sample) -> Array:
        result = evidence.call(sample)
        return np.concatenate([result.gradient[p] for p in parts])

    here = gradient(evidence.samples[0])
    own = np.array([gradient(evidence.rows(i)) for i in range(m)])
    same = max(1e-8, 100 * evidence.rounding.relative) * float(np.abs(own).max(initial=0.0))
    for left, name in ((m - 1, "the last"), (0, "the first")):
        rest = np.delete(own, left, axis=0).sum(axis=0)
        if any(np.abs(here - rest / n).max() <= same / n for n in (1, m - 1, m)):
            return name
    return None


def _is_that(evidence: Evidence, array: ArrayCheck, sample: Sample, scale: float) -> bool:
    """Whether an array has that share of a row's own gradient, and what a penalty has besides."""
    k = evidence.index(array.name)
    own = evidence.analytic(sample, k)
    if not own.any() or not np.isfinite(array.analytic).all():
        return False
    rest = array.analytic - scale * own
    same = max(1e-9, 100 * evidence.rounding.relative) * float(np.abs(own).max())
    if np.abs(rest).max() <= same:
        return True
    for shape in shapes_of(evidence.values(k)).values():
        if scale == 1 or own.size < 3 or not shape.any():
            continue
        β = float(shape @ rest) / float(shape @ shape)
        if β > 0 and np.abs(rest - β * shape).max() <= same:
            return True
    return False
