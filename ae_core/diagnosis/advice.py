"""What to try, as far as it can be told without trying: what the settings and the curve show.

Where a network can be fitted again, `trials` tries instead, and only what helped is said.
"""

import math
import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from .measures import Measures
from .units import BOUNDED

HAD_LEARNED = 0.9
"""Of the constant's loss: a curve that was lower once shows that the network did learn."""
MANY_SATURATED = 0.25
"""Share of a layer; healthy fits have none or nearly none."""
MANY_DEAD = 0.5
"""Share of a layer. With relu a quarter may die in a fit that is better than PCA."""
DEEP = 3
"""Layers of a bounded activation through which next to no gradient comes from the output."""

STRONG: dict[str, float] = {
    "alpha": 1.0,
    "alpha_l1": 1.0,
    "code_l1": 0.3,
    "sparsity": 1.0,
    "contraction": 0.3,
    "dropout": 0.5,
}
"""Setting → the strength from which it may be what keeps a network from learning."""
STRONG_NOISE = {"gaussian": 1.0}
"""Corruption → the same, for its level."""
STRONG_SHARE = 0.6
"""The same for all other corruptions, whose level is a share of the entries."""
ADAPTIVE = ("adam", "adamw", "rmsprop")
UNUSUAL: tuple[tuple[str, tuple[str, ...], float, str], ...] = (
    ("momentum", ("sgd",), 0.995, "0.9"),
    ("beta_1", ("adam", "adamw"), 0.995, "0.9"),
    ("epsilon", ADAPTIVE, 1e-2, "1e-8"),
    ("averaging", (*ADAPTIVE, "sgd"), 0.9999, "None"),
    ("noise_variance", (*ADAPTIVE, "sgd", "lbfgs"), 10.0, "'auto'"),
)
"""Setting, solvers that have it, value from which it slows training down, and what to try."""
FAR_OFF, HUGE = 30.0, 1e3
"""Ratio of mean to standard deviation, and standard deviation, from which a network, which starts
near 0, takes long to get there; a deviation below 1 / HUGE is as bad."""
STRONG_CLIPPING = 1e-2
"""Steps whose gradient is cut to this length lead nowhere at usual learning rates."""


def learning_rate(m: Measures) -> float | None:
    """The rate that the fit was told, if it has one."""
    rate = m.settings.get("learning_rate_init")
    if m.settings.get("solver") == "lbfgs" or not isinstance(rate, numbers.Real):
        return None
    return float(rate) if 0 < float(rate) < math.inf else None


def usual_rate(m: Measures) -> float:
    """Where one starts with this solver."""
    return 0.1 if m.settings.get("solver") == "sgd" else 1e-3


def is_large(m: Measures) -> bool:
    """Whether a larger rate is nothing to advise: it is ten times the usual one, or more."""
    rate = learning_rate(m)
    return rate is not None and rate >= 10 * usual_rate(m)


def is_small(m: Measures) -> bool:
    """Whether the rate is far below the usual one."""
    rate = learning_rate(m)
    return rate is not None and rate < 0.3 * usual_rate(m)


def larger_rate(m: Measures) -> str:
    """What to try when training was far too slow."""
    rate = learning_rate(m)
    if m.settings.get("solver") == "lbfgs":
        return "Try more iterations (max_iter)."
    if rate is None:
        return "Try a learning rate (learning_rate_init) 10 to 1000 times larger."
    return f"learning_rate_init={rate:g}: try {max(usual_rate(m), 10 * rate):g}."


def somewhat_larger_rate(m: Measures) -> str:
    """What to try when training was a little too slow; '' where the rate is large already."""
    rate = learning_rate(m)
    if m.settings.get("solver") == "lbfgs" or is_large(m) or steps_are_too_large(m):
        return ""
    return "Or a larger learning rate." if rate is None else f"Or learning_rate_init={3 * rate:g}."


def smaller_rate(m: Measures) -> str:
    """What to try when steps were too large."""
    rate = learning_rate(m)
    if rate is None:
        return "Try a smaller learning rate (learning_rate_init), a tenth of it."
    return f"learning_rate_init={rate:g}: try {rate / 10:g}."


def more_training(m: Measures) -> str:
    """What to try when there was too little of it."""
    epochs = m.settings.get("max_iter", len(m.loss_curve))
    if not isinstance(epochs, int | np.integer) or not epochs:
        return "Try more epochs (max_iter)."
    return f"max_iter={epochs}: try {5 * int(epochs)}."


def was_stopped_by_its_loss(m: Measures) -> bool:
    """Whether training ended because the loss was no finite number any more."""
    return m.stopped_because.startswith("the loss is ")


