"""Columns of a table as inputs of ONNX, and back: encoding and scaling."""

from typing import Any, NamedTuple

import numpy as np

from ..data.encoded_columns import CATEGORY, FLAG, Column
from ..data.encoding import Encoding
from ..data.rating_biases import SHRINKAGE
from ..data.seen_rows import Seeing
from .onnx_graph import Graph, Value, side_by_side, where


class Port(NamedTuple):
    """An input or output of a model."""

    name: str
    value: Value
    width: int | None
    """Columns; None for a vector."""


def input_ports(graph: Graph, n_columns: int, encoding: Encoding | None) -> list[Port]:
    """What a model is given: ``X``, or a column (m, 1) by its name for each of a mixed table."""
    if encoding is None:
        return [Port("X", Value(graph, "X", np.float32), n_columns)]
    return [
        Port(column.name, Value(graph, column.name, dtype_of(column)), 1)
        for column in encoding.columns
    ]


def dtype_of(column: Column) -> Any:
    """Of the input: categories of text are text, other ones float64, numbers and flags float32."""
    if column.kind != CATEGORY or is_flag(column):
        return np.float32
    return object if all(isinstance(c, str) for c in column.categories) else np.float64


def is_flag(column: Column) -> bool:
    """Whether a category is a flag, which may be missing."""
    return all(isinstance(c, bool) for c in column.categories)


def encoded(encoding: Encoding, inputs: list[Value], *, others: bool) -> Value:
    """Columns (m, 1) as `Encoding.encode` makes them numbers: (m, n_encoded) float64.

    NaN in all of a group for a category that was not there in the fit; with `others` 1 in a column
    that is added. Of text, an empty one is missing, if it was no category.
    """
    parts, unknown_parts = [], []
    for column, given in zip(encoding.columns, inputs, strict=True):
        if column.kind != CATEGORY:
            parts.append(given.double())
            continue
        codes, missing = _codes(column, given)
        hot = codes.equals(np.arange(column.width)[None]).double()  # (m, width)
        unknown = codes < 0  # (m, 1), or missing
        parts.append(where(missing if others else unknown, np.nan, hot))
        unknown_parts.append((unknown & ~missing).double())
    return side_by_side(parts + (unknown_parts if others else []))


def _codes(column: Column, given: Value) -> tuple[Value, Value]:
    """Which category (m, 1) int64 each is, -1 for none, and whether it is missing (m, 1)."""
    if dtype_of(column) is object:
        missing_code = -2
        code_of = {category: code for code, category in enumerate(column.categories)}
        code_of.setdefault("", missing_code)
        found = given.op(
            "LabelEncoder",
            dtype=np.int64,
            domain="ai.onnx.ml",
            keys_strings=list(code_of),
            values_int64s=list(code_of.values()),
            default_int64=-1,
        )
        return found, found.equals(missing_code)
    numbers = given.double()
    hot = numbers.equals([[float(c) for c in column.categories]]).cast(np.int64)  # (m, width)
    code = (hot * np.arange(1, column.width + 1)[None]).row_sum(keep=True) - 1
    return code, numbers.single().isnan()


def without_bias(X: Value, seeing: Seeing) -> tuple[Value, Value | None]:
    """X (m, n) float64, NaN where unseen, less its rows' biases, and these: (m, 1), or None."""
    if seeing.scale != "biases":
        return X, None
    unseen = X.single().isnan()
    sums = where(unseen, 0, X - seeing.shift).row_sum(keep=True)
    bias = sums / ((~unseen).double().row_sum(keep=True) + SHRINKAGE)
    return X - bias, bias


def scaled(X: Value, shift: Any, factor: Any, *, clip: bool) -> Value:
    """X (m, n) float64 as the network sees it: float32."""
    if shift is not None:
        X = X - shift
    if factor is not None:
        X = X * factor
    return (X.op("Clip", 0.0, 1.0) if clip else X).single()


def unscaled(X: Value, shift: Any, factor: Any) -> Value:
    """X (m, n) float32 in the units of the data: float64."""
    X = X.double()
    if factor is not None:
        X = X / factor
    return X if shift is None else X + shift


def decoded(encoding: Encoding, X_hat: Value) -> list[Port]:
    """The columns (m, 1) that an array (m, n_encoded) float64 stands for."""
    found = []
    for column, start in zip(encoding.columns, encoding.starts, strict=False):
        own = X_hat.take(range(start, start + column.width))  # (m, width)
        if column.kind == FLAG:
            value = own >= 0.5
        elif column.kind == CATEGORY:
            which = own.op("ArgMax", dtype=np.int64, axis=1, keepdims=1)
            dtype = np.bool_ if is_flag(column) else dtype_of(column)
            names = X_hat.graph.constant(np.array(column.categories, dtype=object), dtype)
            value = names.op("Gather", which)
        else:
            value = _whole(own, column).single()
        found.append(Port(f"reconstruction_{column.name}", value, 1))
    return found


def _whole(own: Value, column: Column) -> Value:
    """As near as the column's dtype can hold a number."""
    name = column.dtype.removesuffix("[pyarrow]").lower()
    if "int" not in name:
        return own
    limits = np.iinfo(name)
    return own.op("Round").op("Clip", limits.min, limits.max)
