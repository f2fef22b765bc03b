"""The JSON of model files: strict, and exact for every number.

JSON has no NaN and no infinities; they are written as ``{"float": "nan"}``. A mapping that looks
like that by chance is written as ``{"mapping": {…}}``.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

MAX_DEPTH = 100
"""Lists and mappings within each other; far more than is needed, far less than Python's limit."""
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
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite)


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
        return int(value)
    if isinstance(value, float | np.float16 | np.float32):  # np.float64 is a float
        number = float(value)
        return number if math.isfinite(number) else {"float": str(number)}
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
        keys = [key for key, _ in pairs]
        twice = next(key for key in mapping if keys.count(key) > 1)
        raise ValueError(f"the key {twice[:40]!r} stands there twice")
    return mapping


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _refuse(text)
    return number


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is no number that JSON has")
