"""What is notable about a table, before anything is fitted to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from .._typing import Array
from ..basics.memory import SMALLER, lacking
from ..data.column_kinds import Kinds, column_kinds
from . import data_findings
from .baselines import smaller_product
from .column_findings import far_columns, far_values, scales
from .findings import Finding, note
from .measures import columns_of, largest_first, share_of_few
from .reconstruction import evenly
from .report import findings_html, findings_text, tidied
from .table_facts import ENTRIES, TableFacts, table_facts
from .words import agree, as_json, columns, count, names_of, number, percent, quoted

ROWS = 10_000
"""At most so many rows are looked at, evenly spaced; fewer of wide tables."""
FEWEST_ROWS = 50
PCA_ROWS = 1000
"""Rows that PCA is computed of: what it costs is the cube of them, or of the columns."""
SHARE = 0.9
"""Of the variance, that a number of components is said for."""


@dataclass(frozen=True, eq=False)
class DataReport:
    """What `diagnose_data` found. Prints as a report; shows as a table in notebooks."""

    n_rows: int
    names: tuple[str, ...]
    """What the columns are called."""
    kinds: tuple[str, ...]
    """Of each column: 'numbers', 'flags', 'text', 'dates', 'spans' (of time) or 'other'."""
    shares_missing: Array
    """(n,): share of the entries of each column that is missing."""
    standard_deviation: Array
    """(n,), NaN for columns that are no numbers."""
    n_components: int | None
    """Principal components of the standardised columns that explain 90 % of their variance; None
    where there is no variance, or there are too few rows."""
    n_looked_at: int
    """Rows that were looked at."""
    n_repeated: int
    """Of these, the rows that repeat another."""
    findings: tuple[Finding, ...]
    """What is notable, gravest first."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON can hold it; what is no finite number is None."""
        columns = zip(
            self.names, self.kinds, self.shares_missing, self.standard_deviation, strict=True
        )
        parts = {
            "ok": self.ok,
            "n_rows": self.n_rows,
            "columns": [
                {"name": name, "kind": kind, "missing": missing, "standard_deviation": deviation}
                for name, kind, missing, deviation in columns
            ],
            "n_components_for_90_percent": self.n_components,
            "n_looked_at": self.n_looked_at,
            "n_repeated": self.n_repeated,
            "findings": self.findings,
        }
        return {name: as_json(part) for name, part in parts.items()}

    def __str__(self) -> str:
        heading = f"data: {tidied(self._heading)}"
        lines = [f"  {tidied(line)}" for line in self._lines()]
        return "\n".join([heading, *findings_text(self.findings), "", *lines])

    def _repr_html_(self) -> str:
        return findings_html(f"Data: {self._heading}", self.findings, self._lines())

    @property
    def _heading(self) -> str:
        n_each = [(kind, self.kinds.count(kind)) for kind in dict.fromkeys(self.kinds)]
        of = ", ".join(f"{n} of {kind}" for kind, n in n_each)
        of = f": {of}" if len(n_each) > 1 else f" of {self.kinds[0]}"
        found = count(len(self.findings), "note") if self.findings else "nothing notable"
        return f"{found} ({count(self.n_rows, 'row')}, {count(len(self.names), 'column')}{of})"

    def _lines(self) -> list[str]:
        lines = []
        deviations = self.standard_deviation
        varying = np.flatnonzero(deviations > 0)
        if len(varying):
            low = varying[np.argmin(deviations[varying])]
            high = varying[np.argmax(deviations[varying])]
            lines.append(
                f"standard deviations: from {number(float(deviations[low]))} "
                f"({quoted(self.names[low])}) to {number(float(deviations[high]))} "
                f"({quoted(self.names[high])}); scale='standard', the default, makes them equal"
            )
        if self.shares_missing.any():
            worst = int(self.shares_missing.argmax())
            n_with = int((self.shares_missing > 0).sum())
            lines.append(
                f"missing: {percent(float(self.shares_missing.mean()))} of the entries, in "
                f"{count(n_with, 'column')}, most in {quoted(self.names[worst])} "
                f"({percent(float(self.shares_missing[worst]))})"
            )
        if self.n_repeated:
            repeat = "repeats" if self.n_repeated == 1 else "repeat"
            lines.append(f"{self.n_repeated} of {count(self.n_looked_at, 'row')} {repeat} another")
        if self.n_components is not None:
            lines.append(
                f"PCA: {count(self.n_components, 'component')} "
                f"explain{'s' if self.n_components == 1 else ''} {percent(SHARE)} of the variance "
                "of the standardised columns"
            )
        return lines or ["no column of numbers varies"]


