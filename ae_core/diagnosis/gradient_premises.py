"""What has to hold before a gradient can be compared with anything.

Differences of a cost mean something only if the cost is a function: the same for equal arguments,
which it leaves as they are, finite, and dependent on the parameters. Each of these is tried here;
the first that fails is what is said.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from .._typing import Array
from .gradient_calls import Result, Sample, Subject
from .gradient_findings import index_of
from .gradient_rounding import Incomparable
from .nested import Nested

EQUAL_COST, EQUAL_GRADIENT = 1e-13, 1e-12
"""Relative differences of equal calls that may come from the order in which threads add."""
RARELY = (
    "Not deterministic: the same comparison, made twice, came out differently. Switch noise or "
    "dropout off, or fix its seed in each call; then check again."
)
CALLS, MORE_CALLS = 3, 20
"""How often a call is repeated, and how often once it has given something else."""


def check_calls(
    subject: Subject, vector: Array, sample: Sample, first: Result, n_calls: int = 1
) -> None:
    """Refuse a function of which an equal call gives something else than the first one.

    Parameters
    ----------
    subject : Subject
    vector : array of shape (n_params,)
    sample : Sample
    first : Result
        Of the first call with these.
    n_calls : int
        How often to call it again.

    Raises
    ------
    Incomparable
    """
    again = [subject(vector, sample) for _ in range(n_calls)]
    if not all(_are_equal(first, r) for r in again):
        raise Incomparable(_about_calls(subject, vector, sample, [first, *again]))


def _are_equal(a: Result, b: Result) -> bool:
    """Whether two results are the same but for rounding."""
    eps = np.finfo(np.float32).eps if "float32" in a.types else 0.0
    if abs(a.cost - b.cost) > (EQUAL_COST + 4 * eps) * max(abs(a.cost), abs(b.cost)):
        return False
    finite = np.isfinite(a.gradient)
    if (finite != np.isfinite(b.gradient)).any():
        return False
    x, y = a.gradient[finite], b.gradient[finite]
    size = np.abs(x).max(initial=0.0)
    return bool((np.abs(x - y) <= (EQUAL_GRADIENT + 4 * eps) * size).all())


def all_equal(results: list[Result]) -> bool:
    """Whether there were several calls, on other rows, and all gave the same bits."""
    first = results[0]
    return len(results) > CALLS and all(
        r.cost == first.cost and np.array_equal(r.gradient, first.gradient, equal_nan=True)
        for r in results[1:]
    )


def _about_calls(subject: Subject, vector: Array, sample: Sample, results: list[Result]) -> str:
    results = results + [subject(vector, sample) for _ in range(MORE_CALLS)]
    costs = np.array([r.cost for r in results])
    shown = ", ".join(f"{c:.6g}" for c in costs[:4])
    if not (costs != costs[0]).any():
        gradients = np.array([r.gradient for r in results])
        growth = np.diff(gradients[1:], axis=0)  # other rows came after the first
        size = np.abs(growth[0]).max(initial=0.0)
        if size > 0 and (np.abs(growth - growth[0]) <= 1e-6 * size * len(results)).all():
            return (
                "The gradient grows by the same amount with each equal call: what is computed is "
                "added to what the last call left. Set it to zero at the start."
            )
        if _depends_on_last(subject, vector, sample, gradients):
            return (
                "Equal calls give the same cost, but the gradient depends on the calls before: the "
                "function hands back a running mean (momentum), a gradient that it keeps, or one "
                "computed from what it kept. Return that of this call alone."
            )
        return (
            "Not deterministic: equal calls give the same cost, but different gradients. Switch "
            "noise, dropout or random batches off, or fix their seed in each call; then check "
            "again."
        )
    steps = np.diff(costs)
    keeps = "the function keeps something from one call to the next"
    changes = "The cost changes between equal calls, and"
    alone = "Make it a function of its arguments alone."
    if (steps <= 0).all() and (steps[:4] < 0).all():
        return (
            f"{changes} always falls ({shown}): {keeps}, as one that trains itself does. Take the "
            "training step out of it."
        )
    if (steps >= 0).all() and (steps[:4] > 0).all():
        return f"{changes} always rises ({shown}): {keeps}. {alone}"
    if not steps[1:].any():
        return (
            f"The cost changes between equal calls: the first gives {costs[0]:.6g}, all others "
            f"{costs[1]:.6g}. So {keeps}. {alone}"
        )
    period = _period(costs)
    if period:
        return (
            f"{changes} comes round again every {period} calls ({shown}): {keeps}, such as which "
            "batch is next. Make it a function of its arguments."
        )
    if _is_smooth(steps):
        return (
            f"The cost drifts between equal calls ({shown}): {keeps}; does it train itself? {alone}"
        )
    return (
        f"Not deterministic: equal calls give different costs ({shown}). Switch noise or dropout "
        "off, or fix its seed in each call; then check again."
    )


def _depends_on_last(subject: Subject, vector: Array, sample: Sample, gradients: Array) -> bool:
    """Whether equal calls come to rest, but another call in between changes what the next gives.

    `gradients` (n_calls, n_params) are those of equal calls.
    """
    steps = np.abs(np.diff(gradients, axis=0)).max(axis=1, initial=0.0)
    size = np.abs(gradients[-1]).max(initial=0.0)
    tail = steps[4:]
    is_resting = bool((tail <= 1e-12 * size).all()) or bool(
        (tail[1:] <= tail[:-1] * (1 + 1e-6) + 1e-12 * size).all() and tail[-1] < 0.9 * tail[0]
    )
    if not is_resting:
        return False
    subject(vector + 0.1 * np.maximum(1, np.abs(vector)), sample)
    after = subject(vector, sample).gradient
    last = np.abs(subject(vector, sample).gradient - gradients[-1]).max(initial=0.0)
    return bool(np.abs(after - gradients[-1]).max(initial=0.0) > 10 * steps[-1] or last > 0)


def _period(costs: Array) -> int:
    """After how many calls the costs repeat; 0 if they do not."""
    for period in range(2, len(costs) // 3 + 1):
        if (costs[period:] == costs[:-period]).all():
            return period
    return 0


def _is_smooth(steps: Array) -> bool:
    """Whether steps resemble those before; those of independent noise tend to be opposite."""
    a, b = steps[:-1] - steps.mean(), steps[1:] - steps.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return bool(size > 0 and a @ b > 0.3 * size)


def about_changes(changed: set[str], structure: Nested) -> str | None:
    """What to say when a function changes its arguments in place; None when it does not."""
    names: list[str] = [n for n in ("X", "y") if n in changed]
    names += [n for n in structure.names if n in changed]
    if not names:
        return None
    return (
        f"The function changes {listed(names)} in place: after a call the caller's own arrays are "
        "others. Let it work on copies."
    )


def about_infinities(
    structure: Nested, samples: list[Sample], results: list[Result], wrong: set[str]
) -> str | None:
    """What to say of gradients that are not finite, given the names of wrong arrays; else None."""
    for sample, result in zip(samples, results, strict=True):
        found = {}
        for k, name in enumerate(structure.names):
            array = result.gradient[structure.slices[k]]
            bad = np.flatnonzero(~np.isfinite(array))
            if len(bad):
                what = "NaN" if np.isnan(array[bad]).all() else "not finite"
                first = list(index_of(bad[0], structure.shapes[k]))
                which = "all" if len(bad) == array.size else f"{len(bad)} of {array.size}"
                found[name] = f"{what} in {name} ({which} elements, first at {first})"
        if found:
            where = "The" if sample is samples[0] else f"On {sample.label} the"
            said = f"{where} gradient is {'; '.join(list(found.values())[:3])}."
            if set(found) == wrong and len(found) < len(structure.names):
                verb = "is" if len(found) == 1 else "are"
                said += f" Only {', '.join(found)} {verb} wrong, all other arrays are right."
            return said
    return None


def about_size(cost: float, names: list[str], slope: float, others_are_right: bool) -> str:
    """What to say of a cost whose rounding is larger than what its slopes make of it."""
    which, but = ("the gradient", "nothing can be told")
    if others_are_right:
        which, but = listed(names), "of these nothing can be told; the others are right"
    return (
        f"The cost is {cost:.2g}, and its rounding hides slopes like those of {which} (up to "
        f"{slope:.2g}): {but}. Leave a constant out of it, or compute it more exactly (in float64)."
    )


def about_nothing(names: list[str], slope: float, largest: float) -> str:
    """What to say of arrays that pass because the cost hardly depends on them."""
    return (
        f"Of {listed(names)} nothing can be told: the slopes (up to {slope:.2g}, beside "
        f"{largest:.2g} elsewhere) are lost in the cost's rounding. The others are right."
    )


def listed(names: list[str]) -> str:
    """The first four names."""
    return ", ".join(names[:4]) + (", …" if len(names) > 4 else "")


def check_dependence(
    subject: Subject, vector: Array, sample: Sample, first: Result, step: float | None, random: Any
) -> None:
    """Refuse a cost that is the same wherever the parameters are, or after steps of that size.

    Raises
    ------
    Incomparable
    """

    def stays(moves: Iterable[Array]) -> bool:
        size = np.maximum(1, np.abs(vector))
        return subject.stays(first.cost, sample, (vector + move * size for move in moves))

    if stays(scale * random.normal(size=vector.shape) for scale in (1e-2, 1.0, 1.0)):
        raise Incomparable(
            f"The cost does not depend on params: it is {first.cost:.6g} wherever they are. Does "
            "the function take them from somewhere else than from its argument?"
        )
    if step is not None and stays(
        step * random.choice([-1, 1], vector.shape) for _ in range(CALLS)
    ):
        raise Incomparable(
            "The cost does not change when params change a little, only when they change a lot: "
            "something is counted, ranked or rounded in it, and its slope is 0."
        )
