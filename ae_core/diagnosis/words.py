"""What findings and reports are written with: numbers, names and lists as text, and JSON."""

import math
import numbers
from collections.abc import Sequence, Sized
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

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


def share_of(part: float, whole: float) -> str:
    """What share of a loss another is; nothing where there is no such share."""
    return percent(part / whole) if whole > 0 and math.isfinite(part) else ""


def count(n: int, thing: str) -> str:
    """'1 row', '2 rows'."""
    return f"{n} {thing}{'' if n == 1 else 's'}"


def and_more(n: int, thing: str) -> str:
    """' and 2 pairs more' after the first of n things; '' where all are named."""
    return f" and {count(n - NAMED, thing)} more" if n > NAMED else ""


def names_of(feature_names: Sequence[Any] | None, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    """The names that were given for the columns, or others where none were.

    Raises
    ------
    ValueError
        When there are not as many.
    """
    names = otherwise if feature_names is None else tuple(map(str, feature_names))
    if len(names) != len(otherwise):
        raise ValueError(
            f"feature_names has {len(names)} names: one per column is needed, {len(otherwise)}"
        )
    return names


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


def agree(which: Sized, one: str, several: str) -> str:
    """The word that goes with one column (or unit), or with several."""
    return one if len(which) == 1 else several


def columns(names: tuple[str, ...], which: Array | Sequence[int], one: str, several: str) -> str:
    """Columns by name and their verb, to start a sentence with: "2 columns ('a', 'b') have"."""
    if len(which) == 1:
        return f"Column {quoted(names[int(which[0])])} {one}"
    some = [quoted(names[int(i)]) for i in which[:NAMED]]
    more = ", …" if len(which) > NAMED else ""
    return f"{len(which)} columns ({', '.join(some)}{more}) {several}"


def listed(thing: str, which: Array) -> str:
    """'Code unit 3', 'Code units 3, 5'."""
    shown = ", ".join(str(int(i)) for i in which[: 3 * NAMED])
    more = ", …" if len(which) > 3 * NAMED else ""
    return f"{thing}{agree(which, '', 's')} {shown}{more}"


def as_json(value: Any) -> Any:
    """A value as JSON can hold it: what is no finite number is None, an array is a list."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {name: as_json(part) for name, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [as_json(part) for part in value]
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value) if math.isfinite(value) else None
    return str(value)
