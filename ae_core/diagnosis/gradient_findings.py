"""What a gradient check found, and what its pattern means in words."""

import textwrap
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .._typing import Array

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
        index = tuple(int(i) for i in np.unravel_index(flat, self.shape))
        return index, float(self.analytic[flat]), float(self.numeric[k])

    @property
    def checked(self) -> Array:
        """The gradient under test at `elements`."""
        return self.analytic[self.elements]

    @property
    def factor(self) -> float | None:
        """The number c with analytic = c · numeric in every checked element, if there is one."""
        return constant_factor(self.checked, self.numeric)

    @property
    def is_transposed(self) -> bool:
        """Whether the gradient under test is the transpose of the right one."""
        if len(self.shape) != 2 or self.shape[0] != self.shape[1] or self.shape[0] < 2:
            return False
        transposed = self.analytic.reshape(self.shape).T.ravel()[self.elements]
        return constant_factor(transposed, self.numeric) is not None


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
    def factor(self) -> float | None:
        """The one number c with analytic = c · numeric in all arrays, if there is one."""
        return constant_factor(
            np.concatenate([a.checked for a in self.arrays]),
            np.concatenate([a.numeric for a in self.arrays]),
        )


@dataclass
class GradientCheck:
    """The result of `check_gradient`. True when passed; prints as a report."""

    cases: list[CaseCheck]
    """All rows together, single rows alone, one row three times."""
    findings: list[str]
    """What the pattern of errors means, in words; empty when passed."""
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether every array passed in every case."""
        return all(case.passed for case in self.cases)

    @property
    def arrays(self) -> dict[str, ArrayCheck]:
        """Per array the case in which it did worst."""
        columns = zip(*(case.arrays for case in self.cases), strict=True)
        return {c[0].name: max(c, key=lambda a: a.relative_error) for c in columns}

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return report(self)


def constant_factor(analytic: Array, numeric: Array) -> float | None:
    """The number c with analytic = c · numeric; None if there is none, or too little to tell."""
    size = float(np.linalg.norm(numeric))
    if len(numeric) < 2 or size == 0 or not np.isfinite(analytic).all():
        return None
    c = float(analytic @ numeric) / size**2
    if c == 0 or np.linalg.norm(analytic - c * numeric) > SAME * abs(c) * size:
        return None
    return c


# --- the pattern, in words ----------------------------------------------------------------------


def explain(together: CaseCheck, singles: list[CaseCheck], repeated: CaseCheck) -> list[str]:
    """Sentences that say what kind of wrong the gradient is; none when it is right."""
    if together.passed and repeated.passed and all(s.passed for s in singles):
        return []
    right_alone = all(s.passed for s in singles)
    for case in (together, repeated):
        c = case.factor
        if c is not None and not _close(c, 1):
            return [_about_factor(c, case, right_alone)]
    if right_alone and not together.passed:
        return [_about_rows(together, repeated)]
    if right_alone:
        return [f"Right on each row and on all of them, but wrong on {repeated.label}."]
    wrong = together if not together.passed else next(s for s in singles if not s.passed)
    return _about_arrays(wrong)


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= SAME * abs(b)


def _about_factor(c: float, case: CaseCheck, right_alone: bool) -> str:
    m, n = case.n_rows, case.n_features
    if m > 1 and right_alone and _close(c, m):
        return (
            f"The gradient is {m} times too large, and there are {m} rows: "
            "it was not divided by the number of rows, as the cost is."
        )
    if m > 1 and right_alone and _close(c, 1 / m):
        return (
            f"The gradient is 1/{m} of what it should be, and there are {m} rows: "
            "it was divided by the number of rows, but the cost is not (or it was divided twice)."
        )
    size = f"The gradient is {c:.6g} times the right one in every array: a constant factor"
    if _close(c, -1):
        return f"{size}. The sign is wrong everywhere: the residual is taken the other way round."
    if _close(c, 2) or _close(c, 0.5):
        return f"{size} of 2. Look for the 2 of a square's derivative, or a ½ in front of the cost."
    if n > 1 and (_close(c, n) or _close(c, 1 / n)):
        return f"{size}, the number of features ({n}). One of cost and gradient averages over them."
    return f"{size}. Look for a constant that stands in the cost or the gradient only."


def _about_rows(together: CaseCheck, repeated: CaseCheck) -> str:
    names = _names(together.failed)
    if repeated.passed:
        return (
            f"A derivative of one row is used for all rows (in {names}): the gradient is right on "
            "each row alone and on equal rows, but wrong on rows that differ. "
            "Compute the activation's derivative from the whole batch, not from one row such as "
            "[0]."
        )
    return (
        f"Rows are mixed up (in {names}): the gradient is right on each row alone, "
        "but wrong on several. Look for a sum or mean over the wrong axis, or one that is missing."
    )


def _about_arrays(case: CaseCheck) -> list[str]:
    failed, names = case.failed, _names(case.failed)
    n_failed, n_arrays = len(failed), len(case.arrays)
    if n_arrays == 1:
        return [f"The gradient is wrong.{_about_one(failed[0])}"]
    if n_failed == n_arrays:
        # Every delta stems from the output's, so an error there spoils everything.
        return [
            "Every array is wrong: start at the output, with the derivative of the cost and of the "
            "last activation; all other deltas are made from that one."
        ]
    if n_failed == 1 and (details := _about_one(failed[0])):
        return [f"Only {names} is wrong, all other arrays are right.{details}"]
    if failed == case.arrays[:n_failed]:
        first_right = case.arrays[n_failed].name
        c = constant_factor(
            np.concatenate([a.checked for a in failed]), np.concatenate([a.numeric for a in failed])
        )
        sign = " Its sign is wrong there." if c is not None and _close(c, -1) else ""
        return [
            f"Wrong: {names}; right: {first_right} and what follows it. So the delta goes wrong on "
            f"its way back through {first_right}: is {first_right} used transposed there, and is "
            f"the result multiplied by the derivative of the activation before it?{sign}"
        ]
    if n_failed == 1:
        return [f"Only {names} is wrong, all other arrays are right."]
    return [f"Wrong: {names}; the other arrays are right."] + [
        f"{a.name}:{details}" for a in failed if (details := _about_one(a))
    ]


def _about_one(array: ArrayCheck) -> str:
    c = array.factor
    if c is not None and not _close(c, 1):
        return " Its sign is wrong." if _close(c, -1) else f" It is {c:.6g} times the right one."
    if array.is_transposed:
        return " It is the transpose of the right one."
    if not array.checked.any():
        return " It is zero everywhere: was it ever computed?"
    return ""


def _names(arrays: list[ArrayCheck]) -> str:
    return ", ".join(a.name for a in arrays)


# --- the report ---------------------------------------------------------------------------------


def report(check: GradientCheck) -> str:
    """The result as text: verdict, findings, and per array and case the worst element."""
    together, *singles, repeated = check.cases
    if check.passed:
        worst = max(a.relative_error for a in check.arrays.values())
        verdict = f"gradient check: passed (worst relative error {worst:.1e})"
    else:
        verdict = f"gradient check: FAILED (relative errors above {check.tolerance:.0e} are wrong)"
    worst_single = max(singles, key=lambda s: max(a.relative_error for a in s.arrays))
    n_right = sum(s.passed for s in singles)
    lines = [verdict]
    for finding in check.findings:
        lines += textwrap.wrap(finding, 96, initial_indent="  → ", subsequent_indent="    ")
    lines += ["", *_table(together)]
    if check.passed:
        lines.append(f"and on each of {len(singles)} rows alone, and on one row three times.")
        return "\n".join(lines)
    lines += _table(worst_single, f"each row alone: {n_right} of {len(singles)} right, the worst:")
    lines += _table(repeated)
    return "\n".join(lines)


def _table(case: CaseCheck, title: str = "") -> list[str]:
    width = max(5, *(len(a.name) for a in case.arrays))
    lines = [f"{title or case.label + ':'}"]
    lines.append(
        f"  {'array':<{width}}  {'worst at':>10}  {'gradient':>13}  {'differences':>13}  error"
    )
    for a in case.arrays:
        if not len(a.elements):
            continue
        index, analytic, numeric = a.worst
        at = "[" + ", ".join(map(str, index)) + "]"
        subset = (
            f" ({len(a.elements)} of {a.analytic.size})"
            if len(a.elements) < a.analytic.size
            else ""
        )
        mark = "" if a.passed else "  WRONG"
        lines.append(
            f"  {a.name:<{width}}  {at:>10}  {analytic:>13.6e}  {numeric:>13.6e}  "
            f"{a.relative_error:.1e}{mark}{subset}"
        )
    return lines
