"""A detector's judgement as ONNX: what `ae_core.detection.ensemble` computes."""

import numpy as np

from ..data.robust_scaling import FARTHEST, LINEAR_UNTIL, SAME, RobustScaling
from ..detection.ensemble import Ensemble, Member
from ..detection.neighbours import NEIGHBOUR
from .onnx_graph import Graph
from .onnx_network import passed


def judged(graph: Graph, ensemble: Ensemble, X: str) -> str:
    """How unusual each entry of X (m, n_features) float64, NaN where missing, is: the same shape.

    The score of a row is minus the sum.
    """
    block, changed = _scaled(graph, ensemble.scaling, X)
    total = graph.op("Sum", *(_contributions(graph, member, block) for member in ensemble.members))
    total = graph.op("Div", total, graph.constant(len(ensemble.members), np.float64))
    if changed is None:
        return total
    extra = graph.op("Mul", changed, graph.constant(ensemble.changed, np.float64))
    return graph.op("Add", total, extra)


def _scaled(graph: Graph, scaling: RobustScaling, X: str) -> tuple[str, str | None]:
    """As networks see X, (m, n) float32; and 1 where a constant has changed, (m, n) float64."""
    near, shift = (
        graph.constant(LINEAR_UNTIL, np.float64),
        graph.constant(scaling.shift, np.float64),
    )
    from_shift = graph.op("Sub", X, shift)
    Z = graph.op("Mul", from_shift, graph.constant(scaling.factor, np.float64))
    size = graph.op("Abs", Z)
    beyond = graph.op("Sub", graph.op("Min", size, graph.constant(FARTHEST, np.float64)), near)
    # Below `near` the logarithm is not taken; there 0 keeps it defined.
    beyond = graph.op("Max", beyond, graph.constant(0.0, np.float64))
    slow = graph.op(
        "Add", near, graph.op("Log", graph.op("Add", beyond, graph.constant(1.0, np.float64)))
    )
    is_far = graph.op("Greater", size, near)
    Z = graph.op("Where", is_far, graph.op("Mul", graph.op("Sign", Z), slow), Z)
    Z = graph.op("Mul", Z, graph.constant(scaling.varies, np.float64))  # NaN stays
    constants = scaling.is_seen & ~scaling.varies
    if not constants.any():
        return graph.single(Z), None
    allowed = np.where(constants, SAME * np.abs(scaling.shift), np.inf)
    changed = graph.op("Greater", graph.op("Abs", from_shift), graph.constant(allowed, np.float64))
    return graph.single(Z), graph.double(changed)


def _contributions(graph: Graph, member: Member, block: str) -> str:
    """What each column has of the distance of scaled rows, NaN where unseen: (m, n) float64."""
    n_code = len(member.code_spread)
    points = member.references.points
    scale, usual = member.scale_and_usual
    unseen = graph.op("IsNaN", block)
    seen = graph.single(graph.op("Not", unseen))
    found = passed(graph, member.network, block)
    residuals = graph.op("Sub", found.X_hat, graph.zero_where(unseen, block))
    residuals = graph.op("Div", graph.op("Mul", residuals, seen), graph.constant(usual))
    codes = graph.op("Mul", found.code, graph.constant(scale))
    queries = graph.double(graph.side_by_side([codes, residuals]))  # (m, n_code + n)
    share = graph.op("ReduceMean", seen, axes=[1], keepdims=1)  # (m, 1)
    nothing = graph.op("Equal", share, graph.constant(0.0))
    is_some = graph.op(
        "Mul", graph.single(graph.op("Not", nothing)), graph.constant(np.ones((1, n_code)))
    )
    of_columns = graph.op("Div", seen, graph.op("Where", nothing, graph.constant(1.0), share))
    weights = graph.double(graph.side_by_side([is_some, of_columns]))
    P = points.astype(np.float64)
    squared = graph.op(
        "Add",
        graph.op("MatMul", graph.op("Mul", queries, weights), graph.constant(-2 * P.T, np.float64)),
        graph.op("MatMul", weights, graph.constant(np.square(P).T, np.float64)),
    )  # (m, n_references), less what is the same for all
    rank = min(NEIGHBOUR, len(P))
    count = graph.constant([rank], np.int64)
    _, order = graph.outputs("TopK", squared, count, n=2, axis=1, largest=0, sorted=1)
    which = graph.op("Gather", order, graph.constant(rank - 1, np.int64), axis=1)  # (m,)
    nearest = graph.op("Gather", graph.constant(P, np.float64), which, axis=0)
    d = graph.op("Sub", queries, nearest)
    squares = graph.op("Mul", graph.op("Mul", d, d), weights)
    of_code = graph.row_sum(graph.columns(squares, range(n_code)), keep=True)  # (m, 1)
    own = graph.columns(squares, range(n_code, P.shape[1]))  # (m, n)
    theirs = graph.op("Gather", graph.constant(member._reconstructed_references), which, axis=0)
    d = graph.op("Mul", graph.op("Sub", found.X_hat, theirs), seen)
    differences = graph.double(graph.op("Mul", d, d))
    parts = graph.op("Add", own, graph.op("Mul", of_code, _shares(graph, differences, seen)))
    zero, one = graph.constant(0.0, np.float64), graph.constant(1.0, np.float64)
    whole = graph.row_sum(parts, keep=True)
    safe = graph.op("Where", graph.op("Greater", whole, zero), whole, one)
    root = graph.op("Sqrt", graph.row_sum(squares, keep=True))
    root = graph.op("Div", root, graph.constant(member.unit, np.float64))
    return graph.op("Mul", parts, graph.op("Div", root, safe))


def _shares(graph: Graph, differences: str, seen: str) -> str:
    """Each column's share of a row's differences (m, n); of none, evenly among what is seen."""
    zero, one = graph.constant(0.0, np.float64), graph.constant(1.0, np.float64)
    total = graph.row_sum(differences, keep=True)
    is_some = graph.op("Greater", total, zero)
    count = graph.op("Max", graph.row_sum(graph.double(seen), keep=True), one)
    evenly = graph.op("Div", graph.double(seen), count)
    shares = graph.op("Div", differences, graph.op("Where", is_some, total, one))
    return graph.op("Where", is_some, shares, evenly)
