"""What a diagnosis can find out about the data: scales, outliers, columns that are no numbers."""

import math

import numpy as np

from ..formulas.losses import LOSSES
from .findings import Finding, note
from .measures import Columns, Measures, largest_first, lower_median
from .table_facts import TableFacts
from .words import NAMED, agree, and_more, columns, count, label, number, percent, quoted, value

BADLY_SCALED = 100.0
"""Times the median column's variance, and …"""
DOMINATES = 0.5
"""… together with its like more than half of all variance, so that the loss is about it."""
FAR_FROM_ZERO = 30.0
"""Standard deviations: biases that start at zero have to travel that far first."""
FEW_ROWS = 0.5
"""Share of all squared distance to the mean that 1 % of the rows make; of a normal one, 0.02."""
ROWS_FOR_ONE_PERCENT = 100
MOST_WEIGHT = 0.5
"""Share of all weights that 1 % of the rows have; equal ones, 0.01."""
PADDING = 0.5
"""Share of columns with the same least (or largest) value: that value then stands for nothing."""


# --- as the network sees them -------------------------------------------------------------------


def badly_scaled_columns(m: Measures) -> Finding | None:
    """Columns whose size, not whose meaning, decides what the loss is about."""
    losses = [LOSSES[group.loss] for group in m.architecture.output_groups]
    if any(loss.has_size or loss.from_logits == "softmax" for loss in losses):
        return None  # counts weigh by how many they are, not by their variance, and are not scaled
    c = m.columns
    counted = c.variance * c.weight
    varying = counted > 0
    if not varying.any():
        return None
    total, typical = float(counted[varying].sum()), lower_median(counted[varying])
    typical_variance = lower_median(c.variance[varying])
    # Whoever gives a column a large weight means it.
    large = (counted > BADLY_SCALED * typical) & (c.variance > BADLY_SCALED * typical_variance)
    if large.any() and counted[large].sum() > DOMINATES * total:
        which = largest_first(counted, large)
        return Finding(
            "badly_scaled_columns",
            f"{columns(c.names, which, 'has', 'have')} up to "
            f"{number(float(counted[which[0]] / typical))} times the variance of the median "
            f"column, and so {agree(which, 'is', 'are')} "
            f"{percent(float(counted[which].sum() / total))} of what the loss is about: the other "
            "columns hardly count.",
            "Try scale='standard' (or a logarithm, where a column spans powers of ten).",
        )
    deviation = np.sqrt(c.variance)
    least = math.sqrt(typical_variance)
    far = varying & (np.abs(c.mean) > FAR_FROM_ZERO * np.maximum(deviation, least))
    if not far.any():
        return None
    away = np.abs(c.mean) / deviation
    which = largest_first(away, far)
    return Finding(
        "badly_scaled_columns",
        f"{columns(c.names, which, 'lies', 'lie')} up to {number(float(away[which[0]]))} "
        "standard deviations away from zero, where the network starts: it has to learn the offset "
        "before anything else.",
        "Try scale='standard', which takes the mean away.",
    )


def heavy_outliers(m: Measures) -> Finding | None:
    """A few rows so far away that the loss is about them."""
    is_robust = any(g.loss in ("absolute_error", "huber") for g in m.architecture.output_groups)
    return few_rows(m.n_rows, m.few_rows_share, is_robust=is_robust)


def few_rows(n_rows: int, share: float, *, is_robust: bool = False) -> Finding | None:
    """The same, from the share of all squared distance that the farthest 1 % of rows make.

    A robust loss is not dominated by them, but the scale of the columns is.
    """
    if n_rows < ROWS_FOR_ONE_PERCENT or not share > FEW_ROWS:
        return None
    return note(
        "heavy_outliers",
        f"The farthest {count(n_rows // 100, 'row')} of {n_rows} make "
        f"{percent(share)} of the data's variance: "
        f"{'columns are scaled by' if is_robust else 'the loss is mostly about'} them.",
        "Look at those rows: drop them if they are errors; else take a logarithm of the columns "
        f"that they are large in{'' if is_robust else ', or loss=' + repr('huber')}.",
    )


def concentrated_weights(m: Measures) -> Finding | None:
    """Weights of rows by which a few of them are all that counts."""
    if m.n_rows < ROWS_FOR_ONE_PERCENT or not m.few_weights_share > MOST_WEIGHT:
        return None
    return note(
        "concentrated_weights",
        f"The heaviest {count(m.n_rows // 100, 'row')} of {m.n_rows} have "
        f"{percent(m.few_weights_share)} of all sample_weight: scaling, loss and training go by "
        "them, and the other rows hardly count.",
        "Look at those weights: if they are not meant so, give smaller ones to such rows, or none.",
    )


