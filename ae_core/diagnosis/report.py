"""A diagnosis as text for a terminal and as HTML for a notebook."""

import math
import textwrap
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from .findings import Finding
from .words import count, number, percent

if TYPE_CHECKING:
    from .diagnose import Diagnosis

WIDTH = 96
WORST = 5
"""Columns that the report names."""
LAYERS = 8
"""Layers that the text has room for; those with units to report come first."""
STYLE = "text-align: left; padding: 0.15em 1em 0.15em 0"
COLORS = {"warning": "#b3261e", "note": "#30638e"}


def text_report(diagnosis: "Diagnosis") -> str:
    """Verdict, findings with what to try, losses, columns, layers and code."""
    lines = [f"diagnosis: {_verdict(diagnosis)} ({_subject(diagnosis)})"]
    for finding in diagnosis.findings:
        lines += _wrapped(f"{finding.name}: {finding.message}", "  → ")
        lines += _wrapped(finding.advice, "    what to try: ", " " * 6)
    lines.append("")
    rows = [(name, number(loss), share) for name, loss, share in _losses(diagnosis)]
    width = max(len(name) for name, _, _ in rows)
    lines.append(f"  {'loss':<{width}}  {'':>10}  of the mean's")
    lines += [f"  {name:<{width}}  {loss:>10}  {share:>13}" for name, loss, share in rows]
    worst = _worst_columns(diagnosis)
    if worst:
        width = max(len(_shown(name)) for name, _ in worst)
        lines.append("")
        lines.append(f"  {_explained_heading(diagnosis)}")
        lines += [f"  {_shown(name):<{width}}  {share:>12}" for name, share in worst]
    lines += ["", *_layer_lines(diagnosis)]
    return "\n".join(lines)


def html_report(diagnosis: "Diagnosis") -> str:
    """The same as a table; everything that comes from the data is escaped."""
    parts = [
        "<div>",
        f"<p><strong>Diagnosis: {escape(_verdict(diagnosis))}</strong> "
        f"({escape(_subject(diagnosis))})</p>",
    ]
    if diagnosis.findings:
        items = "".join(_html_finding(finding) for finding in diagnosis.findings)
        parts.append(f"<ul>{items}</ul>")
    losses = [(name, number(loss), share) for name, loss, share in _losses(diagnosis)]
    parts.append(_html_table(("loss", "", "of the mean's"), losses))
    worst = _worst_columns(diagnosis)
    if worst:
        parts.append(_html_table((_explained_heading(diagnosis), ""), worst))
    layers = [
        (layer.label, str(layer.units), str(layer.dead), str(layer.saturated))
        for layer in diagnosis.layers
    ]
    parts.append(_html_table(("layer", "units", "dead", "saturated"), layers))
    return "\n".join([*parts, "</div>"])


def _verdict(diagnosis: "Diagnosis") -> str:
    if diagnosis.ok:
        return "nothing found"
    n_warnings = len(diagnosis.warnings)
    n_notes = len(diagnosis.findings) - n_warnings
    return ", ".join(
        count(n, thing) for n, thing in ((n_warnings, "warning"), (n_notes, "note")) if n
    )


def _subject(diagnosis: "Diagnosis") -> str:
    return (
        f"{count(diagnosis.n_rows, 'row')}, {count(len(diagnosis.explained), 'column')}, "
        f"code of {len(diagnosis.code.share)}"
    )


def _losses(diagnosis: "Diagnosis") -> list[tuple[str, float, str]]:
    mean = diagnosis.baselines["column mean"]
    rows = [("this network", diagnosis.loss)]
    rows += sorted(diagnosis.baselines.items(), key=lambda item: item[0] == "column mean")
    return [
        (name, loss, percent(loss / mean) if mean > 0 and math.isfinite(loss) else "")
        for name, loss in rows
    ]


def _worst_columns(diagnosis: "Diagnosis") -> list[tuple[str, str]]:
    order = np.argsort(diagnosis.explained)  # NaN, for constant columns, comes last
    shown = [i for i in order[:WORST] if np.isfinite(diagnosis.explained[i])]
    return [(diagnosis.feature_names[i], percent(float(diagnosis.explained[i]))) for i in shown]


def _explained_heading(diagnosis: "Diagnosis") -> str:
    finite = diagnosis.explained[np.isfinite(diagnosis.explained)]
    constant = len(diagnosis.explained) - len(finite)
    extra = f"; {constant} constant" if constant else ""
    typical = percent(float(np.median(finite)))
    return f"variance explained: {typical} of the median column{extra}; the least:"


def _layer_lines(diagnosis: "Diagnosis") -> list[str]:
    layers = diagnosis.layers
    if len(layers) > LAYERS:
        told = sorted(layers, key=lambda layer: -(layer.dead + layer.saturated))[:LAYERS]
        layers = tuple(sorted(told, key=lambda layer: layer.number))
    width = max(len(layer.label) for layer in layers)
    lines = [f"  {'':<{width}}  units   dead  saturated"]
    lines += [
        f"  {layer.label:<{width}}  {layer.units:>5}  {layer.dead:>5}  {layer.saturated:>9}"
        for layer in layers
    ]
    return lines


def _wrapped(text: str, first: str, then: str = "    ") -> list[str]:
    return textwrap.wrap(_printable(text), WIDTH, initial_indent=first, subsequent_indent=then)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "·" for c in text)


def _shown(name: str, at_most: int = 40) -> str:
    name = _printable(name)
    return name if len(name) <= at_most else name[: at_most - 1] + "…"


def _html_finding(finding: Finding) -> str:
    color = COLORS[finding.severity]
    return (
        f'<li><span style="color: {color}">{escape(finding.name)}</span>: '
        f"{escape(finding.message)}<br><em>What to try:</em> {escape(finding.advice)}</li>"
    )


def _html_table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...], tag: str) -> str:
        inner = "".join(f'<{tag} style="{STYLE}">{escape(_shown(c, WIDTH))}</{tag}>' for c in cells)
        return f"<tr>{inner}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"
