"""Calling somebody's function for its cost and gradient, and saying what is wrong with the call.

A function is handed copies, and what it does to them is looked at; what comes back is taken apart
here, so that nobody has to read another library's error about unpacking.
"""

import inspect
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .._typing import Array
from .nested import Nested, is_container

OLD_ORDER = (
    "X and params are in the old order: params come first now, as in function(params, X): "
    "write check_gradient(function, params, X)"
)
FORM = "(cost, gradient)"


class Misreturned(ValueError):
    """A function returned something other than a finite cost and a gradient."""


class NotFinite(Misreturned):
    """A cost is NaN or infinite."""


class Sample:
    """Some rows of X, and of y: what a function is called with besides the parameters."""

    def __init__(self, label: str, n_rows: int, arrays: dict[str, Array]) -> None:
        self.label, self.n_rows = label, n_rows
        self.arrays = arrays
        self.is_new = False  # whether rows were added to the caller's
        self._lent = {name: array.copy() for name, array in arrays.items()}

    @property
    def n_features(self) -> int:
        """How many numbers a row of X has; 0 without X."""
        return self.arrays["X"].size // self.n_rows if self.arrays else 0

    @property
    def row(self) -> Array:
        """X as one flat vector of floats: of a single row, what goes into the first layer."""
        return self.arrays["X"].ravel().astype(np.float64)

    def lend(self) -> list[Array]:
        """Copies of X and y for one call."""
        return list(self._lent.values())

    def taken_back(self) -> set[str]:
        """Restore the copies that the function changed in place; return their names."""
        changed = {n for n, a in self.arrays.items() if not same_arrays(self._lent[n], a)}
        for name in changed:
            self._lent[name] = self.arrays[name].copy()
        return changed


class Data:
    """X and y, from which the same rows are taken.

    Parameters
    ----------
    X, y : array or None
    axis : int
        Along which the samples lie. A y with fewer axes has them along its last.
    """

    def __init__(self, X: Array | None, y: Array | None, axis: int) -> None:
        self.arrays = {n: a for n, a in (("X", X), ("y", y)) if a is not None}
        self.axes = {n: min(axis, a.ndim - 1) for n, a in self.arrays.items()}
        self.n_rows = 1 if X is None else X.shape[axis]

    def take(self, which: Sequence[int], label: str, of: Sample | None = None) -> Sample:
        """Those rows (indices, which may come more than once), of a sample or of all the data."""
        arrays = (self if of is None else of).arrays
        taken = {n: np.take(a, which, axis=self.axes[n]) for n, a in arrays.items()}
        return Sample(label, len(which), taken)

    def all(self, label: str = "") -> Sample:
        """All rows."""
        return Sample(label, self.n_rows, self.arrays)

    def has_equal_rows(self) -> bool:
        """Whether all rows of X are equal (or there is only one), so that a changed copy helps."""
        X, axis = self.arrays["X"], self.axes["X"]
        return bool((np.take(X, [0], axis=axis) == X).all()) and X.dtype.kind == "f"

    def with_changed_copy(self, random: Any, label: str) -> Sample:
        """All rows, and the first one changed."""
        arrays = self.take([*range(self.n_rows), 0], label).arrays
        last = np.moveaxis(arrays["X"], self.axes["X"], 0)[-1:]
        last *= random.uniform(0.5, 0.9, last.shape)
        return Sample(label, self.n_rows + 1, arrays)

    def mixed(self, weights: Array, which: Any, label: str) -> Sample:
        """New rows of X, weighted sums (n_new, n_rows) of its own, with the y of the rows `which`.

        Where X is not of floats, the rows `which` themselves.
        """
        sample = self.take(which, label)
        X, axis = self.arrays["X"], self.axes["X"]
        if X.dtype.kind == "f":
            new = np.tensordot(weights, X, axes=(1, axis))
            sample = Sample(label, len(which), {**sample.arrays, "X": np.moveaxis(new, 0, axis)})
        return sample


class Result(NamedTuple):
    """What came back from one call."""

    cost: float
    gradient: Array
    """(n_params,) float64"""
    types: frozenset[str]
    """Names of the dtypes that cost and gradient came in."""


