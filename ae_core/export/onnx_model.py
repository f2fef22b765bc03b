"""Fitted models as ONNX: the whole from a table to codes, reconstructions, scores and labels."""

from os import PathLike
from typing import Any

import numpy as np

from ..basics.arguments import check_path
from ..basics.version import __version__
from ..detection.residual_ensemble import ResidualEnsemble
from ..files.whole_file import write_whole
from ..serving.predictor import DETECTOR, VARIATIONAL, Predictor
from .onnx_detector import judged
from .onnx_graph import FEATURE, ML_OPSET, OPSET, Graph, onnx_module
from .onnx_imputer import imputed
from .onnx_network import check_exportable, passed, row_losses
from .onnx_rows import without_bias
from .onnx_tables import Port, decoded, encoded, input_ports, scaled, unscaled

NODES_OF = {"text": "STRING", "float32": "FLOAT", "float64": "DOUBLE", "bool": "BOOL"} | {
    "int64": "INT64"
}
"""ONNX's names of the types of inputs and outputs."""


def to_onnx(predictor: Predictor, path: str | PathLike[str] | None = None) -> Any:
    """A fitted model as an ``onnx.ModelProto`` of operator set 17 (``ai.onnx.ml`` 3).

    See `ae_core.Autoencoder.to_onnx`.
    """
    onnx = onnx_module()
    if path is not None:
        path = check_path("path", path)
    graph = Graph()
    ports = input_ports(predictor.n_features_in_, predictor._encoding)
    outputs = [
        (port, graph.named(port.name, value))
        for port, value in described(graph, predictor, [port.name for port in ports])
    ]
    clash = {port.name for port in ports} & {port.name for port, _ in outputs}
    if clash:
        raise ValueError(
            f"the column {sorted(clash)[0]!r} has the name of an output of the exported model: "
            "give it another before the fit"
        )
    helper = onnx.helper
    nodes = [
        helper.make_node(
            operator, inputs, names.split(","), name=f"node_{i}", domain=domain, **attributes
        )
        for i, (operator, inputs, names, domain, attributes) in enumerate(graph.nodes)
    ]
    constants = [_tensor(onnx, name, array) for name, array in graph.constants.items()]
    whole = helper.make_graph(
        nodes,
        f"ae_core_{predictor.kind}",
        [_value(onnx, port) for port in ports],
        [_value(onnx, port) for port, _ in outputs],
        constants,
    )
    model = helper.make_model(
        whole,
        opset_imports=[
            helper.make_opsetid("", OPSET),
            helper.make_opsetid("ai.onnx.ml", ML_OPSET),
        ],
        producer_name="ae_core",
        producer_version=__version__,
    )
    model.ir_version = 8  # what came with operator set 17
    onnx.checker.check_model(model, full_check=True)
    if path is not None:
        content = model.SerializeToString()
        write_whole(path, lambda file: file.write(content))
    return model


def described(graph: Graph, predictor: Predictor, inputs: list[str]) -> list[tuple[Port, str]]:
    """Put a model into a graph, from the names of its inputs; gives its outputs.

    Raises
    ------
    ValueError
        In one line, for what ONNX has no operators for.
    """
    encoding, is_detector = predictor._encoding, predictor.kind == DETECTOR
    if predictor._imputing is not None:
        return imputed(graph, predictor._imputing, inputs)
    if encoding is None:
        X = graph.double(inputs[0])
    else:
        X = encoded(graph, encoding, inputs, others=is_detector)
    if is_detector:
        return _of_detector(graph, predictor, X)
    network = predictor._network
    assert network is not None
    check_exportable(network.architecture, FEATURE)
    given = X
    X, bias = without_bias(graph, X, predictor._seeing)
    seen = scaled(graph, X, predictor._shift, predictor._factor, clip=predictor._clip)
    if predictor._missing is None:  # nothing may be missing: where it is, all that follows is NaN
        gap = graph.op("IsNaN", graph.row_sum(seen, keep=True))
    found = passed(graph, network, seen)
    k = network.architecture.n_components

    def known(value: str) -> str:
        if predictor._missing is not None:
            return value
        return graph.op("Where", gap, graph.constant(np.nan), value)

    outputs = [(Port("code", "float32", k), known(found.code))]
    if found.log_variance is not None:
        outputs.append((Port("log_variance", "float32", k), known(found.log_variance)))
    X_hat = unscaled(graph, found.X_hat, predictor._shift, predictor._factor)
    if bias is not None:
        X_hat = graph.op("Add", X_hat, bias)
    if encoding is None:
        n = predictor.n_features_in_
        outputs.append((Port("reconstruction", "float32", n), known(graph.single(X_hat))))
        if predictor._missing is not None:
            never = graph.constant(predictor._never[None], np.bool_)
            fill = graph.op("Where", never, graph.constant(np.nan, np.float64), X_hat)
            filled = graph.op("Where", graph.op("IsNaN", graph.single(given)), fill, given)
            outputs.append((Port("imputed", "float32", n), graph.single(filled)))
    else:
        outputs += decoded(graph, encoding, X_hat)
    if predictor.kind != VARIATIONAL:
        losses = row_losses(graph, network.architecture, seen, found)
        if predictor._missing is None:
            losses = graph.op(
                "Where", graph.op("IsNaN", graph.row_sum(seen)), graph.constant(np.nan), losses
            )
        outputs.append((Port("score", "float32", None), graph.op("Neg", losses)))
    return outputs


def _of_detector(graph: Graph, predictor: Predictor, X: str) -> list[tuple[Port, str]]:
    ensemble, encoding = predictor._ensemble, predictor._encoding
    if isinstance(ensemble, ResidualEnsemble):
        raise ValueError(
            f"this detector is from a file of version 0.1.0, which {FEATURE} do not read: fit it "
            "again"
        )
    entries = judged(graph, ensemble, X)  # (m, n_encoded) float64
    if predictor._missing is None:
        gap = graph.op("IsNaN", graph.row_sum(X, keep=True))
        entries = graph.op("Where", gap, graph.constant(np.nan, np.float64), entries)
    if encoding is not None:
        to_columns = encoding.summed(np.eye(encoding.n_with_others))  # (n_encoded, n_columns)
        entries = graph.op("MatMul", entries, graph.constant(to_columns, np.float64))
    score = graph.op("Neg", graph.row_sum(entries))
    is_odd = graph.op("Less", score, graph.constant(predictor.offset_, np.float64))
    odd, usual = (graph.constant(label, np.int64) for label in (-1, 1))
    return [
        (Port("label", "int64", None), graph.op("Where", is_odd, odd, usual)),
        (Port("score", "float32", None), graph.single(score)),
        (Port("contributions", "float32", predictor.n_features_in_), graph.single(entries)),
    ]


def _value(onnx: Any, port: Port) -> Any:
    shape: list[Any] = ["n_samples"] if port.width is None else ["n_samples", port.width]
    return onnx.helper.make_tensor_value_info(
        port.name, getattr(onnx.TensorProto, NODES_OF[port.kind]), shape
    )


def _tensor(onnx: Any, name: str, array: Any) -> Any:
    if array.dtype == object:
        return onnx.helper.make_tensor(
            name, onnx.TensorProto.STRING, array.shape, [text.encode() for text in array.ravel()]
        )
    return onnx.numpy_helper.from_array(array, name)
