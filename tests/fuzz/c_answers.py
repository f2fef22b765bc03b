"""What Python gives for rows that the C interface is given."""

import numpy as np

from ae_core.data.encoded_columns import whole_limits
from ae_core.data.encoding import Encoding
from ae_core.data.rows import Rows
from ae_core.data.scaling import saturated, undo_scaling

from .c_models import Model


def _scaled(rows: Rows, X_hat: np.ndarray) -> np.ndarray:
    """Back in the units of the data, in doubles as the C interface has them, in the type's range."""
    in_doubles = undo_scaling(X_hat.astype(np.float64), rows.shift, rows.factor)
    return saturated(in_doubles, X_hat.dtype)


def encoded(
    encoding: Encoding, X: np.ndarray, has_missing: bool, others: bool
) -> np.ndarray | None:
    """What the encoding makes of rows of doubles; None where the C interface refuses them."""
    cells = {}
    for j, column in enumerate(encoding.columns):
        values = X[:, j].astype(object)
        if column.kind != "number":
            known = (False, True) if column.kind == "flag" else column.categories
            for i, x in enumerate(X[:, j].tolist()):
                if x == -1 and column.kind != "flag" and (has_missing or others):
                    values[i] = object()  # equal to nothing that is known
                elif x == x and (not 0 <= x < len(known) or x % 1):
                    return None
                else:
                    values[i] = None if x != x else known[int(x)]
        cells[column.name] = values
    try:
        return encoding.encode_cells(cells, has_missing=has_missing, others=others)
    except ValueError:
        return None


def _nothing_seen(X: np.ndarray, rows: Rows) -> bool:
    return rows.missing == "mask" and bool(np.isnan(X).all())


def of_python(model: Model, name: str, X: np.ndarray) -> tuple[np.ndarray, ...] | None:
    """What Python gives for rows, or None where they have to be refused."""
    network, encoding = model.network, model.encoding
    if model.detector is not None:
        return _of_detector(model, name, X)
    if encoding is not None:
        found = encoded(encoding, X, model.has_missing, False)
        if found is None:
            return None
        X = found
    try:
        rows = model.see(X)
        if np.isinf(rows.take(slice(None), network.dtype)).any():
            return None
        if name == "ae_forward":
            X_hat = _scaled(rows, network.forward(rows))
            return (X_hat if encoding is None else _decoded(encoding, X_hat),)
        if name == "ae_encode":
            return (network.encode(rows),)
        if name == "ae_reconstruction_errors":
            if _nothing_seen(X, rows):
                return (np.zeros(len(X)),)
            return (network.reconstruction_errors(rows),)
        loss, gradient = network.loss_and_gradient(rows)
        return np.array([loss]), gradient
    except ValueError:
        return None


def _decoded(encoding: Encoding, X_hat: np.ndarray) -> np.ndarray:
    """A reconstruction as rows of doubles, of categories the most probable ones."""
    decoded = np.empty((len(X_hat), len(encoding.columns)), X_hat.dtype)
    for j, (column, start) in enumerate(zip(encoding.columns, encoding.starts, strict=False)):
        own = X_hat[:, start : start + column.width]
        if column.kind == "category":
            decoded[:, j] = own.argmax(axis=1)
        elif column.kind == "flag":
            decoded[:, j] = own[:, 0] >= 0.5
        else:
            limits = whole_limits(column.dtype)
            decoded[:, j] = own[:, 0] if limits is None else np.rint(own[:, 0]).clip(*limits)
    return decoded


def _of_detector(model: Model, name: str, X: np.ndarray) -> tuple[np.ndarray, ...] | None:
    table: np.ndarray | None = X
    if model.encoding is not None:
        table = encoded(model.encoding, X, model.has_missing, True)
    try:
        rows = None if table is None else Rows(table, missing="mask" if model.has_missing else None)
    except ValueError:
        rows = None
    if rows is None:
        return None
    scores = model.detector.ensemble_.scores(rows)
    if name == "ae_outlier_scores":
        return (scores,)
    return (np.where(scores > model.detector.threshold_, -1, 1).astype(np.intc),)
