"""Is this gradient right? And if not, what kind of wrong is it?

`check_gradient` compares a gradient with central differences: on all rows together, on single rows
alone, and on one row repeated. One comparison says *whether* a gradient is wrong; the pattern over
these cases says *how* (see `ae_core.diagnosis.gradient_findings`). A check on one row alone, the
usual shortcut, cannot see a derivative of the first row that is used for all of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array, RandomState
from ..network.initialization import as_generator
from ..network.reference import Network
from .gradient_findings import ArrayCheck, CaseCheck, GradientCheck, explain

EPS = float(np.finfo(np.float64).eps)
STEP = EPS ** (1 / 3)  # balances rounding (EPS / h) and truncation (h²) of a central difference
ROUNDING = 20 * EPS  # how far a cost of size 1 may be off after a network's worth of operations

Function = Callable[[Any, Array], tuple[float, Any]]


def check_gradient(
    function: Function | Network,
    X: Any,
    params: Any = None,
    *,
    tolerance: float = 1e-6,
    max_elements: int = 50,
    max_rows: int = 8,
    random_state: RandomState = 0,
) -> GradientCheck:
    """Compare a gradient with central differences, and say in words what a difference means.

    Parameters
    ----------
    function : callable or Network
        Anybody's ``function(params, X) -> (cost, gradient)``, where the gradient is built as params
        is; or one of this package's networks, checked at its own parameters.
    X : array of shape (n_samples, …)
        Rows of data; give several that differ. If there is only one row (or all are equal), it is
        also checked beside a changed copy, for one row cannot show how rows are kept apart.
    params : array, or list, tuple or dict of arrays
        Where to check. List arrays in the order of the forward pass, so that a finding can say
        where on the way back an error enters.
    tolerance : float
        Largest relative error, ``|analytic - numeric| / max(|analytic|, |numeric|)``, that passes;
        what rounding alone can do to a central difference is allowed for besides.
    max_elements : int
        Elements checked per array (a random subset of larger ones).
    max_rows : int
        Single rows checked alone (a random subset of more).
    random_state : None, int, Generator or RandomState
        For the subsets.

    Returns
    -------
    GradientCheck
        ``passed``, ``findings`` (sentences), ``arrays`` (per array its worst element), ``cases``;
        prints as a report.

    Raises
    ------
    ValueError
        When the function does not return a finite cost and a gradient shaped like params.

    Notes
    -----
    Central differences in float64 with step ``eps**(1/3) * max(1, |p|)``. An element that differs
    is looked at again with smaller steps, and where the cost has a kink (relu at 0), any slope
    between the one-sided ones is right.

    Examples
    --------
    >>> import numpy as np
    >>> def cost(w, X):
    ...     residual = X @ w - 1
    ...     return residual @ residual / (2 * len(X)), X.T @ residual  # forgot to divide by len(X)
    >>> check = check_gradient(cost, np.arange(6.0).reshape(3, 2) / 5, np.array([0.3, 0.1]))
    >>> check.passed
    False
    >>> print(check.findings[0])
    The gradient is 3 times too large, and there are 3 rows: it was not divided by the number of \
