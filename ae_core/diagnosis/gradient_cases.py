"""Every array of a gradient beside differences, on one choice of rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .gradient_calls import Misreturned, Result, Sample, Subject
from .gradient_differences import Cost, Derivative
from .gradient_findings import ArrayCheck, CaseCheck
from .gradient_rounding import NO_DIGITS, Rounding, measure_rounding
from .nested import Nested


class TooRough(Exception):
    """A cost jumps between parameters that are almost the same; the argument is by how much."""


@dataclass
class Comparison:
    """What cases have in common.

    Parameters
    ----------
    subject : Subject
    structure : Nested
    elements : list of array
        Flat indices to check, of each array.
    tolerance : float
        As asked for.
    random : Generator or RandomState
    """

    subject: Subject
    structure: Nested
    elements: list[Array]
    tolerance: float
    random: Any
    rounding: Rounding = Rounding()  # noqa: RUF009
    """As measured last; by default what float64 has."""

    def case(self, sample: Sample, result: Result, vector: Array, n_features: int) -> CaseCheck:
        """Check a sample.

        Raises
        ------
        NotDeterministic
            When what is wrong is not so a second time.
        TooRough
            When the cost is no smooth function.
        """
        is_measured = self.rounding.is_coarse
        self.rounding = self.rounding if is_measured else Rounding()
        if is_measured:
            self._measure(sample, result, vector)
        while True:
            cost = Cost(self.subject, sample, vector, result.cost, self.rounding, is_measured)
            found = self._derivatives(cost, result.gradient, is_measured)
            # Nothing has moved: perhaps the steps were lost in rounding.
            if found is not None and (cost.has_moved or is_measured):
                break
            is_measured = True
            self._measure(sample, result, vector)
        return CaseCheck(sample.label, sample.n_rows, n_features, self._arrays(found, result))

    def _measure(self, sample: Sample, result: Result, vector: Array) -> None:
        with np.errstate(all="ignore"):
            found = measure_rounding(self.subject, sample, vector, self.random)
        if found.digits == NO_DIGITS:
            raise TooRough(found.cost)
        # On some rows a coarse function may happen to be exact.
        self.rounding = found.at_least(self.rounding, result.cost, result.gradient)

    def _derivatives(
        self, cost: Cost, gradient: Array, is_measured: bool
    ) -> list[list[Derivative]] | None:
        """Of each array's elements; None if something is wrong and rounding was not measured."""
        tolerance = self.rounding.tolerance(self.tolerance)
        found = []
        for part, chosen in zip(self.structure.slices, self.elements, strict=True):
            array = []
            own = gradient[part]
            scale = float(np.abs(own[np.isfinite(own)]).max(initial=0.0))
            for i in chosen.tolist():
                k = part.start + i
                derivative = cost.compare(k, float(gradient[k]), tolerance, scale)
                if derivative.error > tolerance and not is_measured:
                    return None
                array.append(derivative)
            found.append(array)
        return found

    def _arrays(self, found: list[list[Derivative]], result: Result) -> list[ArrayCheck]:
        structure = self.structure
        return [
            ArrayCheck(
                name=name,
                shape=shape,
                elements=chosen,
                analytic=result.gradient[part],
                numeric=np.array([d.numeric for d in array]),
                errors=np.array([d.error for d in array]),
                tolerance=self.rounding.tolerance(self.tolerance),
                doubts=np.array([d.doubt for d in array]),
                judged=np.array([d.is_judged for d in array], dtype=bool),
            )
            for name, shape, part, chosen, array in zip(
                structure.names,
                structure.shapes,
                structure.slices,
                self.elements,
                found,
                strict=True,
            )
        ]


# --- parameters moved a little -------------------------------------------------------------------


def moved(vector: Array, share: float, random: Any) -> Array:
    """Parameters that differ by about that share of their size; zeros by that share of the rest."""
    size = np.abs(vector)
    typical = float(np.median(size[size > 0])) if size.any() else 1.0
    scale = np.where(size > 0, size, typical)
    return np.asarray(vector + share * scale * random.uniform(-1, 1, vector.shape))


def at_moved(
    comparison: Comparison, sample: Sample, vector: Array, n_features: int
) -> CaseCheck | None:
    """The case with other parameters; None where the function does not go there."""
    try:
        with np.errstate(all="ignore"):
            result = comparison.subject(vector, sample)
            if not np.isfinite(result.gradient).all():
                return None
            return comparison.case(sample, result, vector, n_features)
    except (Misreturned, TooRough):
        return None
