"""Experiments with a gradient that is wrong, for those who want to say in which way.

What the checked cases do not tell is asked of the function itself: other rows, other parameters.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from .._typing import Array
from .gradient_calls import Data, Result, Sample, Subject
from .gradient_differences import Cost
from .gradient_findings import SAME, CaseCheck, close
from .gradient_rounding import Rounding
from .nested import Nested

MOVED = 0.3
"""By how much of themselves parameters are moved, to see whether a pattern holds elsewhere."""


class Evidence:
    """A function that failed, what was seen of it, and the means to see more.

    Parameters
    ----------
    subject : Subject
    structure : Nested
    data : Data
    cases : list of CaseCheck
    samples : list of Sample
        The rows of each case.
    rounding : Rounding
        Of the case with all rows.
    random : Generator or RandomState
    vector : array of shape (n_params,)
        The parameters at which that was.
    """

    def __init__(
        self,
        subject: Subject,
        structure: Nested,
        data: Data,
        cases: list[CaseCheck],
        samples: list[Sample],
        rounding: Rounding,
        random: Any,
        vector: Array,
    ) -> None:
        self.subject, self.structure, self.data = subject, structure, data
        self.cases, self.samples, self.rounding, self.random = cases, samples, rounding, random
        self.vector = vector
        if rounding.is_coarse:
            self._refine()

    def _refine(self) -> None:
        """Compute what is wrong more exactly than it takes to see that it is."""
        for case, sample in zip(self.cases, self.samples, strict=True):
            for array in case.failed:
                if np.isfinite(array.checked).all():
                    k = self.index(array.name)
                    array.numeric, doubts = self.numeric(sample, k, array.elements)
                    array.doubts = doubts + self.slack(array.numeric)
                    array.__dict__.pop("worst", None)

    # --- what was seen ---------------------------------------------------------------------------

    @property
    def together(self) -> CaseCheck:
        """All rows."""
        return self.cases[0]

    @property
    def singles(self) -> list[CaseCheck]:
        """Single rows; none without X."""
        return self.cases[1:-1] if len(self.cases) > 1 else []

    @property
    def repeated(self) -> CaseCheck | None:
        """One row three times; None without X."""
        return self.cases[-1] if len(self.cases) > 1 else None

    @property
    def is_right_alone(self) -> bool:
        """Whether the gradient is right on each single row, and there are any."""
        return bool(self.singles) and all(s.passed for s in self.singles)

    @property
    def primary(self) -> tuple[CaseCheck, Sample]:
        """The first case that failed."""
        return next((c, s) for c, s in zip(self.cases, self.samples, strict=True) if not c.passed)

    def wrong_names(self) -> list[str]:
        """Arrays that are wrong in any case, in the order of the caller."""
        wrong = {a.name for case in self.cases for a in case.failed}
        return [name for name in self.structure.names if name in wrong]

    def index(self, name: str) -> int:
        """Which array that is."""
        return self.structure.names.index(name)

    # --- what can be tried -----------------------------------------------------------------------

    def call(self, sample: Sample, vector: Array | None = None) -> Result:
        """Cost and gradient."""
        return self.subject(self.vector if vector is None else vector, sample)

    def numeric(
        self, sample: Sample, array: int, elements: Array, vector: Array | None = None
    ) -> tuple[Array, Array]:
        """Derivatives from differences at flat indices of one array, and their doubts."""
        vector = self.vector if vector is None else vector
        here = self.subject(vector, sample)
        rounding = self.rounding.on(here.cost, here.gradient)
        cost = Cost(self.subject, sample, vector, here.cost, rounding)
        start = self.structure.slices[array].start
        pairs = [cost.derivative(start + int(i)) for i in elements]
        values = np.array([value for value, _ in pairs])
        return values, np.array([doubt for _, doubt in pairs])

    def analytic(self, sample: Sample, array: int, vector: Array | None = None) -> Array:
        """The gradient under test of one array, flat."""
        return self.call(sample, vector).gradient[self.structure.slices[array]]

    def values(self, array: int, vector: Array | None = None) -> Array:
        """The parameters of one array, flat."""
        return (self.vector if vector is None else vector)[self.structure.slices[array]]

    @cached_property
    def moved(self) -> Array:
        """Other parameters, near, of the same signs; zeros stay."""
        return self.vector * (1 + MOVED * self.random.uniform(-1, 1, self.vector.shape))

    def rows(self, *which: int) -> Sample:
        """A sample of those rows."""
        return self.data.take(list(which), f"rows {which}")

    def is_additive(self) -> bool:
        """Whether the cost is a sum or a mean over rows, and something of their number alone.

        Where it is not, rows act on each other.
        """
        sample = self.mixtures(4)

        def cost(*which: int) -> float:
            return self.subject.cost(self.vector, self.part(sample, which))

        alone = [cost(i) for i in range(4)]
        groups: list[list[tuple[int, ...]]] = [
            [(0, 1), (1, 2), (0, 3)],
            [(0, 1, 2), (1, 2, 3)],
        ]
        together = [[cost(*which) for which in group] for group in groups]
        size = max(abs(c) for c in [*alone, *together[0], *together[1]])
        same = 10 * size * max(1e-9, 100 * self.rounding.relative)
        for is_mean in (False, True):
            # What is left of a group's cost must be the same for all groups of that size.
            spreads = []
            for group, costs in zip(groups, together, strict=True):
                share = len(group[0]) if is_mean else 1
                rests = [
                    c - sum(alone[i] for i in which) / share
                    for c, which in zip(costs, group, strict=True)
                ]
                spreads.append(max(rests) - min(rests))
            if max(spreads) <= same:
                return True
        return False

    def mixtures(self, n: int) -> Sample:
        """N rows that differ: of the caller's, and where there are fewer, mixtures of them."""
        m = self.data.n_rows
        weights = np.zeros((n, m))
        which = [i % m for i in range(n)]
        weights[range(n), which] = 1
        if m < n:
            shares = self.random.exponential(size=(n - m, m)) + 1e-3
            scale = self.random.uniform(0.4, 1, (n - m, 1))  # of one row, no copies of it
            weights[m:] = scale * shares / shares.sum(axis=1, keepdims=True)
        return self.data.mixed(weights, which, f"{n} rows")

    def part(self, sample: Sample, which: tuple[int, ...]) -> Sample:
        """Some rows of a sample, in that order."""
        arrays = {n: np.take(a, which, axis=self.data.axes[n]) for n, a in sample.arrays.items()}
        return Sample(f"rows {which}", len(which), arrays)

    @property
    def same(self) -> float:
        """How near a factor must be to a number to be taken for it."""
        return 30 * self.rounding.tolerance(0.0) if self.rounding.is_coarse else SAME

    def rounded(self, c: float) -> float:
        """A factor rounded to the whole number, or one over a whole number, that it is close to."""
        for number in (float(round(c)), 1 / round(1 / c) if abs(c) < 1 else 0.0):
            if number and close(c, number, self.same):
                return number
        return c

    def slack(self, numeric: Array) -> Array:
        """What the function's precision adds to the doubts about differences."""
        size = float(np.abs(numeric).max(initial=0.0))
        return np.full(len(numeric), max(1e-9, 4 * self.rounding.relative) * size)


@contextmanager
def quietly() -> Iterator[None]:
    """For experiments: numbers that overflow somewhere else are no business of the caller's."""
    with np.errstate(all="ignore"):
        yield