def diagnose_data(X: Any, *, feature_names: Sequence[Any] | None = None) -> DataReport:
    """Say what is notable about a table, before anything is fitted to it.

    Scales, constant columns, values that stand for missing ones, text, dates and identifiers,
    missing entries, columns that repeat another, a few rows that outweigh all others, and how many
    principal components the table needs for 90 % of its variance: a first guess at `n_components`.

    Parameters
    ----------
    X : array, DataFrame or Table (of pandas, polars or pyarrow), scipy.sparse matrix
        Of more than 10 000 rows so many are looked at, evenly spaced; fewer of wide tables.
    feature_names : sequence of str, optional
        What to call the columns of an array; 0, 1, … when absent.

    Returns
    -------
    ae_core.diagnosis.data_report.DataReport
        What is notable; prints as a report.

    Raises
    ------
    ValueError
        When X is no table with rows and columns, or names do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> from ae_core import diagnose_data
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> X[:20, 1] = -999
    >>> report = diagnose_data(X, feature_names=["height", "weight", "age"])
    >>> [finding.name for finding in report.findings]
    ['sentinels']
    """
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            return _data_report(X, feature_names)
    except MemoryError as error:
        raise lacking("diagnose_data", error, SMALLER) from None


def _data_report(X: Any, feature_names: Sequence[Any] | None) -> DataReport:
    shape = np.shape(X) if not hasattr(X, "shape") else X.shape
    n_columns = int(shape[1]) if len(shape) == 2 else 1
    kinds = column_kinds(X, min(ROWS, max(FEWEST_ROWS, ENTRIES // max(1, n_columns))))
    names = names_of(feature_names, kinds.names)
    table = np.where(np.isinf(kinds.numbers), np.nan, kinds.numbers)  # (m, n)
    m, n = table.shape
    numeric = kinds.of_kind("numbers", "flags")
    found: list[Finding | None] = [*_no_numbers(kinds, names), _infinite(kinds, names)]
    deviations = np.full(n, np.nan)
    n_components = None
    if numeric:
        part, of_part = table[:, numeric], tuple(names[i] for i in numeric)
        facts = table_facts(part, of_part, kinds.n_rows)
        deviations[numeric] = np.sqrt(columns_of(part, of_part).variance)
        found += [check(facts) for check in data_findings.OF_TABLES]
        part, of_part = _amounts(part, facts)
        found += _of_amounts(part, of_part)
        found.append(_missing(kinds.n_missing[numeric] / m, facts))
        n_components = _components(part)
    return DataReport(
        n_rows=kinds.n_rows,
        names=names,
        kinds=kinds.kinds,
        shares_missing=kinds.n_missing / m,
        standard_deviation=deviations,
        n_components=n_components,
        n_looked_at=m,
        n_repeated=m - len({row.tobytes() for row in table + 0.0}) if len(numeric) == n else 0,
        findings=tuple(finding for finding in found if finding is not None),
    )


def _amounts(part: Array, facts: TableFacts) -> tuple[Array, tuple[str, ...]]:
    """The columns (m, k) whose numbers are amounts, without what only stands for 'missing'."""
    part = part.copy()
    for sentinel in facts.sentinels:
        column = part[:, sentinel.column]
        column[column == sentinel.value] = np.nan
    dates = [column for column, _ in facts.dates]
    left_out = {*facts.missing, *facts.ids, *facts.named_ids, *dates}
    kept = [i for i in range(part.shape[1]) if i not in left_out]
    return part[:, kept], tuple(facts.names[i] for i in kept)


def _of_amounts(part: Array, names: tuple[str, ...]) -> list[Finding | None]:
    if not part.shape[1]:
        return []
    summary, far = columns_of(part, names), far_columns(part, range(len(names)))
    share = share_of_few((_standardised(part) ** 2).sum(axis=1))
    return [
        scales(summary),
        data_findings.constants(summary, len(part)),
        data_findings.few_rows(len(part), share) or far_values(far, names),
    ]


def _standardised(part: Array) -> Array:
    """The columns of a table (m, n) that vary, with variances of 1, 0 where missing: (m, k)."""
    summary = columns_of(part, ("",) * part.shape[1])
    varying = summary.variance > 0
    standard = (part - summary.mean)[:, varying] / np.sqrt(summary.variance[varying])
    return np.nan_to_num(standard)


def _components(part: Array) -> int | None:
    """How many principal components explain 90 % of standardised columns (m, n)."""
    standard = _standardised(part[evenly(len(part), PCA_ROWS)])
    m, k = standard.shape
    if m < 3 or k < 1:
        return None
    values = np.maximum(scipy.linalg.eigvalsh(smaller_product(standard))[::-1], 0)
    reached = np.cumsum(values) / values.sum()
    return int(np.searchsorted(reached, SHARE - 1e-9) + 1)


NO_NUMBERS = (
    (
        "text",
        "text_columns",
        "text",
        "columns='mixed' takes text and categories of a DataFrame as they are; or encode them as "
        "numbers.",
    ),
    (
        "dates",
        "date_columns",
        "points in time",
        "Make of them what matters as numbers, such as the hour, the weekday or the days since a "
        "start.",
    ),
    ("spans", "time_spans", "spans of time", "Give them as numbers, such as hours or days."),
    ("other", "other_columns", "neither numbers nor text", "Leave such columns out."),
)
"""Kinds of columns that no network takes as they are; a finding's name, what they hold, advice."""


def _no_numbers(kinds: Kinds, names: tuple[str, ...]) -> Iterator[Finding]:
    for kind, name, what, advice in NO_NUMBERS:
        which = kinds.of_kind(kind)
        if not which:
            continue
        detail = kinds.details[which[0]] if len(which) == 1 else ""
        told = [i for i in which if kinds.details[i].startswith("that reads")]
        if len(which) > 1 and told:
            detail = f"({quoted(names[told[0]])} {kinds.details[told[0]][len('that ') :]})"
        text = f"{columns(names, which, 'holds', 'hold')} {what} {detail}".strip()
        yield note(name, f"{text}.", advice)


def _infinite(kinds: Kinds, names: tuple[str, ...]) -> Finding | None:
    which = np.flatnonzero(np.isinf(kinds.numbers).any(axis=0))
    if not len(which):
        return None
    return note(
        "infinite_values",
        f"{columns(names, which, 'has', 'have')} infinite values.",
        "Put NaN there, and use missing_values='mask'; or leave such rows out.",
    )


def _missing(shares: Array, facts: TableFacts) -> Finding | None:
    # Of columns without any value it is said already.
    which = largest_first(shares, (shares > 0) & (shares < 1))
    if not len(which):
        return None
    most = f"{agree(which, '', 'up to ')}{percent(float(shares[which[0]]))}"
    return note(
        "missing_entries",
        f"{columns(facts.names, which, 'has', 'have')} no value in {most} of the rows.",
        "missing_values='mask' learns around missing entries, and impute fills them in.",
    )
