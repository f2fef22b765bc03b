"""Gradients that are right on each row alone and wrong on several."""

import numpy as np

from .._typing import Array
from .gradient_calls import Sample
from .gradient_evidence import Evidence
from .gradient_findings import ArrayCheck, close

N_ROWS = 4
"""Rows whose order is changed, to see which of them a gradient hangs on."""


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
    if repeated.passed:
        return [_about_different_rows(evidence, names)]
    found = f"Rows are mixed up (in {names}): the gradient is right on each row alone, but wrong "
    found += "on several. "
    one = _only_row(evidence)
    if one is not None:
        return [f"{found}It is that of {one} alone there: a sum over the rows is missing."]
    return [f"{found}Look for a sum or mean over the wrong axis, or one that is missing."]


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
        if not all(_has_factor(a, n**power) for a in failed):
            continue
        if m > 1 and not all(_has_factor(a, m**power) for a in case.failed):
            continue
        rows = f"{m} times too large" if power == 1 else f"1/{m} of what it should be"
        names = ", ".join(a.name for a in failed)
        verb = "is" if len(failed) == 1 else "are"
        return (
            f"Only {names} {verb} wrong, all other arrays are right. On {m} rows {names} {verb} "
            f"{rows}, on one row right: {what}."
        )
    return None


def _has_factor(array: ArrayCheck, c: float) -> bool:
    if array.factor is not None:
        return close(array.factor, c)
    if len(array.elements) != 1 or not array.numeric[0]:
        return False
    return close(float(array.checked[0] / array.numeric[0]), c)


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
    sample = evidence.mixtures(max(N_ROWS, min(evidence.data.n_rows, N_ROWS)))
    parts = [evidence.structure.slices[evidence.index(n)] for n in evidence.wrong_names()]

    def gradient(order: list[int]) -> Array:
        result = evidence.call(evidence.part(sample, tuple(order)))
        return np.concatenate([result.gradient[p] for p in parts])

    here = gradient([0, 1, 2, 3])
    size = float(np.abs(here).max(initial=0.0))
    same = max(1e-9, 100 * evidence.rounding.relative) * size

    def stays(*orders: list[int]) -> bool:
        return all(np.abs(gradient(o) - here).max(initial=0.0) <= same for o in orders)

    if stays([1, 2, 3, 0], [1, 0, 2, 3], [3, 1, 2, 0]):
        return "none"
    # Any order of the others, with the row itself where it was: first, or last.
    if stays([0, 2, 3, 1], [0, 3, 2, 1]) or stays([1, 2, 0, 3], [2, 1, 0, 3]):
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


def _is_that(evidence: Evidence, array: ArrayCheck, sample: Sample, scale: float) -> bool:
    own = scale * evidence.analytic(sample, evidence.index(array.name))
    size = float(np.abs(own).max(initial=0.0))
    same = max(1e-9, 100 * evidence.rounding.relative) * size
    return size > 0 and float(np.abs(own - array.analytic).max()) <= same

