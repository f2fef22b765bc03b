"""What the pattern of a gradient's errors means, in words."""

import numpy as np

from .gradient_calls import Misreturned, Sample
from .gradient_deltas import about_deltas, telling_rows
from .gradient_evidence import Evidence, quietly
from .gradient_findings import ArrayCheck, CaseCheck
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
        return _explained(evidence)
    except Misreturned:  # an experiment led to where the function is not finite
        case, _ = evidence.primary
        return [f"{_which(case)} Worst: {by_how_much(case.failed)}."]


def _which(case: CaseCheck) -> str:
    names = ", ".join(a.name for a in case.failed)
    if len(case.arrays) == 1:
        return "The gradient is wrong."
    if len(case.failed) == len(case.arrays):
        return "Every array is wrong."
    return f"Wrong: {names}; the other arrays are right."


def _explained(evidence: Evidence) -> list[str]:
    with quietly():
        for pattern in (whole_factor, penalty, exchanged, wrong_sizes):
            found = pattern(evidence)
            if found:
                return found
        if evidence.is_right_alone:
            return about_rows(evidence)
        found = without_interaction(evidence)
        if found:
            return found
        return _about_arrays(evidence, *_most_telling(evidence))


def _most_telling(evidence: Evidence) -> tuple[CaseCheck, Sample]:
    """A single row on which it is wrong, the one with most wrong arrays; else all rows."""
    wrong = [
        (case, sample)
        for case, sample in zip(evidence.cases[1:-1], evidence.samples[1:-1], strict=True)
        if not case.passed
    ]
    return max(wrong, key=lambda pair: len(pair[0].failed)) if wrong else evidence.primary


def _forgotten_half(evidence: Evidence, name: str) -> str | None:
    """What is said of a tied weight on the first rows on which it can be told; one thing."""
    found: list[str] = []
    wrong = evidence.wrong_names()
    for case, sample in zip(evidence.singles, evidence.samples[1:-1], strict=True):
        if name in [a.name for a in case.failed] and len(case.failed) == len(wrong):
            array = next(a for a in case.failed if a.name == name)
            said = forgotten_half(evidence, case, array, sample)
            found += [said] if said else []
    return found[0] if len(set(found)) == 1 and found[0] != ONE_USE else None


def _forgotten_halves(evidence: Evidence, failed: list[ArrayCheck]) -> str:
    """The same of each of some arrays; nothing as soon as one of them is no such weight."""
    halves: list[str] = []
    for array in failed:  # each takes a call for every entry of it
        half = _forgotten_half(evidence, array.name)
        if not half:
            return ""
        halves.append(half)
    return " ".join(halves)


def _about_arrays(evidence: Evidence, case: CaseCheck, sample: Sample) -> list[str]:
    failed = case.failed
    names = ", ".join(a.name for a in failed)
    is_row = case is not evidence.together
    if len(failed) == 1:
        only = "The gradient is wrong."
        if len(case.arrays) > 1:
            only = f"Only {names} is wrong, all other arrays are right."
        half = _forgotten_half(evidence, failed[0].name) if is_row else None
        details = f" {half}" if half else about_one(evidence, case, failed[0], sample)
        if not details and is_row:
            details = about_factors(evidence, failed[0], telling_rows(evidence, sample))
        if details:
            return [only + details]
    if is_row and 1 < len(failed) < len(case.arrays):
        told = _forgotten_halves(evidence, failed)
        if told:
            return [f"Wrong: {names}; the other arrays are right. {told}"]
    if is_row and all(np.isfinite(a.checked).all() for a in failed):
        found = about_deltas(evidence, case, sample)
        if found:
            return found
    if len(failed) == 1:
        return [f"{only} Worst: {by_how_much(failed)}."]
    if len(failed) == len(case.arrays):
        return [f"Every array is wrong, such as {by_how_much(failed)}."]
    by_detail: dict[str, list[str]] = {}
    for a in failed:
        by_detail.setdefault(about_one(evidence, case, a, sample), []).append(a.name)
    each = [
        f"{', '.join(group)}{', each' if len(group) > 1 else ''}:{detail}"
        for detail, group in by_detail.items()
        if detail
    ]
    return [
        f"Wrong: {names}; the other arrays are right. "
        + (" ".join(each) if each else f"Worst: {by_how_much(failed)}.")
    ]
