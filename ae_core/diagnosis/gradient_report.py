"""A gradient check as text for a terminal and as HTML for a notebook."""

import textwrap
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .gradient_findings import CaseCheck, GradientCheck

WIDTH = 96
HEAD = ("array", "worst at", "gradient", "differences", "error")
STYLE = "text-align: left; padding: 0.15em 1em 0.15em 0"


def text_report(check: "GradientCheck") -> str:
    """Verdict, findings, and per array and case the worst element."""
    lines = [f"gradient check: {_verdict(check)}"]
    for finding in check.findings:
        lines += textwrap.wrap(finding, WIDTH, initial_indent="  → ", subsequent_indent="    ")
    for title, case in _tables(check):
        lines += ([""] if case is check.cases[0] else []) + _text_table(title, case)
    return "\n".join([*lines, *_also(check)])


def html_report(check: "GradientCheck") -> str:
    """The same as tables; names come from the caller and are escaped."""
    parts = ["<div>", f"<p><strong>Gradient check: {escape(_verdict(check))}</strong></p>"]
    if check.findings:
        items = "".join(f"<li>{escape(finding)}</li>" for finding in check.findings)
        parts.append(f"<ul>{items}</ul>")
    for title, case in _tables(check):
        rows = "".join(_html_row(cells, "td") for cells in _rows(case))
        head = _html_row(HEAD, "th")
        parts += [f"<p>{escape(title)}</p>", f"<table>{head}{rows}</table>"]
    parts += [f"<p>{escape(also)}</p>" for also in _also(check)]
    return "\n".join([*parts, "</div>"])


def _html_row(cells: tuple[str, ...], tag: str) -> str:
    shown = (f'<{tag} style="{STYLE}">{escape(cell)}</{tag}>' for cell in cells)
    return f"<tr>{''.join(shown)}</tr>"


def _verdict(check: "GradientCheck") -> str:
    if not check.could_compare:
        return "FAILED"
    precision = "" if check.digits == "float64" else f", at the precision of {check.digits}"
    if check.passed:
        worst = max(a.relative_error for a in check.arrays.values())
        return f"passed{precision} (worst relative error {worst:.1e})"
    return f"FAILED{precision} (relative errors above {check.tolerance:.0e} are wrong)"


def _tables(check: "GradientCheck") -> list[tuple[str, "CaseCheck"]]:
    """What is shown: all rows; and unless it passed the worst single row and the repeated one."""
    if not check.cases:
        return []
    first, *others = check.cases
    tables = [(f"{first.label}:", first)]
    if check.passed or not others:
        return tables
    singles = [c for c in others if c.label.endswith(" alone")]
    if singles:
        worst = max(singles, key=lambda s: max(a.relative_error for a in s.arrays))
        n_right = sum(s.passed for s in singles)
        tables.append((f"each row alone: {n_right} of {len(singles)} right, the worst:", worst))
    return tables + [(f"{c.label}:", c) for c in others if c not in singles]


def _also(check: "GradientCheck") -> list[str]:
    """What else passed."""
    if not check.passed or len(check.cases) == 1:
        return []
    n_singles = sum(c.label.endswith(" alone") for c in check.cases)
    return [f"and on each of {n_singles} rows alone, and on one row three times."]


def _rows(case: "CaseCheck") -> list[tuple[str, ...]]:
    """Of each array: its name, where it is worst, both derivatives there, and the error."""
    rows: list[tuple[str, ...]] = []
    for array in case.arrays:
        n, size = len(array.elements), array.analytic.size
        if n:
            index, analytic, numeric = array.worst
            error = f"{array.relative_error:.1e}" + ("" if array.passed else "  WRONG")
            error += f" ({n} of {size})" if n < size else ""
            at = str(list(index))
            rows.append((array.name, at, f"{analytic:.6e}", f"{numeric:.6e}", error))
    return rows


def _text_table(title: str, case: "CaseCheck") -> list[str]:
    rows = [HEAD, *_rows(case)]
    width = max(len(name) for name, *_ in rows)
    wide = max(10, *(len(at) for _, at, *_ in rows))
    return [title] + [
        f"  {name:<{width}}  {at:>{wide}}  {analytic:>13}  {numeric:>13}  {error}"
        for name, at, analytic, numeric, error in rows
    ]
