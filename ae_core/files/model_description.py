"""The JSON of model files: strict, and exact for every number.

JSON has no NaN and no infinities; they are written as ``{"float": "nan"}``. A mapping that looks
like that by chance is written as ``{"mapping": {…}}``.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

MAX_DEPTH = 100
"""Lists and mappings within each other; far more than is needed, far less than Python's limit."""
MAX_NESTED = 1_000_000
"""Lists and mappings in all: each costs a hundred times what its two characters do."""
MAX_DIGITS = 1000
"""Digits of an integer. What no float can hold has its uses; what takes Python long has none."""
SCALARS = {str, int, float, bool, type(None)}
NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
MARKS = ("float", "mapping")


def to_json(description: Mapping[str, Any]) -> str:
    """A description as JSON text, in ASCII.

    Raises
    ------
    TypeError
        For what JSON cannot hold; says where it stands.
    ValueError
        For lists and mappings nested too deeply (or in a circle), and integers of thousands of
        digits.
    """
    if not isinstance(description, Mapping):
        raise TypeError(f"description is a {type(description).__name__}: must be a mapping")
    encoded = {k: _encoded(v, f"description[{k!r}]", 1) for k, v in _items(description)}
    return json.dumps(encoded, allow_nan=False, separators=(",", ":"))


def from_json(text: str) -> dict[str, Any]:
    """The description that `to_json` wrote.

    Raises
    ------
    ValueError
        For anything that it does not write.
    RecursionError
        For text nested more deeply than Python can follow.
    """
    parsed = parse(text)
    if not isinstance(parsed, dict):
        raise ValueError("its description is no mapping")
    return {key: _decoded(value, 1) for key, value in parsed.items()}


def parse(text: str) -> Any:
    """JSON as the standard has it: no NaN, no infinity, no key twice.

    Raises
    ------
    ValueError
        For anything else.
    RecursionError
        For text nested more deeply than Python can follow.
    """
    check_nested(text)
    return json.loads(
        text,
        object_pairs_hook=_unique,
        parse_constant=_refuse,
        parse_float=_finite,
        parse_int=_integer,
    )


def check_nested(text: str) -> None:
    """Refuse JSON text with too many lists and mappings.

    Raises
    ------
    ValueError
    """
    # Brackets within names and values count too: what has a million of those is no model either.
    n_nested = text.count("[") + text.count("{")
    if n_nested > MAX_NESTED:
        raise ValueError(f"it has {n_nested} lists and mappings: {MAX_NESTED} is the most")


def _items(mapping: Mapping[Any, Any], where: str = "description") -> list[tuple[str, Any]]:
    for key in mapping:
        if not isinstance(key, str):
            raise TypeError(f"{where} has the key {key!r}: keys must be str")
    return list(mapping.items())


def _encoded(value: Any, where: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise ValueError(f"{where[:60]}… is nested more than {MAX_DEPTH} deep, or in a circle")
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        number = int(value)
        if number.bit_length() > 4 * MAX_DIGITS or len(str(number)) > MAX_DIGITS:
            raise ValueError(f"{where} has more than {MAX_DIGITS} digits")
        return number
    if isinstance(value, float | np.float16 | np.float32):  # np.float64 is a float
        real = float(value)
        return real if math.isfinite(real) else {"float": str(real)}
    if isinstance(value, list | tuple):
        return [_encoded(each, f"{where}[{i}]", depth + 1) for i, each in enumerate(value)]
    if isinstance(value, Mapping):
        items = _items(value, where)
        encoded = {k: _encoded(v, f"{where}[{k!r}]", depth + 1) for k, v in items}
        return (
            {"mapping": encoded} if len(encoded) == 1 and next(iter(encoded)) in MARKS else encoded
        )
    hint = "put it among the arrays" if isinstance(value, np.ndarray) else "not saved in JSON"
    raise TypeError(f"{where} is of type {type(value).__name__}: {hint}")


def _decoded(value: Any, depth: int) -> Any:
    if depth > 2 * MAX_DEPTH:  # marks take a level of their own
        raise ValueError("its description is nested too deeply")
    if isinstance(value, list):
        if set(map(type, value)) <= SCALARS:  # histories are long
            return value
        return [_decoded(each, depth + 1) for each in value]
    if not isinstance(value, dict):
        return value
    mark = next(iter(value)) if len(value) == 1 else None
    if mark not in MARKS:
        return {key: _decoded(each, depth + 1) for key, each in value.items()}
    content = value[mark]
    if mark == "float" and isinstance(content, str) and content in NON_FINITE:
        return NON_FINITE[content]
    if mark == "mapping" and isinstance(content, dict):
        return {key: _decoded(each, depth + 2) for key, each in content.items()}
    raise ValueError(f"its description has a {mark!r} that is none")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice[:40]!r} stands there twice")
    return mapping


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _refuse(text)
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"an integer has {len(text)} digits")
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is no number that JSON has")