# --- in the user's units ------------------------------------------------------------------------


def constant_columns(m: Measures) -> Finding | None:
    """Columns of one value, unless it is what other columns also have where nothing is."""
    return constants(m.columns, m.n_rows)


def constants(c: Columns, n_rows: int) -> Finding | None:
    """The same from the columns alone."""
    constant = c.is_constant
    which = np.flatnonzero(constant)
    if n_rows < 2:
        return None
    # The border of images, words never used: not a fault of the table. Zero, or white, is then
    # also the least or the largest value of many other columns.
    for ends in (c.shown_low, c.shown_high):
        values, counts = np.unique(ends[~constant], return_counts=True)
        if len(values) and counts.max() >= PADDING * (~constant).sum() and counts.max() > 1:
            which = which[ends[which] != values[counts.argmax()]]
    if not len(which):
        return None
    always = f", always {value(float(c.shown_low[which[0]]))}" if len(which) == 1 else ""
    seen = " that has one" if c.has_gaps[which].any() else ""
    return note(
        "constant_columns",
        f"{columns(c.names, which, 'has', 'have')} the same value in every row{seen}{always}: "
        f"nothing can be learned of {agree(which, 'it', 'them')}, and a new row that "
        "differs there will look like an outlier.",
        "Leave such columns out.",
    )


def missing_columns(facts: TableFacts) -> Finding | None:
    """Columns without any value."""
    which = facts.missing
    if not which:
        return None
    return note(
        "missing_columns",
        f"{columns(facts.names, which, 'has', 'have')} no value in any row: nothing can be learned "
        f"of {agree(which, 'it', 'them')}, and what is filled in there means nothing.",
        "Leave such columns out.",
    )


def sentinels(facts: TableFacts) -> Finding | None:
    """Values that stand for 'missing', and are learned as if they were measured."""
    if not facts.sentinels:
        return None
    told = [
        f"{label(facts.names, sentinel.column)} is {value(sentinel.value)} in "
        f"{percent(sentinel.share)} of the rows, {sentinel.why}"
        for sentinel in facts.sentinels[:NAMED]
    ]
    more = and_more(len(facts.sentinels), "column")
    text = "; ".join(told) + (more and f";{more}")
    return note(
        "sentinels",
        f"{text[0].upper()}{text[1:]}: such a value often stands for 'missing', and is learned as "
        "if it were measured.",
        "If it does, put NaN there, and use missing_values='mask'.",
    )


def duplicate_columns(facts: TableFacts) -> Finding | None:
    """Columns that say what another says, and so count twice."""
    said = []
    if facts.duplicates:
        groups = [" and ".join(quoted(facts.names[c]) for c in g[:NAMED]) for g in facts.duplicates]
        more = and_more(len(groups), "group")
        said.append(f"Columns with the same values: {', '.join(groups[:NAMED])}{more}.")
    other = "the other times a number, plus a number"
    nearly = "that are nearly so" if facts.multiples else f"of which one nearly is {other}"
    for pairs, what in (
        (facts.same_where_seen, "Columns with the same values wherever both have one"),
        (facts.multiples, f"Columns of which one is {other}"),
        (facts.near_copies, f"Columns {nearly} (a correlation above 0.9999)"),
    ):
        if pairs:
            named = [f"{quoted(facts.names[i])} and {quoted(facts.names[j])}" for i, j in pairs]
            more = and_more(len(pairs), "pair")
            said.append(f"{what}: {', '.join(named[:NAMED])}{more}.")
    if not said:
        return None
    return note(
        "duplicate_columns",
        f"{' '.join(said)} What they say counts twice in the loss.",
        "Leave one of them out, if that is not meant.",
    )


def ids_and_dates(facts: TableFacts) -> Finding | None:
    """Columns of which the numbers are names or points in time, not amounts."""
    written = facts.dates[0][1] if facts.dates else ""
    said = [
        f"{columns(facts.names, which, *verb)} {what}"
        for which, verb, what in (
            (
                facts.ids,
                ("numbers", "number"),
                "the rows, each value once: an identifier, or a rank, says nothing about a row by "
                "its size.",
            ),
            (
                facts.named_ids,
                ("has", "have"),
                "another value in every row, and a name like an identifier: its size then says "
                "nothing about a row.",
            ),
            (
                [column for column, _ in facts.dates],
                ("looks", "look"),
                f"like points in time ({written}).",
            ),
        )
        if which
    ]
    if not said:
        return None
    return note(
        "ids_and_dates",
        " ".join(said),
        "Leave identifiers out; make of a date what matters, such as the hour or the weekday.",
    )


OF_TABLES = (missing_columns, sentinels, duplicate_columns, ids_and_dates)
"""All that is looked for in a table, whatever is learned from it."""
