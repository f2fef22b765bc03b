"""The words that findings are made of: numbers, names, lists."""

import math

from .._typing import Array
from .units import Layer

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


def from_to(before: float, after: float) -> str:
    """Two numbers that differ, with so many digits that it shows."""
    for digits in range(3, 9):
        shown = [f"{x:.{digits}g}" for x in (before, after)]
        if shown[0] != shown[1]:
            break
    if digits == 3:
        return f"{number(before)} to {number(after)}"
    return " to ".join(shown)


def value(x: float) -> str:
    """A value of the data, as it stands there: -99.99 is not -100."""
    return f"{x:.10g}" if math.isfinite(x) else number(x)


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


def label(names: tuple[str, ...], column: int) -> str:
    """A column, by name."""
    return f"column {quoted(names[column])}"


def quoted(name: str) -> str:
    """A column's name in a message: in quotes, on one line, not too long."""
    return repr(name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…")


def of_layers(layers: list[Layer], kind: str) -> str:
    """How many units of which layers are of that kind, 'dead' or 'saturated'."""
    parts = [
        f"{getattr(layer, kind)} of {count(layer.units, 'unit')} in {layer.label}"
        for layer in layers
    ]
    return "; ".join(parts)


def columns(names: tuple[str, ...], which: Array | list[int]) -> str:
    """Columns by name, to start a sentence with."""
    if len(which) == 1:
        return f"Column {quoted(names[int(which[0])])}"
    some = [quoted(names[int(i)]) for i in which[:NAMED]]
    return f"{len(which)} columns ({', '.join(some)}{', …' if len(which) > NAMED else ''})"


def listed(thing: str, which: Array) -> str:
    """'Code unit 3', 'Code units 3, 5'."""
    shown = ", ".join(str(int(i)) for i in which[: 3 * NAMED])
    more = ", …" if len(which) > 3 * NAMED else ""
    return f"{thing}{'' if len(which) == 1 else 's'} {shown}{more}"
