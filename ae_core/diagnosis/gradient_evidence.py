"""Experiments with a wrong gradient, which the patterns share.

What the cases do not show is found by calling the function on other rows or parameters.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from .._typing import Array
from .gradient_calls import Data, Sample
from .gradient_cases import Comparison
from .gradient_differences import Cost
from .gradient_findings import SAME, ArrayCheck, CaseCheck, close, common_factor

MOVED = 0.3
"""Largest relative change of parameters, to see whether a pattern holds elsewhere."""


@dataclass
class Evidence:
    """A function that failed, what was seen of it, and the means to see more.

    Parameters
    ----------
    comparison : Comparison
    data : Data
    samples : list of Sample
        The rows of each case.
    cases : list of CaseCheck
    vector : array of shape (n_params,)
        The parameters at which the cases were checked.
    """

    comparison: Comparison
    data: Data
    samples: list[Sample]
    cases: list[CaseCheck]
    vector: Array

    def __post_init__(self) -> None:
        self.subject, self.structure = self.comparison.subject, self.comparison.subject.structure
        self.rounding, self.random = self.comparison.rounding, self.comparison.random
        if self.rounding.is_coarse:
            # Explaining an error takes more exact derivatives than finding it.
            for case, sample in self.pairs:
                for k, array in enumerate(case.arrays):
                    if not array.passed and np.isfinite(array.checked).all():
                        case.arrays[k] = self.look(sample, array)

    # --- what was seen ---------------------------------------------------------------------------

    @property
    def pairs(self) -> list[tuple[CaseCheck, Sample]]:
        """Each case with its rows."""
        return list(zip(self.cases, self.samples, strict=True))

    @property
    def together(self) -> CaseCheck:
        """All rows."""
        return self.cases[0]

    @property
    def singles(self) -> list[tuple[CaseCheck, Sample]]:
        """Single rows; none without X."""
        return self.pairs[1:-1]

    @property
    def repeated(self) -> CaseCheck | None:
        """One row three times; None without X."""
        return self.cases[-1] if len(self.cases) > 1 else None

    @property
    def is_right_alone(self) -> bool:
        """Whether the gradient is right on each single row, and there are any."""
        return bool(self.singles) and all(case.passed for case, _ in self.singles)

    @property
    def primary(self) -> tuple[CaseCheck, Sample]:
        """The first case that failed."""
        return next(pair for pair in self.pairs if not pair[0].passed)

    def wrong_names(self) -> list[str]:
        """Names of the arrays that are wrong in any case, in the caller's order."""
        wrong = {a.name for case in self.cases for a in case.failed}
        return [name for name in self.structure.names if name in wrong]

    # --- what can be tried -----------------------------------------------------------------------

    def look(self, sample: Sample, array: ArrayCheck, vector: Array | None = None) -> ArrayCheck:
        """Compare an array at its checked elements again, on other rows or parameters."""
        vector = self.vector if vector is None else vector
        k = self.structure.names.index(array.name)
        part = self.structure.slices[k]
        numeric, doubts = self.numeric(sample, k, array.elements, vector)
        return replace(
            array,
            analytic=self.subject(vector, sample).gradient[part],
            numeric=numeric,
            doubts=doubts,
            params=vector[part][array.elements],
        )

    def numeric(
        self, sample: Sample, array: int, elements: Array | None = None, vector: Array | None = None
    ) -> tuple[Array, Array]:
        """Derivatives from differences at flat indices of one array (or all), and their doubts."""
        vector = self.vector if vector is None else vector
        part = self.structure.slices[array]
        here = self.subject(vector, sample)
        rounding = self.rounding.on(here.cost, here.gradient)
        cost = Cost(self.subject, sample, vector, here.cost, rounding)
        indices = np.arange(part.start, part.stop)
        indices = indices if elements is None else indices[elements]
        values, doubts = np.reshape([cost.derivative(int(i)) for i in indices], (-1, 2)).T
        return values, doubts + self.slack(values)

    def slack(self, numeric: Array) -> float:
        """How much the function's precision adds to doubts about derivatives of that size."""
        size = float(np.abs(numeric).max(initial=0.0))
        return max(1e-9, 4 * self.rounding.relative) * size

    def gradients(self, sample: Sample) -> list[Array]:
        """The gradient under test, in the shapes of the parameters."""
        return self.structure.views(self.subject(self.vector, sample).gradient)

    def wrong_gradient(self, sample: Sample) -> Array:
        """The gradient under test of the arrays that are wrong in any case, as one flat vector."""
        gradients = zip(self.structure.names, self.gradients(sample), strict=True)
        wrong = self.wrong_names()
        return np.concatenate([g.ravel() for name, g in gradients if name in wrong])

    def values(self, array: int) -> Array:
        """The parameters of one array, in its shape."""
        return self.structure.views(self.vector)[array]

    @cached_property
    def moved(self) -> Array:
        """Other parameters nearby, with the same signs; zeros stay zero."""
        return self.vector * (1 + MOVED * self.random.uniform(-1, 1, self.vector.shape))

    def factor(self, arrays: list[ArrayCheck], sample: Sample) -> float | None:
        """The number c with analytic = c · numeric in all of them, if there is one.

        A single element has to have it with other parameters, too.
        """
        if sum(len(a.elements) for a in arrays) == 1:
            array = next(a for a in arrays if len(a.elements))
            for scale in (0.5, 1.0):
                there = self.vector + scale * (self.moved - self.vector)
                there = np.where(self.vector == 0, 0.1 * scale, there)
                arrays = [*arrays, self.look(sample, array, there)]
        return common_factor(arrays)

    # --- rows ------------------------------------------------------------------------------------

    def is_additive(self) -> bool:
        """Whether the cost is a sum or a mean over rows, plus what depends on their number alone.

        Where it is not, rows act on each other.
        """
        sample = self.mixtures(4)

        def cost(*which: int) -> float:
            return self.subject.cost(self.vector, self.part(sample, *which))

        alone = np.array([cost(i) for i in range(4)])
        groups = [np.array([(0, 1), (1, 2), (0, 3)]), np.array([(0, 1, 2), (1, 2, 3)])]
        together = [np.array([cost(*which) for which in group]) for group in groups]
        size = np.abs([*alone, *together[0], *together[1]]).max()
        same = 10 * size * self.rounding.of_sums
        # The rest of a group's cost must be the same for all groups of that size.
        return any(
            all(
                np.ptp(costs - how(alone[group], axis=1)) <= same
                for group, costs in zip(groups, together, strict=True)
            )
            for how in (np.sum, np.mean)
        )

    def mixtures(self, n: int) -> Sample:
        """N rows that differ: of the caller's, and where there are fewer, mixtures of them."""
        m = self.data.n_rows
        weights = np.zeros((n, m))
        which = [i % m for i in range(n)]
        weights[range(n), which] = 1
        if m < n:
            shares = self.random.exponential(size=(n - m, m)) + 1e-3
            scale = self.random.uniform(0.4, 1, (n - m, 1))  # of one row: multiples, no copies
            weights[m:] = scale * shares / shares.sum(axis=1, keepdims=True)
        return self.data.mixed(weights, which, f"{n} rows")

    def part(self, sample: Sample, *which: int) -> Sample:
        """Some rows of a sample, in that order."""
        return self.data.take(which, f"rows {which}", sample)

    # --- factors ---------------------------------------------------------------------------------

    @property
    def same(self) -> float:
        """Relative distance up to which a factor is taken for a number."""
        return 30 * self.rounding.tolerance(0.0) if self.rounding.is_coarse else SAME

    def rounded(self, c: float) -> float:
        """A factor rounded to the whole number, or one over a whole number, that it is close to."""
        for number in (float(round(c)), 1 / round(1 / c) if abs(c) < 1 else 0.0):
            if number and close(c, number, self.same):
                return number
        return c
