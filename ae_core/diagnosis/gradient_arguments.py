"""Convert the arguments of `check_gradient` into a function, its parameters and data."""

from typing import Any

import numpy as np

from .._typing import Array
from ..data.checks import is_sparse
from ..data.rows import Rows
from ..network.reference import Network
from .gradient_calls import OLD_ORDER, Data, looks_nested
from .gradient_first_call import takes_old_order
from .nested import is_container, with_article


def resolved(function: Any, params: Any, X: Any) -> tuple[Any, Any, Any]:
    """A function (or a pair), its parameters and X: those of a network or of an estimator, too.

    Raises
    ------
    ValueError
        When it is something else, or one of them is missing.
    """
    if not callable(function) and (callable(params) or callable(X)):
        raise ValueError(
            f"function is {_what(function)}, and a later argument is a function: the function "
            "comes first, check_gradient(function, params, X)"
        )
    pair = isinstance(function, tuple | list)
    if pair and (len(function) != 2 or not all(callable(f) for f in function)):
        raise ValueError(
            "function is a sequence, but not of two functions: give (cost, gradient), each called "
            "as (params, X)"
        )
    if hasattr(function, "fit") and not isinstance(function, type):
        function, X = _held_network(function, params, X)
    if isinstance(function, Network):
        return _of_network(function, params, X)
    if not pair and (not callable(function) or isinstance(function, type) or _is_module(function)):
        raise ValueError(
            f"function is {_what(function)}: a function(params, X) -> (cost, gradient), "
            "a pair (cost, gradient) of functions, a Network or a fitted estimator is needed"
        )
    if callable(params):
        raise ValueError(
            "params is a function: two functions go in as one pair, "
            "check_gradient((cost, gradient), params, X)"
        )
    if params is None:
        raise ValueError("params is missing: give the parameters at which to check")
    return function, params, X


def _what(value: Any) -> str:
    """In words."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return "an array"
    if isinstance(value, type):
        return f"a class, {value.__name__}"
    own = " that holds parameters of its own" if _is_module(value) else ""
    return with_article(type(value).__name__) + own


def _is_module(value: Any) -> bool:
    """Whether it is like a module of PyTorch, which is called with data alone."""
    return callable(getattr(value, "parameters", None)) and not isinstance(value, type)


def _held_network(estimator: Any, params: Any, X: Any) -> tuple[Any, Any]:
    """The network that a fitted estimator holds, and X as the network sees it."""
    network = getattr(estimator, "network_", None)
    if network is None:
        ensemble = getattr(estimator, "ensemble_", None)
        network = None if ensemble is None else ensemble.networks[0]
    if network is None:
        what = f"function is {with_article(type(estimator).__name__)}"
        if hasattr(estimator, "_rows"):
            raise ValueError(f"{what} that is not fitted: call fit first")
        raise ValueError(
            f"{what}, which shows no gradient: give a function(params, X) -> (cost, gradient)"
        )
    if X is None:
        raise _without_rows(params, "estimator")
    return network, estimator._rows(X).take(slice(None), np.float64)


def _of_network(network: Network, params: Any, X: Any) -> tuple[Any, Any, Any]:
    if X is None:
        raise _without_rows(params, "network")
    architecture = network.architecture
    vector = network.params if params is None else np.asarray(params)
    if vector.shape != (architecture.n_params,):
        raise ValueError(
            f"params has shape {vector.shape}: a network has ({architecture.n_params},); "
            "check_gradient(network, X=X) takes its own"
        )
    params = architecture.views(np.array(vector, dtype=np.float64))
    # A float32 network is checked as its float64 copy: the formulas are the same, and differences
    # of float32 costs would be mostly rounding.
    double = type(network)(architecture, network.params, dtype=np.float64)

    def function(views: Any, X: Array) -> tuple[float, Any]:
        vector = np.concatenate([view.ravel() for view in views.values()])
        rows = Rows(X, missing="mask") if np.isnan(X).any() else X
        cost, gradient = double.loss_and_gradient(rows, params=vector)
        return cost, architecture.views(gradient)

    return function, params, X


def _without_rows(params: Any, what: str) -> ValueError:
    reason = "X is missing" if params is None else "X is missing (params come before X now)"
    return ValueError(f"{reason}: write check_gradient({what}, X=X)")


def as_data(function: Any, X: Any, y: Any, params: Any, axis: int) -> list[Data]:
    """The data in floats; and as they came, where they are of integers.

    Raises
    ------
    ValueError
        When they are no arrays with as many samples, or X can only be parameters.
    """
    if X is None:
        if y is not None:
            raise ValueError("y is given without X: a function of params alone closes over both")
        return [Data(None, None, axis)]
    if looks_nested(X):
        if not is_container(params) and takes_old_order(function, params, X):
            raise ValueError(OLD_ORDER)
        kind = type(X).__name__
        alone = "check_gradient(lambda p: function(p, X), params)"
        raise ValueError(
            f"X is a {kind} of arrays: one array with a sample per row is needed (targets go into "
            f"y); what takes several is checked as a function of params alone, {alone}"
        )
    for name, value in (("X", X), ("y", y)):
        if np.ma.is_masked(value):
            raise ValueError(
                f"{name} is a masked array, and functions are called with plain ones: put NaN "
                f"where it is masked, {name}.filled(np.nan), or hand the mask in as y"
            )
    X, y = _as_array(X, "X"), None if y is None else _as_array(y, "y")
    if X.dtype == object and X.ndim:
        try:
            X = X.astype(np.float64)  # a table with columns of several types
        except (TypeError, ValueError):
            raise ValueError("X has dtype object: numbers are needed") from None
    if X.dtype == object:
        raise ValueError(f"X is {_what(X.item())}: an array with a sample per row is needed")
    if X.dtype.kind in "USM":
        raise ValueError(f"X has dtype {X.dtype}: numbers are needed")
    if X.ndim == 0 or X.shape[min(axis, X.ndim - 1)] == 0:
        raise ValueError(f"X has shape {X.shape}: at least one row is needed")
    if X.ndim <= axis:
        raise ValueError(f"samples_axis={axis!r}: X has shape {X.shape}, and no such axis")
    n_rows = X.shape[axis]
    if y is not None and (y.ndim == 0 or y.shape[min(axis, y.ndim - 1)] != n_rows):
        raise ValueError(
            f"y has shape {y.shape}, and X has {n_rows} samples along axis {axis}: "
            "one label or target per sample is needed"
        )
    is_whole = X.dtype.kind in "iub"
    return [Data(x, y, axis) for x in ([X.astype(np.float64), X] if is_whole else [X])]


def _as_array(value: Any, name: str) -> Array:
    if is_sparse(value):
        raise ValueError(f"{name} is sparse: give {name}.toarray(), of a few rows")
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{name} has rows of different lengths: one array is needed") from None
