"""Is this gradient right? And if not, what kind of wrong is it?

`check_gradient` first tries whether the function is one: called rightly, the same for equal
arguments, which it leaves as they are, finite, and dependent on its parameters (see
`ae_core.diagnosis.gradient_premises`). Then it compares the gradient with differences: on all rows
together, on single rows alone, and on one row repeated. One comparison says *whether* a gradient is
wrong; the pattern over these cases says *how* (see `ae_core.diagnosis.gradient_explanation`). A
check on one row alone, the usual shortcut, cannot see a derivative of the first row that is used
for all of them.
"""

from typing import Any

import numpy as np

from .._typing import Array, RandomState
from ..basics.arguments import Integer, Number
from ..network.initialization import as_generator
from .gradient_arguments import as_data, resolved
from .gradient_calls import (
    Data,
    Misreturned,
    NotFinite,
    Result,
    Sample,
    Subject,
)
from .gradient_cases import Comparison
from .gradient_findings import GradientCheck
from .gradient_first_call import first_call
from .gradient_verdict import Verdict
from .nested import Nested

LARGE = 20_000
"""Above so many parameters FEW is the default, else MANY."""
MANY, FEW = (50, 8), (12, 3)
"""Elements checked per array, and single rows checked alone."""


def check_gradient(
    function: Any,
    params: Any = None,
    X: Any = None,
    y: Any = None,
    *,
    samples_axis: int = 0,
    tolerance: float = 1e-6,
    max_elements: int | None = None,
    max_rows: int | None = None,
    random_state: RandomState = 0,
) -> GradientCheck:
    """Compare a gradient with central differences, and say in words what a difference means.

    Parameters
    ----------
    function : callable, pair of callables, Network or fitted estimator
        Anybody's ``function(params, X, y) -> (cost, gradient)``, called without y, or without both,
        where they are not given; the gradient is built as params is. Cost and gradient may be two
        functions, ``(cost, gradient)``. One of this package's networks, or the one that a fitted
        estimator holds, is checked at its own parameters.
    params : array, number, or any nesting of lists, tuples, dicts and dataclasses of them
        Where to check. In reports an array is called by its way there: ``W1``, ``params[0][1]``,
        ``enc[0].W``.
    X : array of shape (n_samples, …), optional
        Rows of data; give several that differ. If there is only one row (or all are equal), it is
        also checked beside a changed copy, for one row cannot show how rows are kept apart. What
        rows are no samples of (a graph, one time series) belongs into a function of params alone.
    y : array of shape (n_samples, …), optional
        Labels or targets: with each choice of rows of X, its rows.
    samples_axis : int
        Along which X and y have their samples; 1 where these are columns.
    tolerance : float
        Largest relative error, ``|analytic - numeric| / max(|analytic|, |numeric|)``, that passes;
        what rounding alone can do to a central difference is allowed for besides. More is allowed
        to a function that computes in less than float64, as measured.
    max_elements : int, optional
        Elements checked per array: of larger ones a random subset, and those where the gradient is
        largest. By default 50, and 12 where there are more than 20,000 parameters.
    max_rows : int, optional
        Single rows checked alone (a random subset of more). By default 8, and 3 where there are
        more than 20,000 parameters.
    random_state : None, int, Generator or RandomState
        For the subsets.

    Returns
    -------
    GradientCheck
        ``passed``, ``findings`` (sentences), ``arrays`` (per array its worst element), ``cases``;
        prints as a report. It fails without comparing, and says so, when equal calls give different
        results, or the cost does not depend on params. A function that changes its arguments in
        place (it is given copies) may pass, with a finding.

    Raises
    ------
    ValueError
        When arguments are not what they should be, or are in another order than the function's;
        when the function does not return a finite cost and a gradient shaped like params, or does
        not take fewer rows.

    Notes
    -----
    Central differences in float64 with step ``eps**(1/3) * max(1, |p|)``. An element that differs
    is looked at again with other steps, after the rounding of the function was measured (Moré &
    Wild 2011, "Estimating computational noise"). Where the cost has a kink (relu at 0), any slope
    between the limits on both sides is right.

    Examples
    --------
    >>> import numpy as np
    >>> def cost(w, X):
    ...     residual = X @ w - 1
    ...     return residual @ residual / (2 * len(X)), X.T @ residual  # forgot to divide by len(X)
    >>> check = check_gradient(cost, np.array([0.3, 0.1]), np.arange(6.0).reshape(3, 2) / 5)
    >>> check.passed
    False
    >>> print(check.findings[0])
    The gradient is 3 times too large, and there are 3 rows: it was not divided by the number of \
rows, as the cost is.
    """
    Number(is_above=True, or_infinite=True)("tolerance", tolerance)
    for argument, value in (("max_elements", max_elements), ("max_rows", max_rows)):
        if value is not None:
            Integer(least=1)(argument, value)
    if samples_axis not in (0, 1):
        raise ValueError(f"samples_axis={samples_axis!r}: must be 0 or 1")
    try:
        return _checked(
            resolved(function, params, X),
            y,
            samples_axis,
            tolerance,
            (max_elements, max_rows),
            as_generator(random_state),
        )
    except Misreturned as error:
        raise ValueError(str(error)) from None


