"""One check from its premises to what its cases mean, in that order.

Where the given parameters show too little, others are tried: beside kinks, where slopes are not
zero, along whole arrays.
"""

from dataclasses import dataclass

import numpy as np

from .._typing import Array
from . import gradient_premises as premises
from .gradient_calls import Data, Result, Sample
from .gradient_cases import Comparison, at_moved, moved
from .gradient_directions import along_gradient
from .gradient_evidence import Evidence
from .gradient_explanation import explain
from .gradient_findings import ArrayCheck, CaseCheck, GradientCheck
from .gradient_kinks import Point
from .gradient_rounding import Incomparable, NotDeterministic

FLAT, FAR = 0.1, 1.0
"""Relative changes of parameters that lead away from where a slope is zero."""
NEGLIGIBLE = 1e-6
"""Elements below this share of the gradient's largest element do not matter."""


@dataclass
class Verdict:
    """One check once the function could be called: premises, cases, findings."""

    comparison: Comparison
    data: Data
    samples: list[Sample]
    results: list[Result]
    """The first call of each sample."""

    def __post_init__(self) -> None:
        self.subject, self.structure = self.comparison.subject, self.comparison.subject.structure
        self.vector = self.structure.vector

    def run(self) -> GradientCheck:
        """The premises in their order, then the cases, then what they mean."""
        try:
            cases, findings = self._cases()
        except Incomparable as reason:
            tolerance = self.comparison.tolerance
            return GradientCheck([], [str(reason)], tolerance, could_compare=False)
        tolerance = max(a.tolerance for case in cases for a in case.arrays)
        return GradientCheck(cases, findings, tolerance, self.comparison.rounding.digits)

    def _cases(self) -> tuple[list[CaseCheck], list[str]]:
        """The cases and the findings.

        Raises
        ------
        Incomparable
            When a premise does not hold.
        """
        first = (self.subject, self.vector, self.samples[0], self.results[0])
        # If the function ignores rows, its first calls were equal ones already.
        is_known = premises.all_equal(self.results)
        if not is_known:
            premises.check_calls(*first, premises.CALLS)
        try:
            cases = [
                self.comparison.case(sample, result, self.vector)
                for sample, result in zip(self.samples, self.results, strict=True)
            ]
            if not is_known:
                premises.check_calls(*first)
            is_flat = not any(a.numeric.any() for a in cases[0].arrays)
            if is_flat and np.isfinite(self.results[0].gradient).all():
                # Small steps change nothing at a symmetric kink, too, such as that of |p| at 0.
                step = None if cases[0].passed else self.comparison.rounding.step
                premises.check_dependence(*first, step, self.comparison.random)
            return cases, self._findings(cases)
        except NotDeterministic:
            premises.check_calls(*first)
            raise Incomparable(premises.RARELY) from None

    def _findings(self, cases: list[CaseCheck]) -> list[str]:
        """Explain the cases; may append one more, where an error shows."""
        wrong = {a.name for case in cases for a in case.failed}
        infinite = premises.about_infinities(self.structure, self.samples, self.results, wrong)
        if infinite is not None:
            return [infinite]
        point = None
        if not all(case.passed for case in cases):
            point = Point(self.comparison, self.data, self.samples, self.results, cases)
            point.excuse()
        changes = premises.about_changes(self.subject.changed, self.structure)
        if changes is not None:
            # What is wrong may come from that, so no pattern is read into it.
            return [changes]
        if point is None or all(case.passed for case in cases):
            return self._where_it_is_flat(cases)
        only_here = point.about()
        if only_here is not None:
            return [only_here]
        there = self._at_kinks(point, cases) if point.is_at_kink else None
        return there or self._explained(cases, self.vector)

    def _at_kinks(self, point: Point, cases: list[CaseCheck]) -> list[str] | None:
        """Where kinks hide the pattern, explain it from parameters beside them.

        Adds the case to the others; None if there is nothing to be seen there.
        """
        there = [case for case in map(point.beside, range(len(cases))) if case is not None]
        if len(there) < len(cases) or there[0].passed:
            return None
        said = self._explained(there, point.places[0])
        cases.append(there[0])
        return [
            "At the params given the gradient jumps, as at a kink (a unit exactly at 0?), so this "
            f"is said of params moved by up to {point.share:.1%}.",
            *said,
        ]

    @np.errstate(all="ignore")  # experiments may overflow; the caller need not know
    def _explained(self, cases: list[CaseCheck], vector: Array) -> list[str]:
        return explain(Evidence(self.comparison, self.data, self.samples, cases, vector))

    def _where_it_is_flat(self, cases: list[CaseCheck]) -> list[str]:
        """Try other parameters if an array's slope is zero in all cases: any formula is right then.

        So it is of a penalty where parameters are zero. Adds the case to the others when something
        is wrong.
        """
        judged = {a.name for case in cases for a in case.arrays if a.judged.any()}
        flat = [a.name for a in cases[0].arrays if len(a.elements) and a.name not in judged]
        views = zip(self.structure.names, self.structure.views(self.vector), strict=True)
        zero = [name for name, view in views if view.size and not view.any()]
        if not flat and not zero:
            return []
        # Farther away, if nothing shows near by.
        for share in (FLAT, FAR):
            vector, whole = self._at_two(share)
            if whole is not None and not whole.passed:
                return self._wrong_elsewhere(whole, vector, share, flat or zero, cases)
            seen = [] if whole is None else [a.name for a in whole.arrays if _is_seen(a)]
            flat = [name for name in flat if name not in seen]
            if not flat:
                return []
        return self._along_gradients(flat, cases[0])

    def _at_two(self, share: float) -> tuple[Array, CaseCheck | None]:
        """All rows with parameters moved; what is wrong must be so at two places, not at a kink."""
        for _ in range(2):
            vector = moved(self.vector, share, self.comparison.random)
            whole = at_moved(self.comparison, self.samples[0], vector)
            if whole is None or whole.passed:
                break
        return vector, whole

    def _wrong_elsewhere(
        self, whole: CaseCheck, vector: Array, share: float, flat: list[str], cases: list[CaseCheck]
    ) -> list[str]:
        others = [at_moved(self.comparison, sample, vector) for sample in self.samples[1:]]
        whole.label += f", params moved by up to {share:.0%}"
        names = premises.listed(flat)
        is_zero = not self.vector[self.structure.part(flat[0])].any()
        what = f"all of {names} is 0" if is_zero else f"the slope of {names} is zero or next to it"
        found = (
            f"With the params given {what}, where many a wrong formula is right. With params moved "
            f"by up to {share:.0%} it is wrong."
        )
        there = [whole, *(case for case in others if case is not None)]
        said = []
        if len(there) == len(cases):
            said = self._explained(there, vector)
        cases.append(whole)
        return [found, *said]

    def _along_gradients(self, flat: list[str], whole: CaseCheck) -> list[str]:
        """Check whole arrays along their gradient where single elements show nothing.

        What does not show so either, and is not next to nothing beside the others, is no pass.
        """
        rounding, gradient = self.comparison.rounding, self.results[0].gradient
        largest = float(np.abs(gradient).max(initial=0.0))
        hidden: dict[str, float] = {}
        for name in flat:
            part = self.structure.part(name)
            size = float(np.abs(gradient[part]).max(initial=0.0))
            if size == 0:
                continue
            own = np.zeros_like(gradient)
            own[part] = gradient[part]
            slope = along_gradient(self.subject, self.samples[0], self.vector, rounding, own)
            if slope.is_wrong:
                array = next(a for a in whole.arrays if a.name == name)
                array.errors = np.full(len(array.elements), 1.0)
                return [
                    f"{name} is wrong: its single slopes are lost in the cost's rounding, but "
                    f"along its gradient the cost's slope is {slope.found:.4g} instead of the "
                    f"gradient's length, {slope.expected:.4g}."
                ]
            if not slope.is_right:
                hidden[name] = size
        if not hidden:
            return []
        negligible = max(NEGLIGIBLE, np.sqrt(rounding.relative) if rounding.is_coarse else 0.0)
        top = max(hidden.values())
        if top > negligible * largest:
            are_others_right = len(hidden) < len(whole.arrays)
            cost = self.results[0].cost
            raise Incomparable(premises.about_size(cost, list(hidden), top, are_others_right))
        return [premises.about_nothing(list(hidden), top, largest)] if rounding.is_coarse else []


def _is_seen(array: ArrayCheck) -> bool:
    return bool(array.judged.any()) or not array.analytic.any()
