"""What loss curves show: training that was stopped too early, jumped, diverged or overfitted."""

import math

import numpy as np

from .._typing import Array
from ..formulas.schedules import Schedule
from .advice import (
    holds_back,
    larger_rate,
    more_training,
    smaller_rate,
    somewhat_larger_rate,
    steps_are_too_large,
    was_stopped_by_its_loss,
)
from .findings import Finding
from .measures import Measures
from .words import from_to, number, percent

PART = 10
"""The end of a curve is its last tenth; less is noise, more is history."""
PACE = 0.5
"""Share of the loss that as many epochs again would take off, at the pace of the end, …"""
PACE_BETTER_THAN_PCA = 1.0
"""… and where the network is better than PCA already: loss curves have long tails."""
WORTH_A_LONGER_FIT = 0.05
"""Share of the constant's loss that this has to be at least."""
WORTH = 0.03
"""Share of the constant's loss below which a rise is not reported."""
EVENLY = 1 / 3
"""Of the whole fall: what the second half of all steps, weighed by their rates, has at most in a
fit whose rate is large enough. With steps far too small the loss falls by the same everywhere."""
JUMP = 0.05
"""Relative: a rise from one epoch to the next that no shuffling explains."""
OFTEN = 0.2
"""Share of epochs of the second half; where the rate is too large it is near a half."""
DIVERGED = 2.0
"""Times the best loss of the curve."""
OVERFITTED = 1.25
"""Times the least validation loss. By a sixth it rises often where there are few rows, and a
network that has learned most of what it can does not suffer from it."""
SHORTEST = 6
"""Epochs from which jumps can be told from a start."""


def diverged(m: Measures) -> Finding | None:
    """The loss rose far above its best, or is no number any more."""
    message = _how_it_diverged(m)
    if not message:
        return None
    momentum = [f"{said} Or " for said in holds_back(m) if said.startswith("momentum=")]
    return Finding(
        "diverged",
        message,
        f"{''.join(momentum)}{smaller_rate(m)} And scaled data (scale='standard') if that does not "
        "help.",
    )