rows, as the cost is.
    """
    if not tolerance > 0:
        raise ValueError(f"tolerance={tolerance!r}: must be above 0")
    for argument, value in (("max_elements", max_elements), ("max_rows", max_rows)):
        if value < 1:
            raise ValueError(f"{argument}={value!r}: must be at least 1")
    if callable(function):
        if params is None:
            raise ValueError("params is missing: give the parameters at which to check")
    else:
        network = function
        if params is None:
            params = network.params
        params = network.architecture.views(np.array(params, dtype=np.float64))
        function = _as_function(network)
    X = np.asarray(X)
    if X.dtype.kind in "iub":
        X = X.astype(np.float64)
    if X.ndim == 0 or len(X) == 0:
        raise ValueError(f"X has shape {X.shape}: at least one row is needed")
    structure = Structure(params)
    random = as_generator(random_state)
    elements = [_some(random, size, max_elements) for size in structure.sizes]

    def check(label: str, rows: Array) -> CaseCheck:
        return _check_case(label, function, structure, rows, elements, tolerance)

    singles = [
        check(f"row {i} alone", X[i : i + 1]) for i in _some(random, len(X), max_rows).tolist()
    ]
    if (X[:1] == X).all():
        X_all = np.concatenate([X, X[:1] * random.uniform(0.5, 0.9, X[:1].shape)])
        together = check("X beside a changed copy of its row", X_all)
    else:
        together = check(f"{len(X)} rows together", X)
    repeated = check("one row three times", np.repeat(X[:1], 3, axis=0))
    findings = explain(together, singles, repeated)
    return GradientCheck([together, *singles, repeated], findings, tolerance)


class Structure:
    """Parameters as somebody keeps them (array, list, tuple, dict), and as one flat vector."""

    def __init__(self, params: Any) -> None:
        self.kind = type(params)
        if isinstance(params, dict):
            self.names, arrays = [str(key) for key in params], list(params.values())
            self.keys = list(params)
        elif isinstance(params, list | tuple):
            self.names, arrays = [f"params[{i}]" for i in range(len(params))], list(params)
        else:
            self.names, arrays = ["params"], [params]
        arrays = [np.asarray(a) for a in arrays]
        for name, array in zip(self.names, arrays, strict=True):
            if array.dtype.kind not in "fiu":
                raise ValueError(f"{name} has dtype {array.dtype}: real numbers are needed")
        self.shapes = [a.shape for a in arrays]
        self.sizes = [a.size for a in arrays]
        self.vector = self._concatenate(arrays)

    def build(self, vector: Array) -> Any:
        """The flat vector as the caller keeps parameters; fresh arrays, safe to change."""
        pieces = np.split(vector, np.cumsum(self.sizes)[:-1])
        arrays = [p.reshape(s).copy() for p, s in zip(pieces, self.shapes, strict=True)]
        if issubclass(self.kind, dict):
            return dict(zip(self.keys, arrays, strict=True))
        if issubclass(self.kind, list | tuple):
            return arrays if issubclass(self.kind, list) else tuple(arrays)
        return arrays[0]

    def flatten(self, gradient: Any) -> Array:
        """A gradient, built as the parameters are, as a flat vector."""
        if issubclass(self.kind, dict):
            if not isinstance(gradient, dict) or set(gradient) != set(self.keys):
                raise ValueError(f"the gradient must be a dict with the keys {self.keys}")
            arrays = [np.asarray(gradient[key]) for key in self.keys]
        elif issubclass(self.kind, list | tuple):
            if not isinstance(gradient, list | tuple) or len(gradient) != len(self.shapes):
                raise ValueError(f"the gradient must be a list of {len(self.shapes)} arrays")
            arrays = [np.asarray(g) for g in gradient]
        else:
            arrays = [np.asarray(gradient)]
        for name, array, shape in zip(self.names, arrays, self.shapes, strict=True):
            if array.shape != shape:
                hint = " (transposed?)" if array.shape == shape[::-1] else ""
                raise ValueError(
                    f"the gradient of {name} has shape {array.shape}{hint}: {name} has {shape}"
                )
        return self._concatenate(arrays)

    @staticmethod
    def _concatenate(arrays: list[Array]) -> Array:
        if not arrays:
            raise ValueError("params is empty: there is nothing to check")
        return np.concatenate([a.ravel().astype(np.float64) for a in arrays])


class Slopes(NamedTuple):
    """Difference quotients of the cost along one parameter."""

    central: float
    left: float
    right: float
    noise: float
    """What rounding can have done to `central`."""


def _as_function(network: Network) -> Function:
    # A float32 network is checked as its float64 copy: the formulas are the same, and differences
    # of float32 costs would be mostly rounding.
    double = type(network)(network.architecture, network.params, dtype=np.float64)

    def function(views: Any, X: Array) -> tuple[float, Any]:
        vector = np.concatenate([view.ravel() for view in views.values()])
        cost, gradient = double.loss_and_gradient(X, params=vector)
        return cost, double.architecture.views(gradient)

    return function


def _some(random: Any, size: int, limit: int) -> Array:
    """Indices 0 … size - 1, or `limit` of them drawn at random, in order."""
    if size <= limit:
        return np.arange(size)
    return np.sort(random.choice(size, limit, replace=False))


def _check_case(
    label: str,
    function: Any,
    structure: Structure,
    X: Array,
    elements: list[Array],
    tolerance: float,
) -> CaseCheck:
    def evaluate(vector: Array) -> tuple[float, Any]:
        cost, gradient = function(structure.build(vector), X)
        if np.ndim(cost) != 0 or not np.isfinite(cost):
            raise ValueError(f"on {label} the cost is {cost!r}: a finite number is needed")
        return float(cost), gradient

    def slopes(i: int, relative_step: float) -> Slopes:
        def cost_at(p: float) -> float:
            vector = structure.vector.copy()
            vector[i] = p
            return evaluate(vector)[0]

        p = structure.vector[i]
        h = relative_step * max(1.0, abs(p))
        above, below = p + h, p - h  # as stored; their true distance is what divides
        cost_above, cost_below = cost_at(above), cost_at(below)
        left, right = (cost - cost_below) / (p - below), (cost_above - cost) / (above - p)
        # Rounding of the cost, and of the parameters: the latter moves the slope by as much as it
        # is curved, and is what remains at a minimum, where cost and slope are almost nothing.
        noise = ROUNDING * (
            max(abs(cost_above), abs(cost_below)) / h + abs(right - left) / relative_step
        )
        return Slopes((cost_above - cost_below) / (above - below), left, right, noise)

    cost, gradient = evaluate(structure.vector)
    analytic = structure.flatten(gradient)
    checks, start = [], 0
    for name, shape, size, chosen in zip(
        structure.names, structure.shapes, structure.sizes, elements, strict=True
    ):
        pairs = [
            _compare(partial(slopes, start + i), analytic[start + i], tolerance)
            for i in chosen.tolist()
        ]
        checks.append(
            ArrayCheck(
                name=name,
                shape=shape,
                elements=chosen,
                analytic=analytic[start : start + size],
                numeric=np.array([numeric for numeric, _ in pairs]),
                errors=np.array([error for _, error in pairs]),
                tolerance=tolerance,
            )
        )
        start += size
    return CaseCheck(label, len(X), X[0].size, checks)


def _compare(
    slopes: Callable[[float], Slopes], analytic: float, tolerance: float
) -> tuple[float, float]:
    """The numeric derivative and its relative error; a second look at what seems wrong."""
    first = slopes(STEP)
    error = _relative_error(analytic, first.central, first.noise, tolerance)
    if error <= tolerance:
        return first.central, error
    best_doubt, numeric, noise = np.inf, first.central, first.noise
    for step in (STEP, STEP / 8, STEP / 64):
        whole, half = slopes(step), slopes(step / 2)
        # Truncation falls fourfold with half the step: what is left of it, and a kink within the
        # step, shows in how far the two quotients are apart.
        doubt = abs(whole.central - half.central) / 3 + half.noise
        if doubt < best_doubt:
            best_doubt = doubt
            numeric, noise = half.central, doubt
        jump, jump_half = whole.right - whole.left, half.right - half.left
        is_kink = abs(jump_half) > 0.9 * abs(jump) > 1e-3 * abs(whole.central) + 10 * whole.noise
        low, high = sorted((half.left, half.right))
        if is_kink and low - half.noise <= analytic <= high + half.noise:
            return analytic, 0.0
    return numeric, _relative_error(analytic, numeric, noise, tolerance)


def _relative_error(analytic: float, numeric: float, noise: float, tolerance: float) -> float:
    if not np.isfinite(analytic):
        return np.inf
    difference, size = abs(analytic - numeric), max(abs(analytic), abs(numeric))
    if difference > tolerance * size + noise:
        return difference / size
    # Right: what rounding can have done must not push the error above the tolerance.
    return difference / (size + noise / tolerance) if difference > 0 else 0.0
