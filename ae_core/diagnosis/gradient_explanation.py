"""What the pattern of a gradient's errors means, in words."""

from itertools import takewhile

import numpy as np

from .gradient_calls import Misreturned, Sample
from .gradient_deltas import about_deltas
from .gradient_evidence import Evidence
from .gradient_findings import CaseCheck
from .gradient_inputs import about_factors
from .gradient_lone_penalty import penalty
from .gradient_orders import exchanged
from .gradient_patterns import about_one, by_how_much, whole_factor
from .gradient_rows import about_rows, without_interaction
from .gradient_scales import wrong_sizes
from .gradient_tied import ONE_USE, forgotten_half


def explain(evidence: Evidence) -> list[str]:
    """Sentences that say what kind of wrong the gradient is."""
    try:
        for pattern in (whole_factor, penalty, exchanged, wrong_sizes):
            found = pattern(evidence)
            if found:
                return found
        if evidence.is_right_alone:
            return about_rows(evidence)
        return without_interaction(evidence) or _about_arrays(evidence, *_most_telling(evidence))
    except Misreturned:  # an experiment led to where the function is not finite
        case, _ = evidence.primary
        return [f"{_which(case)} Worst: {by_how_much(case.failed)}."]


def _which(case: CaseCheck) -> str:
    if len(case.arrays) == 1:
        return "The gradient is wrong."
    if len(case.failed) == len(case.arrays):
        return "Every array is wrong."
    return f"Wrong: {', '.join(a.name for a in case.failed)}; the other arrays are right."


def _most_telling(evidence: Evidence) -> tuple[CaseCheck, Sample]:
    """A single row on which it is wrong, the one with most wrong arrays; else all rows."""
    wrong = [pair for pair in evidence.singles if not pair[0].passed]
    return max(wrong, key=lambda pair: len(pair[0].failed), default=evidence.primary)


def _forgotten_half(evidence: Evidence, name: str) -> str:
    """The half of a tied weight that is missing, if all rows that show one agree; else empty."""
    found: set[str] = set()
    for case, sample in evidence.singles:
        array = next((a for a in case.failed if a.name == name), None)
        if array is not None and len(case.failed) == len(evidence.wrong_names()):
            found.add(forgotten_half(evidence, case, array, sample) or "")
    found.discard("")
    return found.pop() if len(found) == 1 and ONE_USE not in found else ""


def _about_arrays(evidence: Evidence, case: CaseCheck, sample: Sample) -> list[str]:
    failed = case.failed
    is_row = case is not evidence.together
    is_all = len(failed) == len(case.arrays)
    head = _which(case)
    if len(failed) == 1:
        if not is_all:
            head = f"Only {failed[0].name} is wrong, all other arrays are right."
        half = _forgotten_half(evidence, failed[0].name) if is_row else ""
        details = f" {half}" if half else about_one(evidence, case, failed[0], sample)
        if not details and is_row:
            details = about_factors(evidence, failed[0], sample)
        if details:
            return [head + details]
    elif is_row and not is_all:
        # Costly (differences of every entry), so stop at the first array that is no tied weight.
        halves = list(takewhile(bool, (_forgotten_half(evidence, a.name) for a in failed)))
        if len(halves) == len(failed):
            return [f"{head} {' '.join(halves)}"]
    if is_row and all(np.isfinite(a.checked).all() for a in failed):
        found = about_deltas(evidence, case, sample)
        if found:
            return found
    if len(failed) == 1:
        return [f"{head} Worst: {by_how_much(failed)}."]
    if is_all:
        return [f"Every array is wrong, such as {by_how_much(failed)}."]
    by_detail: dict[str, list[str]] = {}
    for a in failed:
        by_detail.setdefault(about_one(evidence, case, a, sample), []).append(a.name)
    each = [
        f"{', '.join(group)}{', each' if len(group) > 1 else ''}:{detail}"
        for detail, group in by_detail.items()
        if detail
    ]
    return [f"{head} {' '.join(each) or f'Worst: {by_how_much(failed)}.'}"]