def _how_it_diverged(m: Measures) -> str:
    curve = m.loss_curve
    if was_stopped_by_its_loss(m):
        return f"Training ended because {m.stopped_because}."
    broken = np.flatnonzero(~np.isfinite(curve))
    if len(broken):
        return f"The loss was not a finite number in epoch {broken[0] + 1}."
    if not m.is_finite:
        return "The network's loss is not a finite number."
    if len(curve) < 2:
        return ""
    best = float(curve.min())
    last = float(np.median(curve[-max(1, len(curve) // PART) :]))
    if not (last > DIVERGED * best and last - best > 0.1 * max(m.constant_loss, best)):
        return ""  # at most jumps within a loss that is small anyway: see `oscillating`
    how_much = f"{number(last / best)} times its best" if best > 0 else f"after a best of {best:g}"
    is_noisy = m.architecture.dropout or m.architecture.corruption
    return (
        f"The loss rose to {number(last)}, {how_much} ({number(best)}, in epoch "
        f"{int(curve.argmin()) + 1} of {len(curve)}): steps are too large"
        f"{', or there is too much noise' if is_noisy else ''}."
    )


def oscillating(m: Measures) -> Finding | None:
    """The loss goes up and down instead of falling."""
    curve = m.loss_curve[len(m.loss_curve) // 2 :]
    if len(m.loss_curve) < SHORTEST or not np.isfinite(curve).all():
        return None
    rises = np.diff(curve)
    jumps = (rises > JUMP * curve[:-1]) & (rises > 0.5 * WORTH * m.constant_loss)
    if jumps.sum() < 2 or not jumps.mean() >= OFTEN:
        return None
    if m.architecture.is_noisy and not m.is_poor:
        return None  # what noise does to the loss, with steps of any size
    typical = float(np.median(rises[jumps] / np.maximum(curve[:-1][jumps], np.finfo(float).tiny)))
    return Finding(
        "oscillating",
        f"The loss jumps: in {int(jumps.sum())} of the last {len(rises)} epochs it rose, by "
        f"{percent(typical)} or so, instead of falling.",
        " ".join(holds_back(m))
        or f"{smaller_rate(m)} Or learning_rate='cosine', which ends in small steps; or larger "
        "batches.",
    )


def still_falling(m: Measures) -> Finding | None:
    """The loss was still on its way down when training stopped."""
    curve = m.loss_curve
    if len(curve) < 3 or not np.isfinite(curve).all() or not m.is_finite:
        return None
    if _falls_evenly(m) and not steps_are_too_large(m):
        return Finding(
            "still_falling",
            f"The loss fell from {from_to(float(curve[0]), float(curve[-1]))}, as fast "
            f"at the end of {len(curve)} epochs as in their middle: the steps are too small to "
            "arrive.",
            " ".join(holds_back(m)) or f"{larger_rate(m)} More epochs alone would take long.",
        )
    if m.settings.get("learning_rate") == "cosine" or "did not improve" in m.stopped_because:
        return None
    pace = _pace(m)
    if pace is None:
        return None
    return Finding(
        "still_falling",
        f"The loss was still falling when training stopped after {len(curve)} epochs: at that pace "
        f"as many again would take off another {percent(min(pace, 0.99))}.",
        " ".join(filter(None, (more_training(m), somewhat_larger_rate(m)))),
        "warning" if m.loss > m.pca_loss else "note",
    )


def overfitting(m: Measures) -> Finding | None:
    """Validation rose well above its minimum while training went on falling."""
    validation, training = m.validation_curve, m.loss_curve
    if len(validation) < SHORTEST or len(validation) != len(training):
        return None
    if m.settings.get("early_stopping"):  # it has got back the parameters of the best epoch
        return None
    if not (np.isfinite(validation).all() and np.isfinite(training).all()):
        return None
    window = max(1, len(validation) // PART)
    best_epoch = int(validation.argmin())
    best = float(validation[best_epoch])
    last = float(np.median(validation[-window:]))
    if m.validation_loss is not None:  # the network may have got back its best parameters
        last = min(last, m.validation_loss)
    fell = float(np.median(training[-window:])) < float(training[best_epoch])
    if not (fell and last > OVERFITTED * best and last - best > WORTH * m.constant_loss):
        return None
    return Finding(
        "overfitting",
        f"The validation loss was least in epoch {best_epoch + 1} of {len(validation)} "
        f"({number(best)}) and rose to {number(last)}, while the training loss went on falling (to "
        f"{number(float(training[-1]))}): the network learns its training rows by heart.",
        "Try early_stopping=True, fewer or narrower hidden layers, a larger alpha, or more rows.",
    )


def _falls_evenly(m: Measures) -> bool:
    """Whether the loss fell as much late as early, and has not arrived where PCA is."""
    curve = m.loss_curve
    if len(curve) < SHORTEST or not m.varies or m.loss < m.pca_loss:
        return False
    # Time is counted in rates, so that a schedule that ends in small steps looks no different.
    schedule = m.settings.get("learning_rate")
    n = len(curve)
    planned = m.settings.get("max_iter", n)
    planned = max(n, int(planned)) if isinstance(planned, int | np.integer) else n
    name = "cosine" if schedule == "cosine" else "constant"
    rates = Schedule(name, 1.0, steps_per_epoch=1, n_epochs=planned).rates(0, n)
    middle = min(n - 2, int(np.searchsorted(np.cumsum(rates), 0.5 * rates.sum())))
    whole = max(float(curve[0]), m.constant_loss) - float(curve[-1])
    late = float(curve[middle] - curve[-1])
    if not (math.isfinite(whole) and whole > 0 and late > 3 * _noise(curve[middle:])):
        return False
    return late > EVENLY * whole


def _pace(m: Measures) -> float | None:
    """Share of the loss that as many epochs again would take off; None when it is not falling."""
    curve = m.loss_curve
    window = max(1, len(curve) // PART)
    last, before = curve[-window:], curve[-2 * window : -window]
    fall = float(before.mean() - last.mean())
    if not fall > 3 * _noise(curve[-max(SHORTEST, 3 * window) :]) * math.sqrt(2 / window):
        return None
    ahead = fall / window * len(curve)
    level = float(last.mean())
    least = PACE if m.loss > m.pca_loss else PACE_BETTER_THAN_PCA
    if level <= 0 or not (ahead > least * level and ahead > WORTH_A_LONGER_FIT * m.constant_loss):
        return None
    return ahead / level


def _noise(curve: Array) -> float:
    """How much an epoch's loss strays from its neighbours' line; 0 where it never rises."""
    if len(curve) < 4 or (np.diff(curve) <= 0).all():
        return 0.0
    bends = curve[:-2] - 2 * curve[1:-1] + curve[2:]
    return float(np.sqrt(np.mean(bends**2) / 6))  # of independent noise σ, a bend has √6 σ
