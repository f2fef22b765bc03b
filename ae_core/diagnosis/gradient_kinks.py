"""Points at which a cost has a kink, and which gradients are right there.

Along one parameter, any slope between those on both sides is right (`gradient_differences`). Where
several units are at their kink at once, backpropagation takes one slope for each unit, and the
result need not lie between the slopes of the cost. It is accepted if each element lies between the
least and the largest value that it has on the smooth pieces that meet at the point (found by many
small moves, row by row where the cost is a sum over rows), and if the gradient is right beside the
point.
"""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._typing import Array
from .gradient_calls import Data, Misreturned, Result, Sample
from .gradient_cases import Comparison, at_moved, moved, sizes
from .gradient_differences import Cost
from .gradient_findings import CaseCheck

ASIDE = 1e-3
"""Relative change of parameters that leads beside the point,"""
STEPS, FARTHEST = 10, 0.3
"""but at least so many steps of a difference (no step may lead back across), and at most this."""
NEAR = 1e-6
"""Relative change that meets all pieces around the point; below float64 the difference's step."""
AT_ONCE = 64.0
"""Below float64 the gradient changes at once if it does within so many units of rounding."""
JUMP = 1e-3
"""A sudden change by more than this share of the largest element means a kink."""
PLACES = 3
"""Number of points beside it at which the gradient is compared; some may be at kinks, too."""
MOVES, FEWEST, CALLS = 96, 8, 3000
"""Moves per sample at most and at least; calls of the function for all rows at most."""
MOST_ROWS = 1000