def steps_are_too_large(m: Measures) -> bool:
    """Whether the network was at a better place once, or its units were driven to a dead end."""
    if was_stopped_by_its_loss(m):
        return True
    rate = learning_rate(m)
    if rate is not None and rate < usual_rate(m) / 10:
        return False
    curve = m.loss_curve[np.isfinite(m.loss_curve)]
    was_better = bool(len(curve)) and float(curve.min()) < HAD_LEARNED * min(
        m.constant_loss, m.loss
    )
    stuck = any(
        layer.dead >= MANY_DEAD * layer.units or layer.saturated >= MANY_SATURATED * layer.units
        for layer in m.layers
    )
    return was_better or stuck or is_large(m)


def holds_back(m: Measures) -> Iterator[str]:
    """Settings that are so strong that they may be what keeps the network from learning."""
    a = m.architecture
    for name, strength in STRONG.items():
        value: Any = getattr(a, name)
        if value >= strength and m.settings.get(name) != "auto":
            yield f"{name}={value:g}: try 0."
    if a.corruption and a.corruption_level >= STRONG_NOISE.get(a.corruption, STRONG_SHARE):
        yield f"corruption_level={a.corruption_level:g} ({a.corruption!r}): try less."
    if a.variational and a.beta > 1:
        yield f"beta={a.beta:g}: try 1."
    clip = m.settings.get("clip_norm")
    if isinstance(clip, numbers.Real) and clip < STRONG_CLIPPING:
        yield f"clip_norm={clip:g}: try None."
    solver = m.settings.get("solver")
    for name, solvers, strength, instead in UNUSUAL:
        given = m.settings.get(name)
        if solver in solvers and isinstance(given, numbers.Real) and float(given) >= strength:
            yield f"{name}={given:g}: try {instead}."


def default_that_holds_back(m: Measures) -> str:
    """The penalty that is usual for ratings and counts, where nothing else is the reason."""
    alpha = m.architecture.alpha
    if m.settings.get("alpha") != "auto" or not alpha >= STRONG["alpha"]:
        return ""
    return f"alpha={alpha / 100:g} (by default it is {alpha:g} here)"


def wants_scaling(m: Measures) -> str:
    """Advice to scale the columns where they are not scaled and their size is unusual."""
    if m.settings.get("scale", "standard") is not None:
        return ""
    deviation = float(np.sqrt((m.columns.variance * m.columns.weight).max()))
    away = float(np.abs(m.columns.mean).max()) / deviation if deviation > 0 else 0.0
    if 1 / HUGE < deviation < HUGE and away < FAR_OFF:
        return ""
    return "scale=None: try 'standard'."


def first_of_all(m: Measures) -> str:
    """What to undo before anything else is tried; '' where no setting is that unusual."""
    return " ".join(filter(None, (*holds_back(m), wants_scaling(m))))


def for_a_poor_fit(m: Measures) -> str:
    """What to try when a network has learned something, and PCA does better."""
    if undone := first_of_all(m):
        return undone
    tol, patience = m.settings.get("tol"), m.settings.get("n_iter_no_change")
    if "did not improve" in m.stopped_because:
        asked = f"tol={tol:g}" if isinstance(tol, numbers.Real) else "early_stopping=True"
        return f"{asked} with n_iter_no_change={patience} ended it: try a larger n_iter_no_change."
    narrowest = min(m.architecture.layer_sizes[1:-1])
    if narrowest < m.architecture.n_components:
        return (
            f"A layer of {narrowest} is narrower than the code of {m.architecture.n_components}: "
            "try wider hidden layers."
        )
    return larger_rate(m) if is_small(m) else ""


def for_no_learning(m: Measures) -> str:
    """What to try when a network has learned next to nothing."""
    if undone := first_of_all(m):
        return undone
    if steps_are_too_large(m):
        return f"{smaller_rate(m)} Steps that are too large lead to where a network learns no more."
    if learning_rate(m) is None or is_small(m):
        return (
            f"{larger_rate(m)} Training waits at the {m.constant_name} for long when the rate is "
            "too small. If that does not help: larger starting weights; and for a network of your "
            "own, ae_core.check_gradient."
        )
    ideas = [idea] if (idea := default_that_holds_back(m)) else []
    bounded = [layer for layer in m.layers[:-1] if layer.activation in BOUNDED]
    if len(bounded) >= DEEP:
        ideas.append("activation='elu', which lets gradients through many layers")
    if m.settings.get("solver") == "sgd":
        ideas.append("solver='adam' (learning_rate_init=0.003)")
    ideas.append("more epochs (max_iter)")
    return f"Try {'; or '.join(ideas)}."
