"""Imputers as ONNX: shown entries and their mask through each network, then the mean."""

import numpy as np

from ..serving.filling import FARTHEST
from ..serving.imputing import Imputing
from .onnx_graph import FEATURE, Value, side_by_side, where
from .onnx_network import passed
from .onnx_tables import Port, scaled, unscaled


def imputed(imputing: Imputing, given: Value) -> list[Port]:
    """The outputs of an imputer of numbers (m, n).

    ``imputed``, and with ``add_indicator`` ``indicator``: 1 where something was missing.

    Raises
    ------
    ValueError
        For one of mixed columns.
    """
    if imputing.encoding is not None:
        raise ValueError(
            f"columns='mixed': {FEATURE} fill in numbers only; use ae_core.Predictor for this model"
        )
    filling = imputing.filling
    X = given.double()
    missing = is_nan = given.isnan()  # (m, n)
    if imputing.is_number_marked:
        missing = X.equals(imputing.marker)
    seen = scaled(X, filling.shift, filling.factor, clip=False)
    shown = where(missing, 0, seen).op("Clip", -FARTHEST, FARTHEST)
    beside = side_by_side([shown, (~missing).single()])  # (m, 2 n)
    networks = filling.networks.networks
    total = passed(networks[0], None, beside).X_hat.double()
    for network in networks[1:]:
        total = total + passed(network, None, beside).X_hat.double()
    X_hat = unscaled(total / len(networks), filling.shift, filling.factor)
    limited = X_hat.op("Max", filling.low[None]).op("Min", filling.high[None])
    filled = where(missing, limited, X).single()
    if imputing.is_number_marked:  # NaN is refused, and here all of such a row is NaN
        filled = where(is_nan.single().row_sum(keep=True) > 0.0, np.nan, filled)
    kept = np.flatnonzero(imputing.kept)
    outputs = [Port("imputed", filled.take(kept), len(kept))]
    if imputing.indicated is not None and len(imputing.indicated):
        marks = missing.single().take(imputing.indicated)
        outputs.append(Port("indicator", marks, len(imputing.indicated)))
    return outputs
