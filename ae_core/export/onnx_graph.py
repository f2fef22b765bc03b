"""A graph of ONNX that grows an operation at a time."""

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
    """Nodes and constants; each operation gives the name of what it makes.

    Parameters
    ----------
    prefix : str
        Of all names, so that a graph can stand within another.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.nodes: list[tuple[str, list[str], str, str, dict[str, Any]]] = []
        """Operator, inputs, output, domain and attributes of each, in order."""
        self.constants: dict[str, Array] = {}
        self._known: dict[tuple[Any, ...], str] = {}

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """The name of an array or number."""
        array = np.asarray(values, dtype=dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._known:
            name = self._known[key] = f"{self.prefix}constant_{len(self.constants)}"
            self.constants[name] = array
        return self._known[key]

    def op(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """The name of an operator's output."""
        return self.outputs(operator, *inputs, domain=domain, **attributes)[0]

    def outputs(
        self, operator: str, *inputs: str, n: int = 1, domain: str = "", **attributes: Any
    ) -> list[str]:
        """The names of an operator's outputs."""
        start = f"{self.prefix}{operator}_{len(self.nodes)}"
        names = [f"{start}_{i}" if i else start for i in range(n)]
        self.nodes.append((operator, list(inputs), ",".join(names), domain, attributes))
        return names

    def named(self, name: str, value: str) -> str:
        """The same under another name, which the outside knows."""
        self.nodes.append(("Identity", [value], name, "", {}))
        return name

    # --- what is used everywhere -----------------------------------------------------------------

    def cast(self, value: str, dtype: Any) -> str:
        """Numbers of another type."""
        tensor = onnx_module().helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.op("Cast", value, to=tensor)

    def single(self, value: str) -> str:
        """As float32."""
        return self.cast(value, np.float32)

    def double(self, value: str) -> str:
        """As float64."""
        return self.cast(value, np.float64)

    def columns(self, value: str, which: Any) -> str:
        """Some columns (m, k) of an array (m, n)."""
        return self.op("Gather", value, self.constant(which, np.int64), axis=1)

    def row_sum(self, value: str, *, keep: bool = False) -> str:
        """Sums over columns: (m,), or (m, 1)."""
        return self.op("ReduceSum", value, self.constant([1], np.int64), keepdims=int(keep))

    def side_by_side(self, values: list[str]) -> str:
        """Arrays (m, …) as one."""
        return values[0] if len(values) == 1 else self.op("Concat", *values, axis=1)

    def zero_where(self, condition: str, value: str, dtype: Any = np.float32) -> str:
        """0 where a condition holds."""
        return self.op("Where", condition, self.constant(0, dtype), value)