@dataclass
class Point:
    """The parameters given, and their surroundings."""

    comparison: Comparison
    data: Data
    samples: list[Sample]
    results: list[Result]
    cases: list[CaseCheck]

    def __post_init__(self) -> None:
        comparison, cases = self.comparison, self.cases
        self.subject, self.structure = comparison.subject, comparison.subject.structure
        self.vector, self.random = self.structure.vector, comparison.random
        self.wrong = [i for i, case in enumerate(cases) if not case.passed]
        step = comparison.rounding.step
        self.share = float(np.clip(STEPS * step, ASIDE, FARTHEST))
        self.near = comparison.rounding.step if comparison.rounding.is_coarse else NEAR
        self.places = [moved(self.vector, self.share, self.random) for _ in range(PLACES)]
        self._beside: dict[tuple[int, int], CaseCheck | None] = {}

    def beside(self, i: int, place: int = 0) -> CaseCheck | None:
        """A case with parameters moved a little; None where the function cannot be compared."""
        if (i, place) not in self._beside:
            found = at_moved(self.comparison, self.samples[i], self.places[place])
            if found is not None:
                found.label += f", params moved by up to {self.share:.1%}"
            self._beside[i, place] = found
        return self._beside[i, place]

    @cached_property
    def is_right_beside(self) -> bool:
        """Whether all that is wrong here is right beside it."""
        places = range(PLACES if self.has_kinks else 1)

        def passes(i: int, place: int) -> bool:
            case = self.beside(i, place)
            return case is not None and case.passed

        return all(any(passes(i, place) for place in places) for i in self.wrong)

    @cached_property
    def has_kinks(self) -> bool:
        """Whether the gradient jumps within a step of a difference."""
        return self._jumps(self.near)

    @cached_property
    def is_at_kink(self) -> bool:
        """Whether the gradient jumps at the point itself."""
        return self._jumps(max(NEAR, AT_ONCE * self.comparison.rounding.relative))

    def _jumps(self, near: float) -> bool:
        i = self.wrong[0]
        here = self.results[i].gradient
        size = float(np.abs(here[np.isfinite(here)]).max(initial=0.0))
        moves = self._moves(self.samples[i], FEWEST) * (near / self.near)
        gradients = self._gradients(self.samples[i], moves)
        spread = np.abs(gradients - here).max(initial=0.0)
        jump = max(JUMP, 4 * near)
        return bool(spread > jump * max(size, float(np.abs(gradients).max(initial=0.0))))

    def excuse(self) -> None:
        """Accept what is a valid choice of slopes at several kinks. Changes the cases."""
        if not self.has_kinks or not all(self._is_between(i) for i in self.wrong):
            return
        if not self.is_right_beside:
            return
        for i in self.wrong:
            for array in self.cases[i].arrays:
                is_off = array.errors > array.tolerance
                array.numeric = np.where(is_off, array.checked, array.numeric)
                array.errors = np.where(is_off, 0.0, array.errors)
                array.__dict__.pop("worst", None)

    # --- the pieces around the point -------------------------------------------------------------

    def _is_between(self, i: int) -> bool:
        """Whether each element lies between its least and largest value on the pieces around."""
        result = self.results[i]
        share, parts = self._parts(self.samples[i], result)
        n_moves = int(np.clip(CALLS // len(parts), FEWEST, MOVES))
        bounds = np.zeros((2, self.vector.size))
        for part in parts:
            gradients = self._gradients(part, self._moves(part, n_moves))
            bounds += gradients.min(axis=0), gradients.max(axis=0)
        low, high = share * bounds
        size = np.maximum(np.abs(low), np.abs(high))
        same = max(1e-5, self.comparison.rounding.tolerance(0.0))
        slack = same * size + 1e-2 * same * float(size.max(initial=0.0))
        # Without a kink low and high agree, and differences decide.
        return bool(((result.gradient >= low - slack) & (result.gradient <= high + slack)).all())

    def _moves(self, sample: Sample, n: int) -> Array:
        """Small moves (n, n_params): of each element, or with one sign to a whole array.

        The latter take all units of a layer to one side at once; where a row of the data may go
        straight into an array, by the signs of that row.
        """
        random, vector = self.random, self.vector
        row = np.sign(sample.row) if sample.arrays else np.zeros(0)
        moves = 0.1 * random.uniform(-1, 1, (n, vector.size))
        n_arrays = len(self.structure.shapes)
        for k in range(0, n, 2):
            # Each array moves far more (or less) than the one before, so that one layer decides.
            scales = 10 ** np.linspace(-3, 0, n_arrays)[:: 1 if k % 4 else -1]
            signs = random.choice([-1, 1], n_arrays)
            if k < 8:
                signs[:] = 1 if k < 4 else -1
            move = random.uniform(0.5, 1, vector.size)
            for j, part in enumerate(self.structure.slices):
                shape = self.structure.shapes[j]
                array = move[part].reshape(shape)
                if len(shape) == 2 and sample.n_rows == 1 and row.size in shape and k % 8 < 4:
                    array = array * (row[:, None] if shape[0] == row.size else row)
                move[part] = (signs[j] * scales[j] * array).ravel()
            moves[k] = move
        return np.asarray(self.near * sizes(vector) * moves)

    def _gradients(self, sample: Sample, moves: Array) -> Array:
        """Gradients (n, n_params) after each move; where none is finite, that at the point."""
        found = []
        with np.errstate(all="ignore"):
            for move in moves:
                with suppress(Misreturned):
                    found.append(self.subject(self.vector + move, sample).gradient)
        finite = [g for g in found if np.isfinite(g).all()]
        return np.array(finite or [self.subject(self.vector, sample).gradient])

    def _parts(self, sample: Sample, result: Result) -> tuple[float, list[Sample]]:
        """Samples of which cost and gradient are the sum, times the factor that comes first.

        Single rows, with factor 1 or 1/n, where that is so; else the sample itself.
        """
        n = sample.n_rows
        if n == 1 or n > MOST_ROWS or not self.data.arrays:
            return 1.0, [sample]
        rows = [self.data.take([i], f"row {i}", sample) for i in range(n)]
        own = [self.subject(self.vector, row) for row in rows]
        cost, gradient = sum(r.cost for r in own), np.sum([r.gradient for r in own], axis=0)
        same = self.comparison.rounding.of_sums
        size = np.abs(result.gradient).max(initial=0.0)
        for share in (1.0, 1 / n):
            is_cost = abs(share * cost - result.cost) <= same * abs(result.cost)
            off = np.abs(share * gradient - result.gradient).max(initial=0.0)
            if is_cost and off <= same * size:
                return share, rows
        return 1.0, [sample]

    # --- what to say -----------------------------------------------------------------------------

    def about(self) -> str | None:
        """What to say of a gradient that is wrong only exactly at the parameters given."""
        if not self.is_right_beside:
            return None
        case, sample = self.cases[self.wrong[0]], self.samples[self.wrong[0]]
        array = case.failed[0]
        index, analytic, _ = array.worst
        found = (
            f"With params moved by up to {self.share:.1%} the gradient is right; exactly at those "
            f"given it is wrong, {analytic:.4g} at {array.name}{list(index)}."
        )
        # The slopes on both sides of the worst element, extrapolated to the point itself.
        rounding = self.comparison.rounding
        here = self.subject.cost(self.vector, sample)
        cost = Cost(self.subject, sample, self.vector, here, rounding)
        i = self.structure.part(array.name).start + int(array.elements[int(array.errors.argmax())])
        a, b = cost.slopes(i, rounding.step), cost.slopes(i, rounding.step / 2)
        left, right = 2 * b.left - a.left, 2 * b.right - a.right
        if abs(right - left) > 100 * b.noise + 1e-4 * max(abs(left), abs(right)):
            found += (
                " There the cost has a kink (a unit exactly at 0?), and that is not between the "
                f"slopes on both sides, {left:.4g} and {right:.4g}."
            )
        return found
