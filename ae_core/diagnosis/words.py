"""The words that findings are made of: numbers, names, and what to try."""

import math
import numbers

import numpy as np

from .._typing import Array
from .measures import Layer, Measures

LONGEST_NAME = 30
"""Characters of a column's name that a message shows."""
NAMED = 3
"""Columns or pairs that a message names before it counts the rest."""


def number(value: float) -> str:
    """A number as messages write it."""
    if not math.isfinite(value):
        return "beyond all numbers" if value > 0 else "not a number"
    if 1000 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """A share as messages write it."""
    if not math.isfinite(share):
        return "an unknown share"
    value = 100 * share
    if value and abs(value) < 0.01:
        return "less than 0.01 %" if value > 0 else "0 %"
    return f"{value:.3g} %" if abs(value) < 1e4 else f"{value:.2g} %"


def count(n: int, thing: str) -> str:
    """'1 row', '2 rows'."""
    return f"{n} {thing}{'' if n == 1 else 's'}"


def label(m: Measures, column: int) -> str:
    """A column, by name."""
    return f"column {quoted(m.columns.names[column])}"


def quoted(name: str) -> str:
    """A column's name in a message: in quotes, on one line, not too long."""
    return repr(name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…")


def learning_rate(m: Measures) -> float | None:
    """The rate that the fit was told, if it has one."""
    rate = m.settings.get("learning_rate_init")
    if m.settings.get("solver") == "lbfgs" or not isinstance(rate, numbers.Real):
        return None
    return float(rate) if 0 < float(rate) < math.inf else None


def usual_rate(m: Measures) -> float:
    """Where one starts with this solver."""
    return 0.1 if m.settings.get("solver") == "sgd" else 1e-3


def is_large(rate: float | None, m: Measures) -> bool:
    """Whether a larger rate is nothing to advise: ten times the usual and more."""
    return rate is not None and rate >= 10 * usual_rate(m)


def larger_rate(m: Measures) -> str:
    """What to try when training was far too slow."""
    rate = learning_rate(m)
    if m.settings.get("solver") == "lbfgs":
        return "Try more iterations (max_iter)."
    if rate is None:
        return "Try a learning rate (learning_rate_init) 10 to 1000 times larger."
    return f"learning_rate_init={rate:g}: try {max(usual_rate(m), 10 * rate):g}."


def somewhat_larger_rate(m: Measures) -> str:
    """The same where it was a little too slow; nothing where the rate is large already."""
    rate = learning_rate(m)
    if m.settings.get("solver") == "lbfgs" or is_large(rate, m):
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


def of_layers(layers: list[Layer], kind: str) -> str:
    """How many units of which layers are of that kind, 'dead' or 'saturated'."""
    parts = [
        f"{getattr(layer, kind)} of {count(layer.units, 'unit')} in {layer.label}"
        for layer in layers
    ]
    return "; ".join(parts)


def columns(m: Measures, which: Array) -> str:
    """Columns by name, to start a sentence with."""
    if len(which) == 1:
        return f"C{label(m, int(which[0]))[1:]}"
    names = [quoted(m.columns.names[i]) for i in which[:NAMED]]
    return f"{len(which)} columns ({', '.join(names)}{', …' if len(which) > NAMED else ''})"


def listed(thing: str, which: Array) -> str:
    """'Code unit 3', 'Code units 3, 5'."""
    shown = ", ".join(str(int(i)) for i in which[: 3 * NAMED])
    more = ", …" if len(which) > 3 * NAMED else ""
    return f"{thing}{'' if len(which) == 1 else 's'} {shown}{more}"