class Subject:
    """A function under test: called with copies, its results as numbers.

    Parameters
    ----------
    function : callable, or a pair of callables
        ``function(params, X, y) -> (cost, gradient)``, without X and y where there are none; or a
        function for each.
    structure : Nested
        How the caller keeps parameters.
    """

    def __init__(self, function: Any, structure: Nested) -> None:
        is_pair = isinstance(function, tuple | list)
        self.functions: list[Any] = list(function) if is_pair else [function]
        self.structure = structure
        self.dtypes: list[Any] | None = (
            None  # None: float64; else the only ones that the function takes
        )
        self.changed: set[str] = set()
        """Arguments that the function has changed in place."""

    def __call__(self, vector: Array, sample: Sample) -> Result:
        """Cost and gradient at a flat vector of parameters.

        Raises
        ------
        ValueError
            When something else comes back.
        """
        came = tuple(self._call(f, vector, sample) for f in self.functions)
        return taken_apart(came if len(came) > 1 else came[0], self.structure, sample)

    def cost(self, vector: Array, sample: Sample) -> float:
        """The cost alone."""
        came = self._call(self.functions[0], vector, sample)
        return _as_cost(came if len(self.functions) > 1 else came[0], sample)

    def stays(self, cost: float, sample: Sample, vectors: Iterable[Array]) -> bool:
        """Whether the cost is exactly that at all those parameters."""
        try:
            with np.errstate(all="ignore"):
                return all(self.cost(vector, sample) == cost for vector in vectors)
        except Misreturned:  # not finite there: it is another
            return False

    def _call(self, function: Any, vector: Array, sample: Sample) -> Any:
        arrays = self.structure.arrays(vector, self.dtypes)
        before = self.structure.views(vector)
        if self.dtypes is not None:
            before = [a.copy() for a in arrays]
        came = function(self.structure.build(arrays), *sample.lend())
        # What comes back may be the argument itself, so it is taken apart before the next call.
        self.changed |= sample.taken_back()
        for name, array, old in zip(self.structure.names, arrays, before, strict=True):
            if not same_arrays(array, old):
                self.changed.add(name)
        return came


def same_arrays(a: Array, b: Array) -> bool:
    """Whether two arrays hold the same; NaN is NaN."""
    if a.shape != b.shape:
        return False
    equal = a == b
    return bool(equal.all() or (equal | ((a != a) & (b != b))).all())


# --- what came back -------------------------------------------------------------------------------


def taken_apart(came: Any, structure: Nested, sample: Sample) -> Result:
    """Cost and gradient from what a function returned.

    Raises
    ------
    ValueError
        That says what came back, and what should have.
    """
    where = "" if sample.label == "" else f" (on {sample.label})"
    if not isinstance(came, tuple | list) or len(came) != 2:
        raise Misreturned(_not_a_pair(came, structure) + where)
    cost, gradient = came
    if not is_scalar(cost) or not structure.fits(gradient):
        if structure.root.kind == "sequence" and structure.fits(came):
            raise Misreturned(_only("a gradient") + where)
        if structure.fits(cost) and is_scalar(gradient):
            raise Misreturned(
                f"function returned (gradient, cost): it must be the other way round, {FORM}{where}"
            )
    value = _as_cost(cost, sample)
    try:
        vector = structure.flatten(gradient, sample.n_rows, where)
    except ValueError as error:
        X = sample.arrays.get("X")
        is_of_X = X is not None and isinstance(gradient, np.ndarray) and gradient.shape == X.shape
        hint = ", the shape of X: is it the derivative with respect to X?" if is_of_X else ""
        raise Misreturned(f"{error}{hint}") from None
    return Result(value, vector, frozenset(_types(cost) | _types(gradient)))


