"""Every array of a gradient beside differences, on one choice of rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .gradient_calls import Misreturned, Result, Sample, Subject
from .gradient_differences import Cost, Derivative
from .gradient_findings import ArrayCheck, CaseCheck
from .gradient_rounding import NO_DIGITS, Rounding, measure_rounding


class TooRough(Exception):
    """A cost jumps between parameters that are almost the same; the argument is by how much."""


@dataclass
class Comparison:
    """What cases have in common.

    Parameters
    ----------
    subject : Subject
    elements : list of array
        Flat indices to check, of each array.
    tolerance : float
        As asked for.
    random : Generator or RandomState
    """

    subject: Subject
    elements: list[Array]
    tolerance: float
    random: Any
    rounding: Rounding = Rounding()  # noqa: RUF009
    """As measured last; by default what float64 has."""

    def case(self, sample: Sample, result: Result, vector: Array) -> CaseCheck:
        """Check a sample.

        Raises
        ------
        NotDeterministic
            When what is wrong is not so a second time.
        TooRough
            When the cost is no smooth function.
        """
        is_measured = self.rounding.is_coarse
        if is_measured:
            self._measure(sample, result, vector)
        else:
            self.rounding = Rounding()
        while True:
            cost = Cost(self.subject, sample, vector, result.cost, self.rounding, is_measured)
            found = self._derivatives(cost, result.gradient)
            # Nothing has moved: perhaps the steps were lost in rounding.
            if found is not None and (cost.has_moved or is_measured):
                break
            is_measured = True
            self._measure(sample, result, vector)
        arrays = self._arrays(found, result.gradient, vector)
        return CaseCheck(sample.label, sample.n_rows, sample.n_features, arrays)

    def _measure(self, sample: Sample, result: Result, vector: Array) -> None:
        with np.errstate(all="ignore"):
            found = measure_rounding(self.subject, sample, vector, self.random)
        if found.digits == NO_DIGITS:
            raise TooRough(found.cost)
        # On some rows a coarse function may happen to be exact.
        self.rounding = found.at_least(self.rounding, result.cost, result.gradient)

    def _derivatives(self, cost: Cost, gradient: Array) -> list[list[Derivative]] | None:
        """Of each array's elements; None if something is wrong and rounding was not measured."""
        tolerance = self.rounding.tolerance(self.tolerance)
        found = []
        for part, chosen in zip(self.subject.structure.slices, self.elements, strict=True):
            array = []
            own = gradient[part]
            scale = float(np.abs(own[np.isfinite(own)]).max(initial=0.0))
            for i in chosen.tolist():
                derivative = cost.compare(part.start + i, float(own[i]), tolerance, scale)
                if derivative.error > tolerance and not cost.is_measured:
                    return None
                array.append(derivative)
            found.append(array)
        return found

    def _arrays(
        self, found: list[list[Derivative]], gradient: Array, vector: Array
    ) -> list[ArrayCheck]:
        structure = self.subject.structure
        arrays = []
        for k, (part, chosen) in enumerate(zip(structure.slices, self.elements, strict=True)):
            # A row for each of a derivative's fields; of an empty array there are none.
            columns = np.array(found[k], dtype=float).reshape(-1, len(Derivative._fields)).T
            numeric, doubts, errors, judged = columns
            arrays.append(
                ArrayCheck(
                    name=structure.names[k],
                    shape=structure.shapes[k],
                    elements=chosen,
                    analytic=gradient[part],
                    numeric=numeric,
                    errors=errors,
                    tolerance=self.rounding.tolerance(self.tolerance),
                    doubts=doubts,
                    judged=judged.astype(bool),
                    params=vector[part][chosen],
                )
            )
        return arrays


# --- parameters moved a little -------------------------------------------------------------------


def sizes(vector: Array) -> Array:
    """The size of each parameter; of zeros that of a typical one."""
    size = np.abs(vector)
    typical = float(np.median(size[size > 0])) if size.any() else 1.0
    return np.where(size > 0, size, typical)


def moved(vector: Array, share: float, random: Any) -> Array:
    """Parameters that differ by about that share of their size; zeros by that share of the rest."""
    return np.asarray(vector + share * sizes(vector) * random.uniform(-1, 1, vector.shape))


def at_moved(comparison: Comparison, sample: Sample, vector: Array) -> CaseCheck | None:
    """The case with other parameters; None where the function does not go there."""
    try:
        with np.errstate(all="ignore"):
            result = comparison.subject(vector, sample)
            if not np.isfinite(result.gradient).all():
                return None
            return comparison.case(sample, result, vector)
    except (Misreturned, TooRough):
        return None
