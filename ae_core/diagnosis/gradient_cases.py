"""One case: every array of a gradient compared with differences, on one choice of rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._typing import Array
from .gradient_calls import Misreturned, Result, Sample, Subject
from .gradient_differences import Cost, Derivative
from .gradient_findings import ArrayCheck, CaseCheck
from .gradient_rounding import Incomparable, Rounding, measure_rounding


@dataclass
class Comparison:
    """What all cases share: the function, the elements to check and the tolerance.

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
        Incomparable
            When the cost is no smooth function.
        """
        is_measured = self.rounding.is_coarse
        if is_measured:
            self._measure(sample, result, vector)
        else:
            self.rounding = Rounding()
        while True:
            cost = Cost(self.subject, sample, vector, result.cost, self.rounding, is_measured)
            arrays = self._arrays(cost, result.gradient)
            # If the cost never changed, the steps may have been lost in rounding.
            if arrays is not None and (cost.has_moved or is_measured):
                return CaseCheck(sample.label, sample.n_rows, sample.n_features, arrays)
            is_measured = True
            self._measure(sample, result, vector)

    def _measure(self, sample: Sample, result: Result, vector: Array) -> None:
        with np.errstate(all="ignore"):
            found = measure_rounding(self.subject, sample, vector, self.random)
        # A float32 function may happen to be exact on some rows; it is float32 all the same.
        if self.rounding.is_coarse and not found.is_coarse:
            found = self.rounding.on(result.cost, result.gradient)
        self.rounding = found

    def _arrays(self, cost: Cost, gradient: Array) -> list[ArrayCheck] | None:
        """All arrays; None as soon as one is wrong while the rounding has not been measured."""
        structure, tolerance = self.subject.structure, self.rounding.tolerance(self.tolerance)
        arrays = []
        for k, (part, chosen) in enumerate(zip(structure.slices, self.elements, strict=True)):
            own = gradient[part]
            scale = float(np.abs(own[np.isfinite(own)]).max(initial=0.0))
            found: list[Derivative] = []
            for i in chosen.tolist():
                found.append(cost.compare(part.start + i, float(own[i]), tolerance, scale))
                if found[-1].error > tolerance and not cost.is_measured:
                    return None
            # (4, n_elements), also for an array with no elements.
            columns = np.array(found, dtype=float).reshape(-1, len(Derivative._fields)).T
            numeric, doubts, errors, judged = columns
            arrays.append(
                ArrayCheck(
                    name=structure.names[k],
                    shape=structure.shapes[k],
                    elements=chosen,
                    analytic=own,
                    numeric=numeric,
                    errors=errors,
                    tolerance=tolerance,
                    doubts=doubts,
                    judged=judged.astype(bool),
                    params=cost.vector[part][chosen],
                )
            )
        return arrays


# --- parameters moved a little -------------------------------------------------------------------


def sizes(vector: Array) -> Array:
    """The absolute value of each parameter; for zeros the median of the others."""
    size = np.abs(vector)
    typical = float(np.median(size[size > 0])) if size.any() else 1.0
    return np.where(size > 0, size, typical)


def moved(vector: Array, share: float, random: Any) -> Array:
    """Parameters changed at random by up to that share of their size (see `sizes`)."""
    return np.asarray(vector + share * sizes(vector) * random.uniform(-1, 1, vector.shape))


def at_moved(comparison: Comparison, sample: Sample, vector: Array) -> CaseCheck | None:
    """The case with other parameters; None where the function is not finite or too rough."""
    try:
        with np.errstate(all="ignore"):
            result = comparison.subject(vector, sample)
            if not np.isfinite(result.gradient).all():
                return None
            return comparison.case(sample, result, vector)
    except (Misreturned, Incomparable):
        return None
