"""A detector's judgement as ONNX: what `ae_core.detection.ensemble` computes."""

import numpy as np

from ..data.robust_scaling import FARTHEST, LINEAR_UNTIL, SAME, RobustScaling
from ..detection.ensemble import Ensemble, Member
from ..detection.neighbours import NEIGHBOUR
from .onnx_graph import Value, side_by_side, where
from .onnx_network import passed


def judged(ensemble: Ensemble, X: Value) -> Value:
    """How unusual each entry of X (m, n_features) float64, NaN where missing, is: the same shape.

    The score of a row is minus the sum.
    """
    block, changed = _scaled(ensemble.scaling, X)
    first, *others = [_contributions(member, block) for member in ensemble.members]
    mean = first.op("Sum", *others) / len(ensemble.members)
    return mean if changed is None else mean + changed * ensemble.changed


def _scaled(scaling: RobustScaling, X: Value) -> tuple[Value, Value | None]:
    """As networks see X, (m, n) float32; and 1 where a constant has changed, (m, n) float64."""
    near = X.like(LINEAR_UNTIL)
    from_shift = X - scaling.shift
    Z = from_shift * scaling.factor
    size = abs(Z)
    # Below `near` the logarithm is not taken; there 0 keeps it defined.
    beyond = (size.op("Min", FARTHEST) - near).op("Max", 0.0)
    slow = near + (beyond + 1.0).op("Log")
    Z = where(size > near, Z.op("Sign") * slow, Z)
    Z = Z * scaling.varies  # NaN stays
    constants = scaling.is_seen & ~scaling.varies
    if not constants.any():
        return Z.single(), None
    allowed = np.where(constants, SAME * np.abs(scaling.shift), np.inf)
    changed = abs(from_shift) > allowed
    return Z.single(), changed.double()


def _contributions(member: Member, block: Value) -> Value:
    """What each column has of the distance of scaled rows, NaN where unseen: (m, n) float64."""
    n_code = len(member.code_spread)
    P = member.references.points.astype(np.float64)
    scale, usual = member.scale_and_usual
    unseen = block.isnan()
    seen = (~unseen).single()
    found = passed(member.network, block)
    residuals = (found.X_hat - where(unseen, 0, block)) * seen / usual
    queries = side_by_side([found.code * scale, residuals]).double()  # (m, n_code + n)
    share = seen.op("ReduceMean", axes=[1], keepdims=1)  # (m, 1)
    nothing = share.equals(0.0)
    is_some = (~nothing).single() * np.ones((1, n_code))
    of_columns = seen / where(nothing, 1.0, share)
    weights = side_by_side([is_some, of_columns]).double()
    # (m, n_references), less what is the same for all
    squared = (queries * weights) @ (-2 * P.T) + weights @ np.square(P).T
    rank = min(NEIGHBOUR, len(P))
    count = block.graph.constant([rank], np.int64)
    dtypes = [np.float64, np.int64]
    _, order = squared.outputs("TopK", count, dtypes=dtypes, axis=1, largest=0, sorted=1)
    which = order.take(rank - 1)  # (m,)
    d = queries - queries.like(P).take(which, axis=0)
    squares = d * d * weights
    of_code = squares.take(range(n_code)).row_sum(keep=True)  # (m, 1)
    own = squares.take(range(n_code, P.shape[1]))  # (m, n)
    d = (found.X_hat - block.like(member._reconstructed_references).take(which, axis=0)) * seen
    parts = own + of_code * _shares((d * d).double(), seen)
    whole = parts.row_sum(keep=True)
    safe = where(whole > 0.0, whole, 1.0)
    root = squares.row_sum(keep=True).op("Sqrt") / member.unit
    return parts * (root / safe)


def _shares(differences: Value, seen: Value) -> Value:
    """Each column's share of a row's differences (m, n); of none, evenly among what is seen."""
    total = differences.row_sum(keep=True)
    is_some = total > 0.0
    count = seen.double().row_sum(keep=True).op("Max", 1.0)
    evenly = seen.double() / count
    return where(is_some, differences / where(is_some, total, 1.0), evenly)