def _not_a_pair(came: Any, structure: Nested) -> str:
    if came is None:
        return f"function returned None: it must return {FORM}"
    if structure.fits(came) and not (is_scalar(came) and np.ndim(came) == 0):
        return _only("a gradient")
    if is_scalar(came):
        return _only(f"a cost, {float(np.ravel(np.asarray(came))[0]):.6g}")
    if isinstance(came, tuple | list) and len(came) > 2 and is_scalar(came[0]):
        return f"function returned {len(came)} values: {_of_many(came, structure)}"
    if inspect.isgenerator(came) or inspect.iscoroutine(came):
        what = _kind(came)
        came.close()  # or Python warns that nobody waited for it
        return f"function returned {what}: it must return {FORM} (with return, not yield or async)"
    return (
        f"function returned {_kind(came)}: it must return {FORM}, the gradient built as params is"
    )


def _of_many(came: Any, structure: Nested) -> str:
    """What to do with more than two values, the cost first."""
    parts, root = list(came[1:]), structure.root
    names = [f"g{i}" for i in range(len(parts))]
    if structure.fits(parts):
        return f"put the gradient's arrays into one, (cost, [{', '.join(names)}])"
    if root.kind in ("dict", "named") and len(parts) == len(root.keys):
        by_name = dict(zip(root.keys, parts, strict=True))
        if structure.fits(by_name):
            pairs = [f"{k!r}: {n}" for k, n in zip(root.keys, names, strict=True)]
            return f"put the gradient's arrays into one dict, (cost, {{{', '.join(pairs)}}})"
    if structure.fits(came[1]):
        return f"it must return {FORM} and no more, function(…)[:2]"
    return f"it must return {FORM} and no more"


def _only(what: str) -> str:
    return (
        f"function returned only {what}: it must return {FORM}; "
        "two functions go in as one pair, check_gradient((cost, gradient), params, X)"
    )


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    length = f" of {len(value)}" if isinstance(value, tuple | list | dict) else ""
    return f"a {type(value).__name__}{length}"


def is_scalar(value: Any) -> bool:
    if isinstance(value, str | bytes) or value is None or is_container(value):
        return False
    if isinstance(value, Decimal | Fraction):
        return True
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # a tensor that NumPy cannot convert
        return hasattr(value, "item")
    return array.size == 1 and array.dtype.kind in "fiub"


def _as_cost(cost: Any, sample: Sample) -> float:
    on = f"on {sample.label} " if sample.label else ""
    if not is_scalar(cost):
        if isinstance(cost, complex | np.complexfloating):
            raise Misreturned(f"{on}the cost is complex, {cost:.6g}: a real number is needed")
        if isinstance(cost, str):
            raise Misreturned(f"{on}the cost is a string, {cost[:40]!r}: a number is needed")
        is_array = isinstance(cost, np.ndarray)
        what = _kind(cost) if is_array else repr(cost)
        what = what if len(what) <= 80 else what[:77] + "…"
        is_of_rows = is_array and cost.shape[:1] == (sample.n_rows,)
        sums = "; sum or average it over the rows" if is_of_rows else ""
        raise Misreturned(f"{on}the cost is {what}: a finite number is needed{sums}")
    value = float(cost.item() if hasattr(cost, "item") else np.ravel(cost)[0])
    if not np.isfinite(value):
        raise NotFinite(f"{on}the cost is {value!r}: a finite number is needed{_missing(sample)}")
    return value


def _missing(sample: Sample) -> str:
    """Where missing values are, which may be why a cost is not finite."""
    for name, array in sample.arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            n = int((~np.isfinite(array)).sum())
            return f"; {name} itself has {n} that {'is' if n == 1 else 'are'} NaN or infinite"
    return ""


def _types(value: Any) -> set[str]:
    """Names of the dtypes in a cost or a gradient."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return {name for part in value for name in _types(part)}
    dtype = getattr(value, "dtype", None)
    return set() if dtype is None else {str(dtype).rpartition(".")[2]}


def looks_nested(value: Any) -> bool:
    """Whether a value can only be parameters: a dict, or a list of arrays of several shapes."""
    if isinstance(value, dict):
        return True
    if not isinstance(value, list | tuple):
        return False
    shapes = {np.shape(v) for v in value if isinstance(v, np.ndarray)}
    return len(shapes) > 1 or any(isinstance(v, dict) for v in value)
