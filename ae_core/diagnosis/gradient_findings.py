"""What a gradient check found: each array in each case, and the whole with its findings."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .._typing import Array
from .gradient_report import html_report, text_report

SAME = 1e-4  # relative: how closely a pattern (a factor, a transpose) must fit to be named


@dataclass
class ArrayCheck:
    """One parameter array in one case: what was computed, and where the worst is."""

    name: str
    shape: tuple[int, ...]
    elements: Array
    """Flat indices that were checked."""
    analytic: Array
    """The gradient under test, whole and flat: (size,)."""
    numeric: Array
    """Central differences at `elements`."""
    errors: Array
    """Relative errors at `elements`."""
    tolerance: float
    doubts: Array
    """How far off each of `numeric` may be."""
    judged: Array
    """Of which `elements` the wrong sign would have been seen: not where the slope is nothing."""
    params: Array
    """The parameters at `elements`."""

    @property
    def passed(self) -> bool:
        """Whether every checked element is within the tolerance."""
        return self.relative_error <= self.tolerance

    @property
    def relative_error(self) -> float:
        """Of the worst element; 0 for an empty array."""
        return float(self.errors.max(initial=0.0))

    @cached_property
    def worst(self) -> tuple[tuple[int, ...], float, float]:
        """``(index, analytic, numeric)`` of the worst element."""
        k = int(self.errors.argmax())
        flat = int(self.elements[k])
        return index_of(flat, self.shape), float(self.analytic[flat]), float(self.numeric[k])

    @property
    def checked(self) -> Array:
        """The gradient under test at `elements`."""
        return self.analytic[self.elements]

    @property
    def factor(self) -> float | None:
        """The number c with analytic = c · numeric in every checked element, if there is one."""
        return common_factor([self])

    @property
    def is_transposed(self) -> bool:
        """Whether the gradient under test is the transpose of the right one."""
        if len(self.shape) != 2 or self.shape[0] != self.shape[1] or self.shape[0] < 2:
            return False
        factor = replace(self, analytic=self.analytic.reshape(self.shape).T.ravel()).factor
        return factor is not None and close(factor, 1)


@dataclass
class CaseCheck:
    """All arrays, checked on one choice of rows."""

    label: str
    n_rows: int
    n_features: int
    arrays: list[ArrayCheck]

    @property
    def passed(self) -> bool:
        """Whether every array passed."""
        return all(a.passed for a in self.arrays)

    @property
    def failed(self) -> list[ArrayCheck]:
        """The arrays that did not pass."""
        return [a for a in self.arrays if not a.passed]

    @property
    def largest(self) -> ArrayCheck:
        """The array of which most elements were checked."""
        return max(self.arrays, key=lambda a: len(a.elements))

    @property
    def factor(self) -> float | None:
        """The one number c with analytic = c · numeric in all arrays, if there is one."""
        return common_factor(self.arrays)


@dataclass(repr=False)
class GradientCheck:
    """The result of `check_gradient`. True when passed; prints as a report."""

    cases: list[CaseCheck]
    """All rows together, single rows alone, one row three times; the first alone without X. None
    where something stood in the way of comparing."""
    findings: list[str]
    """What the pattern of errors means, in words, or what stood in the way of comparing. When
    passed, at most that the function changes its arguments in place, or of which arrays nothing can
    be told, because next to nothing hangs on them."""
    tolerance: float
    """The relative error that was allowed: what was asked for, or what the function's precision
    allows."""
    digits: str = "float64"
    """The precision in which the function computes, as measured."""
    could_compare: bool = True
    """Whether the function is one whose differences mean something."""

    @property
    def passed(self) -> bool:
        """Whether every array passed in every case."""
        return self.could_compare and all(case.passed for case in self.cases)

    @property
    def arrays(self) -> dict[str, ArrayCheck]:
        """Per array the case in which it did worst."""
        columns = zip(*(case.arrays for case in self.cases), strict=True)
        return {c[0].name: max(c, key=lambda a: a.relative_error) for c in columns}

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return text_report(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_report(self)


def common_factor(arrays: list[ArrayCheck]) -> float | None:
    """The number c with analytic = c · numeric in every checked element of all these arrays.

    None if there is none, or too little to tell.
    """
    analytic = np.concatenate([a.checked for a in arrays])
    numeric = np.concatenate([a.numeric for a in arrays])
    doubts = np.concatenate([a.doubts for a in arrays])
    largest = float(np.abs(numeric).max(initial=0.0))
    if not 0 < largest < np.inf:
        return None
    analytic, numeric, doubts = analytic / largest, numeric / largest, doubts / largest
    size = float(np.linalg.norm(numeric))
    # One number is a multiple of any other; so is one among zeros.
    n_telling = int((np.abs(numeric) > 1e-6 * size + doubts).sum())
    if n_telling < 2 or not np.isfinite(analytic).all():
        return None
    c = float(analytic @ numeric) / size**2
    return c if c != 0 and fits(analytic / c, numeric, doubts) else None


def fits(predicted: Array, numeric: Array, doubts: Array | float = 0.0) -> bool:
    """Whether a prediction agrees with the differences in every element."""
    size = np.maximum(np.abs(predicted), np.abs(numeric))
    off = np.abs(predicted - numeric)
    return bool((off <= SAME * size + 4 * np.asarray(doubts)).all())


def index_of(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A flat index as a tuple with one index per axis."""
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def close(a: float, b: float, same: float = SAME) -> bool:
    """Whether two numbers are equal up to a relative difference."""
    return abs(a - b) <= same * abs(b)