def _checked(
    given: tuple[Any, Any, Any],
    y: Any,
    samples_axis: int,
    tolerance: float,
    limits: tuple[int | None, int | None],
    random: Any,
) -> GradientCheck:
    function, params, X = given
    candidates = as_data(function, X, y, params, samples_axis)
    structure = Nested(params)
    usual = FEW if structure.vector.size > LARGE else MANY
    max_elements, max_rows = (own or n for own, n in zip(limits, usual, strict=True))
    if not np.isfinite(structure.vector).all():
        vector = structure.vector
        name = next(n for n in structure.names if not np.isfinite(vector[structure.part(n)]).all())
        raise ValueError(f"params has NaN or infinity in {name}: give finite ones")
    subject = Subject(function, structure)
    named = {n: v for n, v in (("params", params), ("X", X), ("y", y)) if v is not None}
    first, data = first_call(subject, named, candidates)
    samples = _samples(data, max_rows, random)
    results = _results(subject, structure.vector, data, samples, first)
    elements = [
        _telling(random, size, max_elements, first.gradient[part])
        for size, part in zip(structure.sizes, structure.slices, strict=True)
    ]
    comparison = Comparison(subject, elements, tolerance, random)
    return Verdict(comparison, data, samples, results).run()


def _samples(data: Data, max_rows: int, random: Any) -> list[Sample]:
    """All rows together, single ones, and one three times; without X all there is."""
    if not data.arrays:
        return [data.all("the cost of params alone")]
    singles = [
        data.take([i], f"row {i} alone") for i in _some(random, data.n_rows, max_rows).tolist()
    ]
    together = data.all(f"{data.n_rows} rows together")
    if data.has_equal_rows():
        together = data.with_changed_copy(random, "X beside a changed copy of its row")
        together.is_new = True
    return [together, *singles, data.take([0, 0, 0], "one row three times")]


def _results(
    subject: Subject, vector: Any, data: Data, samples: list[Sample], first: Result
) -> list[Result]:
    """The first call of each sample, of which that of all rows was made."""
    n_rows = samples[0].n_rows
    results = [subject(vector, samples[0]) if samples[0].is_new else first]
    for sample in samples[1:]:
        try:
            results.append(subject(vector, sample))
        except NotFinite as error:
            cost = str(error).split(":")[0]
            raise ValueError(
                f"{cost}, though not on all {n_rows} rows. If it needs several that differ (it "
                "divides by a variance over rows, say), check it as a function of params alone: "
                "check_gradient(lambda p: function(p, X), params)"
            ) from None
        except Misreturned as error:
            raise ValueError(
                f"{error}; not so with all {n_rows} rows: is a sum over the wrong axis, or do "
                "labels belong in y?"
            ) from None
        except Exception as error:
            if _takes_columns(subject, vector, data):
                raise ValueError(
                    f"function takes all {n_rows} rows of X, but not {sample.label}; it takes "
                    "single columns. If the samples are the columns, say so: check_gradient(…, "
                    "samples_axis=1)"
                ) from error
            raise ValueError(
                f"function takes all {n_rows} rows, but not {sample.label}: labels or targets "
                "belong in y, check_gradient(function, params, X, y), so that their rows are taken "
                "with X's; what needs all rows is a function of params alone, "
                "check_gradient(lambda p: function(p, X), params)"
            ) from error
    return results


def _takes_columns(subject: Subject, vector: Any, data: Data) -> bool:
    """Whether a function that takes no single rows does take single columns."""
    X = data.arrays["X"]
    if data.axes["X"] == 1 or X.ndim != 2:
        return False
    try:
        columns = Data(X, data.arrays.get("y"), axis=1)
        subject(vector, columns.take([0], "column 0 alone"))
    except Exception:  # whatever it raises, it does not
        return False
    return True


def _telling(random: Any, size: int, limit: int, gradient: Array) -> Any:
    """Indices of elements to check: at random, and a fourth of them where the gradient is largest.

    Behind units that are off there may be nothing at all of the former.
    """
    found = _some(random, size, limit)
    if size <= limit:
        return found
    n = limit // 4
    sizes = np.where(np.isfinite(gradient), np.abs(gradient), np.inf)
    largest = np.argsort(sizes)[size - n :]
    others = np.setdiff1d(found, largest)
    return np.sort(np.concatenate([largest, others[: limit - n]]))


def _some(random: Any, size: int, limit: int) -> Any:
    """Indices 0 … size - 1, or `limit` of them drawn at random, in order."""
    if size <= limit:
        return np.arange(size)
    return np.sort(random.choice(size, limit, replace=False))
