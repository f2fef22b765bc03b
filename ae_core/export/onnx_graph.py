"""A graph of ONNX that grows by arithmetic on its values, each operation a node."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.extras import optional

OPSET = 17
"""The operators' version: onnxruntime has had it since 1.12 (2022)."""
ML_OPSET = 3
"""That of ``ai.onnx.ml``, of which only LabelEncoder is used, for text."""
FEATURE = "exports to ONNX"


def onnx_module() -> Any:
    """The package onnx.

    Raises
    ------
    MissingExtraError
        When it is not installed.
    """
    return optional("onnx", FEATURE, "onnx")


class Graph:
    """Nodes and constants.

    Parameters
    ----------
    prefix : str
        Of all names, so that a graph can stand within another.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.nodes: list[tuple[str, list[str], list[str], str, dict[str, Any]]] = []
        """Operator, inputs, outputs, domain and attributes of each, in order."""
        self.constants: dict[str, Array] = {}
        self._known: dict[tuple[Any, ...], str] = {}

    def constant(self, values: Any, dtype: Any = np.float32) -> "Value":
        """An array or number."""
        array = np.asarray(values, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = self._known[key] = f"{self.prefix}constant_{len(self.constants)}"
            self.constants[name] = array
        return Value(self, self._known[key], dtype)

    def name(self, value: "Value", name: str) -> None:
        """Give a value another name, which the outside knows."""
        self.nodes.append(("Identity", [value.name], [name], "", {}))


def _operator(name: str, dtype: Any = None) -> "Callable[[Value, Any], Value]":
    def apply(value: "Value", other: Any) -> "Value":
        return value.op(name, other, dtype=dtype)

    return apply


@dataclass(frozen=True, eq=False)
class Value:
    """An array (m, …) in a graph; other operands may be numbers and arrays, of the same dtype."""

    graph: Graph
    name: str
    dtype: Any = None
    """Of its elements, object for text; None for an input of any dtype, which is cast first."""

    __add__ = _operator("Add")
    __sub__ = _operator("Sub")
    __mul__ = _operator("Mul")
    __truediv__ = _operator("Div")
    __matmul__ = _operator("MatMul")
    __and__ = _operator("And")
    __lt__ = _operator("Less", np.bool_)
    __le__ = _operator("LessOrEqual", np.bool_)
    __gt__ = _operator("Greater", np.bool_)
    __ge__ = _operator("GreaterOrEqual", np.bool_)
    equals = _operator("Equal", np.bool_)

    def __rmul__(self, other: Any) -> "Value":
        return self.like(other) * self

    def __neg__(self) -> "Value":
        return self.op("Neg")

    def __abs__(self) -> "Value":
        return self.op("Abs")

    def __invert__(self) -> "Value":
        return self.op("Not")

    def op(self, operator: str, *others: Any, dtype: Any = None, **more: Any) -> "Value":
        """What an operator makes of this and others, with this dtype unless another is given."""
        return self.outputs(operator, *others, dtypes=[dtype or self.dtype], **more)[0]

    def outputs(
        self, operator: str, *others: Any, dtypes: list[Any], domain: str = "", **attributes: Any
    ) -> "list[Value]":
        """All outputs of an operator that has several."""
        start = f"{self.graph.prefix}{operator}_{len(self.graph.nodes)}"
        names = [f"{start}_{i}" if i else start for i in range(len(dtypes))]
        inputs = [self.name, *(self.like(other).name for other in others)]
        self.graph.nodes.append((operator, inputs, names, domain, attributes))
        return [Value(self.graph, *each) for each in zip(names, dtypes, strict=True)]

    def like(self, other: Any) -> "Value":
        """A number or array as a constant of this dtype; a value as it is."""
        return other if isinstance(other, Value) else self.graph.constant(other, self.dtype)

    def cast(self, dtype: Any) -> "Value":
        """As numbers of another type."""
        tensor = onnx_module().helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.op("Cast", to=tensor, dtype=dtype)

    def single(self) -> "Value":
        """As float32."""
        return self.cast(np.float32)

    def double(self) -> "Value":
        """As float64."""
        return self.cast(np.float64)

    def isnan(self) -> "Value":
        """Whether each element is NaN."""
        return self.op("IsNaN", dtype=np.bool_)

    def take(self, which: Any, axis: int = 1) -> "Value":
        """Some columns (m, k) of an array (m, n), or rows with axis 0; of a number, one."""
        if not isinstance(which, Value):
            which = self.graph.constant(which, np.int64)
        return self.op("Gather", which, axis=axis)

    def row_sum(self, *, keep: bool = False) -> "Value":
        """Sums over columns: (m,), or (m, 1)."""
        return self.op("ReduceSum", self.graph.constant([1], np.int64), keepdims=int(keep))


def where(condition: Value, chosen: Any, other: Any) -> Value:
    """One of two values, or of a value and a number, by a condition for each element."""
    like = chosen if isinstance(chosen, Value) else other
    return condition.op("Where", like.like(chosen), like.like(other), dtype=like.dtype)


def side_by_side(values: list[Value]) -> Value:
    """Arrays (m, …) as one."""
    return values[0] if len(values) == 1 else values[0].op("Concat", *values[1:], axis=1)
