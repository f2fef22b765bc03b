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
from .onnx_graph import FEATURE, ML_OPSET, OPSET, Graph, Value, onnx_module, where
from .onnx_imputer import imputed
from .onnx_network import LOSS_NODES, passed, row_losses
from .onnx_tables import Port, decoded, encoded, input_ports, scaled, unscaled, without_bias


def to_onnx(predictor: Predictor, path: str | PathLike[str] | None = None) -> Any:
    """A fitted model as an ``onnx.ModelProto`` of operator set 17 (``ai.onnx.ml`` 3).

    See `ae_core.Autoencoder.to_onnx`.
    """
    onnx = onnx_module()
    if path is not None:
        path = check_path("path", path)
    graph = Graph()
    ports = input_ports(graph, predictor.n_features_in_, predictor._encoding)
    outputs = described(predictor, [port.value for port in ports])
    for port in outputs:
        graph.name(port.value, port.name)
    clash = {port.name for port in ports} & {port.name for port in outputs}
    if clash:
        raise ValueError(
            f"the column {sorted(clash)[0]!r} has the name of an output of the exported model: "
            "give it another before the fit"
        )
    helper = onnx.helper
    nodes = [
        helper.make_node(operator, inputs, names, name=f"node_{i}", domain=domain, **attributes)
        for i, (operator, inputs, names, domain, attributes) in enumerate(graph.nodes)
    ]
    whole = helper.make_graph(
        nodes,
        f"ae_core_{predictor.kind}",
        [_described(onnx, port) for port in ports],
        [_described(onnx, port) for port in outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
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


def described(predictor: Predictor, inputs: list[Value]) -> list[Port]:
    """The outputs of a model, computed from its inputs.

    Raises
    ------
    ValueError
        In one line, for what ONNX has no operators for.
    """
    encoding, is_detector = predictor._encoding, predictor.kind == DETECTOR
    if predictor._imputing is not None:
        return imputed(predictor._imputing, inputs[0])
    if encoding is None:
        given = inputs[0].double()
    else:
        given = encoded(encoding, inputs, others=is_detector)
    if is_detector:
        return _of_detector(predictor, given)
    network, seeing = predictor._network, predictor._seeing
    allows_missing = predictor._missing is not None
    assert network is not None
    if any(group.loss not in LOSS_NODES for group in network.architecture.output_groups):
        raise ValueError(
            f"loss='negative_binomial': {FEATURE} do not have it; use ae_core.Predictor for this "
            "model"
        )
    X, bias = without_bias(given, seeing)
    seen = scaled(X, seeing.shift, seeing.factor, clip=seeing.clips)
    gap = None if allows_missing else seen.row_sum(keep=True).isnan()  # in a row, (m, 1)
    found = passed(network, seen)
    n, k = predictor.n_features_in_, network.architecture.n_components

    def known(value: Value) -> Value:
        """NaN where an entry of the row is NaN that may not be."""
        return value if gap is None else where(gap, np.nan, value)

    outputs = [Port("code", known(found.code), k)]
    if found.log_variance is not None:
        outputs.append(Port("log_variance", known(found.log_variance), k))
    X_hat = unscaled(found.X_hat, seeing.shift, seeing.factor)
    if bias is not None:
        X_hat = X_hat + bias
    if encoding is not None:
        outputs += decoded(encoding, X_hat)
    else:
        outputs.append(Port("reconstruction", known(X_hat.single()), n))
        if allows_missing:
            never = X_hat.graph.constant(predictor._never[None], np.bool_)
            fill = where(never, np.nan, X_hat)
            outputs.append(Port("imputed", where(given.single().isnan(), fill, given).single(), n))
    if predictor.kind != VARIATIONAL:
        losses = row_losses(network.architecture, seen, found)
        if not allows_missing:
            losses = where(seen.row_sum().isnan(), np.nan, losses)
        outputs.append(Port("score", -losses, None))
    return outputs


def _of_detector(predictor: Predictor, X: Value) -> list[Port]:
    ensemble, encoding = predictor._ensemble, predictor._encoding
    if isinstance(ensemble, ResidualEnsemble):
        raise ValueError(
            f"this detector is from a file of version 0.1.0, which {FEATURE} do not read: fit it "
            "again"
        )
    entries = judged(ensemble, X)  # (m, n_encoded) float64
    if predictor._missing is None:
        entries = where(X.row_sum(keep=True).isnan(), np.nan, entries)
    if encoding is not None:
        entries = entries @ encoding.summed(np.eye(encoding.n_with_others))  # (m, n_columns)
    score = -entries.row_sum()
    is_odd = score < predictor.offset_
    odd, usual = (X.graph.constant(label, np.int64) for label in (-1, 1))
    return [
        Port("label", where(is_odd, odd, usual), None),
        Port("score", score.single(), None),
        Port("contributions", entries.single(), predictor.n_features_in_),
    ]


def _described(onnx: Any, port: Port) -> Any:
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(port.value.dtype))
    shape: list[Any] = ["n_samples"] if port.width is None else ["n_samples", port.width]
    return onnx.helper.make_tensor_value_info(port.name, kind, shape)
