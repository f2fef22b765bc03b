"""How large trials of settings are, so that as many as can be are made in the time there is."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..diagnosis.suspects import Change
from .parameters import batch_size_of

ROWS, FEWER_ROWS, FEWEST_ROWS = 600, 200, 20
"""Rows of a trial; fewer where a network is large."""
EPOCHS, FEWEST_EPOCHS = 60, 20
"""Epochs of a trial, if the fit has as many; more where they cost nothing, …"""
VISITS = 36_000
"""… and of small tables as many as visit so many rows."""
STEPS = 1200
"""A trial of batches that are larger than usual takes as many steps as the fit, up to so many."""
MULTIPLY_ADDS = {np.dtype(np.float32): 8e9, np.dtype(np.float64): 4e9}
"""Per second, on a slow machine; training takes three for each weight and row."""
STEP, EPOCH = 3e-5, 2e-4
"""Seconds that a step, and an epoch, take besides."""
EASY = 0.4
"""Share of the budget up to which trials are as long as the fit, and not only as need be."""
SEVERAL = 6
"""Changes that should fit into the budget before trials are made with more rows or epochs."""


@dataclass(frozen=True)
class Size:
    """How large trials are."""

    n_rows: int
    n_epochs: int


def planned(
    model: Any, changes: list[Change], n_rows: int, budget: float
) -> tuple[Size, list[Change], int]:
    """How large trials are, which of the changes fit into the budget, and how many do not."""
    max_iter = model.max_iter
    most = min(n_rows, ROWS)
    for rows, epochs in ((most, EPOCHS), (min(n_rows, FEWER_ROWS), EPOCHS),
                         (min(n_rows, FEWER_ROWS), FEWEST_EPOCHS)):  # fmt: skip
        least = epochs if rows < most else max(epochs, math.ceil(VISITS / rows))
        size = Size(rows, min(max_iter, least))
        if _seconds(model, size) * _work(changes[:SEVERAL]) <= budget:
            break
    while size.n_epochs < max_iter:
        longer = Size(size.n_rows, min(max_iter, size.n_epochs + EPOCHS))
        if _seconds(model, longer) * _work(changes) > EASY * budget:
            break
        size = longer
    if size.n_epochs < max_iter:  # then more epochs can't be judged
        changes = [c for c in changes if "max_iter" not in c.settings]
    fitting = those_that_fit(model, size, changes, left_of(model, size, [], budget))
    return size, fitting, len(changes) - len(fitting)


def those_that_fit(model: Any, size: Size, changes: list[Change], budget: float) -> list[Change]:
    """The first of the changes, as many as can be tried in so many seconds."""
    seconds = np.cumsum([_seconds(model, size) * change.work for change in changes])
    return changes[: int((seconds <= budget).sum())]


def left_of(model: Any, size: Size, changes: list[Change], budget: float) -> float:
    """Seconds that are left of the budget when all of these are tried."""
    return budget - _seconds(model, size) * _work(changes)


def _work(changes: list[Change]) -> float:
    """What these trials, and that of the fit as it is, take, in times the last one."""
    return 1 + sum(change.work for change in changes)


def _seconds(model: Any, size: Size) -> float:
    network = model.network_
    batch = size.n_rows if model.solver == "lbfgs" else trial_batch_size(model, size, size.n_rows)
    n_steps = size.n_epochs * math.ceil(size.n_rows / batch)
    products = 3.0 * size.n_rows * size.n_epochs * network.architecture.n_params
    overhead = n_steps * STEP + size.n_epochs * EPOCH
    return overhead + products / MULTIPLY_ADDS[np.dtype(np.float32)]


def trial_batch_size(model: Any, size: Size, n_rows: int) -> int:
    """Rows per step of a trial: of batches larger than usual so many that steps are as many."""
    usual = batch_size_of("auto", size.n_rows)
    if isinstance(model.batch_size, str):
        return usual
    batch_size = batch_size_of(model.batch_size, n_rows)
    if batch_size <= usual or n_rows == size.n_rows:
        return min(batch_size, size.n_rows)
    n_steps = min(STEPS, model.max_iter * math.ceil(n_rows / batch_size))
    return max(usual, math.ceil(size.n_rows / math.ceil(n_steps / size.n_epochs)))
