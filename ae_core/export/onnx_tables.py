"""Columns of a table as inputs of ONNX, and back: encoding and scaling."""

from typing import Any, NamedTuple

import numpy as np

from ..data.encoded_columns import CATEGORY, FLAG, Column
from ..data.encoding import Encoding
from .onnx_graph import Graph

TEXT, FLOAT, DOUBLE, TRUTH, WHOLE = "text", "float32", "float64", "bool", "int64"


class Port(NamedTuple):
    """An input or output of a model."""

    name: str
    kind: str
    """'text', 'float32', 'float64', 'bool' or 'int64'."""
    width: int | None
    """Columns; None for a vector."""


def input_ports(n_columns: int, encoding: Encoding | None) -> list[Port]:
    """What a model is given: ``X``, or a column (m, 1) by its name for each of a mixed table."""
    if encoding is None:
        return [Port("X", FLOAT, n_columns)]
    return [Port(column.name, kind_of(column), 1) for column in encoding.columns]


def kind_of(column: Column) -> str:
    """Of the input: categories of text are text, other ones float64, numbers and flags float32."""
    if column.kind != CATEGORY or is_flag(column):
        return FLOAT
    return TEXT if all(isinstance(c, str) for c in column.categories) else DOUBLE


def is_flag(column: Column) -> bool:
    """Whether a category is a flag, which may be missing."""
    return all(isinstance(c, bool) for c in column.categories)


def encoded(graph: Graph, encoding: Encoding, inputs: list[str], *, others: bool) -> str:
    """Columns (m, 1) as `Encoding.encode` makes them numbers: (m, n_encoded) float64.

    NaN in all of a group for a category that was not there in the fit; with `others` 1 in a column
    that is added. Of text, an empty one is missing, if it was no category.
    """
    parts, unknown_parts = [], []
    for column, given in zip(encoding.columns, inputs, strict=True):
        if column.kind != CATEGORY:
            parts.append(graph.double(given))
            continue
        codes, missing = _codes(graph, column, given)
        numbers = graph.constant(np.arange(column.width)[None], np.int64)
        hot = graph.double(graph.op("Equal", codes, numbers))  # (m, width)
        unknown = graph.op("Less", codes, graph.constant(0, np.int64))  # (m, 1), or missing
        gone = missing if others else unknown
        parts.append(graph.op("Where", gone, graph.constant(np.nan, np.float64), hot))
        other = graph.op("And", unknown, graph.op("Not", missing))
        unknown_parts.append(graph.double(other))
    return graph.side_by_side(parts + (unknown_parts if others else []))


def _codes(graph: Graph, column: Column, given: str) -> tuple[str, str]:
    """Which category (m, 1) int64 each is, -1 for none, and whether it is missing (m, 1)."""
    codes = list(range(column.width))
    if kind_of(column) == TEXT:
        missing_code = -2
        keys, values = list(column.categories), list(codes)
        if "" not in keys:
            keys, values = [*keys, ""], [*values, missing_code]
        found = graph.op(
            "LabelEncoder",
            given,
            domain="ai.onnx.ml",
            keys_strings=keys,
            values_int64s=values,
            default_int64=-1,
        )
        return found, graph.op("Equal", found, graph.constant(missing_code, np.int64))
    numbers = graph.double(given)
    known = graph.constant([[float(c) for c in column.categories]], np.float64)  # (1, width)
    hot = graph.cast(graph.op("Equal", numbers, known), np.int64)
    each = graph.constant(np.arange(1, column.width + 1)[None], np.int64)
    code = graph.row_sum(graph.op("Mul", hot, each), keep=True)
    return graph.op("Sub", code, graph.constant(1, np.int64)), graph.op(
        "IsNaN", graph.single(numbers)
    )


def scaled(graph: Graph, X: str, shift: Any, factor: Any, *, clip: bool) -> str:
    """X (m, n) float64 as the network sees it: float32."""
    if shift is not None:
        X = graph.op("Sub", X, graph.constant(shift, np.float64))
    if factor is not None:
        X = graph.op("Mul", X, graph.constant(factor, np.float64))
    if clip:
        low, high = graph.constant(0.0, np.float64), graph.constant(1.0, np.float64)
        X = graph.op("Clip", X, low, high)
    return graph.single(X)


def unscaled(graph: Graph, X: str, shift: Any, factor: Any) -> str:
    """X (m, n) float32 in the units of the data: float64."""
    X = graph.double(X)
    if factor is not None:
        X = graph.op("Div", X, graph.constant(factor, np.float64))
    if shift is not None:
        X = graph.op("Add", X, graph.constant(shift, np.float64))
    return X


def decoded(graph: Graph, encoding: Encoding, X_hat: str) -> list[tuple[Port, str]]:
    """The columns (m, 1) that an array (m, n_encoded) float64 stands for."""
    found = []
    for column, start in zip(encoding.columns, encoding.starts, strict=False):
        own = graph.columns(X_hat, range(start, start + column.width))  # (m, width)
        name = f"reconstruction_{column.name}"
        if column.kind == FLAG:
            half = graph.constant(0.5, np.float64)
            found.append((Port(name, TRUTH, 1), graph.op("GreaterOrEqual", own, half)))
        elif column.kind == CATEGORY:
            which = graph.op("ArgMax", own, axis=1, keepdims=1)
            kind = TRUTH if is_flag(column) else kind_of(column)
            dtype = {TEXT: object, DOUBLE: np.float64, TRUTH: np.bool_}[kind]
            names = graph.constant(np.array(column.categories, dtype=object), dtype)
            found.append((Port(name, kind, 1), graph.op("Gather", names, which)))
        else:
            found.append((Port(name, FLOAT, 1), graph.single(_whole(graph, own, column))))
    return found


def _whole(graph: Graph, own: str, column: Column) -> str:
    """As near as the column's dtype can hold a number."""
    name = column.dtype.removesuffix("[pyarrow]").lower()
    if "int" not in name:
        return own
    limits = np.iinfo(name)
    ends = (graph.constant(float(end), np.float64) for end in (limits.min, limits.max))
    return graph.op("Clip", graph.op("Round", own), *ends)
