"""What skl2onnx asks an estimator for, so that pipelines with it convert as a whole.

skl2onnx takes the shape of what a step gives and its nodes from the step itself, where that has
`onnx_shape_calculator` and `onnx_converter`: nothing has to be registered before.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..basics.extras import optional
from ..serving.predictor import DETECTOR, Predictor
from .onnx_graph import FEATURE, ML_OPSET, OPSET, Graph, Value, side_by_side
from .onnx_model import described


def shape_calculator(predictor: Predictor) -> Callable[[Any], None]:
    """A function that sets the shapes and types of an operator's outputs."""
    types = optional("skl2onnx.common.data_types", FEATURE, "onnx")

    def calculate(operator: Any) -> None:
        n_rows = operator.inputs[0].type.shape[0]
        if predictor.kind == DETECTOR:
            operator.outputs[0].type = types.Int64TensorType([n_rows, 1])
            operator.outputs[1].type = types.FloatTensorType([n_rows, 1])
            return
        width = predictor.n_features_out_
        if predictor._imputing is not None:
            width = len(predictor._imputing.names) + len(predictor._imputing.added_names)
        operator.outputs[0].type = types.FloatTensorType([n_rows, width])

    return calculate


def converter(predictor: Predictor) -> Callable[[Any, Any, Any], None]:
    """A function that puts the nodes of a model into a container of skl2onnx.

    A transformer gives its code, an imputer what `transform` gives; a detector, as skl2onnx has it
    of others, ``label`` as `predict` and ``scores`` as `decision_function`, (m, 1) each.
    """

    def convert(scope: Any, operator: Any, container: Any) -> None:
        if container.target_opset < OPSET:
            raise ValueError(f"target_opset={container.target_opset}: at least {OPSET} is needed")
        graph = Graph(scope.get_unique_variable_name("ae_core") + "_")
        outputs = described(predictor, _inputs(graph, predictor, operator))
        found = {port.name: port.value for port in outputs}
        if predictor.kind == DETECTOR:
            column = graph.constant([-1, 1], np.int64)
            decision = found["score"] - predictor.offset_
            given = [each.op("Reshape", column) for each in (found["label"], decision)]
        elif predictor._imputing is not None:
            given = [side_by_side(list(found.values()))]
        else:
            given = [found["code"]]
        for value, output in zip(given, operator.outputs, strict=True):
            graph.name(value, output.full_name)
        _fill(graph, scope, container)

    return convert


def _inputs(graph: Graph, predictor: Predictor, operator: Any) -> list[Value]:
    """The table as it is wanted: one array of numbers, or a column (m, 1) each."""
    given = [Value(graph, variable.full_name) for variable in operator.inputs]
    if predictor._encoding is None:
        return [side_by_side([value.double() for value in given])]
    columns: list[Value] = []
    for variable, value in zip(operator.inputs, given, strict=True):
        width = variable.type.shape[1]
        columns += [value] if width == 1 else [value.take([i]) for i in range(width)]
    if len(columns) != predictor.n_features_in_:
        raise ValueError(
            f"{len(columns)} columns come before {predictor.kind}: {predictor.n_features_in_} are "
            "needed, as in the fit"
        )
    return columns


def _fill(graph: Graph, scope: Any, container: Any) -> None:
    from onnx import helper

    for name, array in graph.constants.items():
        kind, values = helper.np_dtype_to_tensor_dtype(array.dtype), array.ravel().tolist()
        container.add_initializer(name, kind, list(array.shape), values)
    for node_type, inputs, names, domain, attributes in graph.nodes:
        container.add_node(
            node_type,
            inputs,
            names,
            op_domain=domain,
            op_version=ML_OPSET if domain else OPSET,
            name=scope.get_unique_operator_name(node_type),
            **attributes,
        )
