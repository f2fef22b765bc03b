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
    from .result import Diagnosis
    from .trials import Trials

WIDTH = 96
WORST = 5
"""Columns that the report names."""
UNITS = 12
"""Code units of which the report says how much they carry."""
NAME = 60
"""Characters of a name in a table of losses."""
LAYERS = 8
"""Layers that the text has room for; those with units to report come first."""
STYLE = "text-align: left; padding: 0.15em 1em 0.15em 0"
COLORS = {"warning": "#d1453b", "note": "#3f7fb5"}  # legible on white and on black


def text_report(diagnosis: "Diagnosis") -> str:
    """Verdict, findings with what to try, losses, columns, layers and code."""
    lines = [f"diagnosis: {_verdict(diagnosis)} ({_subject(diagnosis)})"]
    lines += findings_text(diagnosis.findings)
    if _is_worth_saying(diagnosis):
        lines += _wrapped(f"training ended because {diagnosis.stopped_because}.", "  ", "  ")
    for trials in _trials(diagnosis):
        lines += ["", *_table(trials.heading, _of(diagnosis), trials.rows(), _what(trials))]
        lines += _wrapped(trials.ending, "  ") if trials.ending else []
    lines.append("")
    rows = [(name, number(loss), share) for name, loss, share in _losses(diagnosis)]
    lines += _table("loss", _of(diagnosis), rows)
    more = _more(diagnosis)
    lines += ["" for _ in more[:1]]
    for text in more:
        lines += _wrapped(text, "  ", "  ")
    worst = _worst_columns(diagnosis)
    if worst:
        width = max(len(_shown(name)) for name, _ in worst)
        lines.append("")
        lines.append(f"  {_explained_heading(diagnosis)}")
        lines += [f"  {_shown(name):<{width}}  {share:>12}" for name, share in worst]
    lines += ["", *_layer_lines(diagnosis)]
    return "\n".join(lines)


def findings_text(findings: Sequence[Finding]) -> list[str]:
    """Each finding with what to try."""
    lines = []
    for finding in findings:
        lines += _wrapped(f"{finding.name}: {finding.message}", "  → ")
        lines += _wrapped(finding.advice, "    what to try: ", " " * 6)
    return lines


def findings_html(heading: str, findings: Sequence[Finding], lines: Sequence[str]) -> str:
    """A heading, findings and lines; everything that comes from the data is escaped."""
    items = "".join(_html_finding(finding) for finding in findings)
    parts = [f"<p><strong>{escape(heading)}</strong></p>", f"<ul>{items}</ul>" if items else ""]
    return "\n".join(["<div>", *parts, *(f"<p>{escape(line)}</p>" for line in lines), "</div>"])


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
    if _is_worth_saying(diagnosis):
        parts.append(f"<p>training ended because {escape(diagnosis.stopped_because)}.</p>")
    of = _of(diagnosis)
    for trials in _trials(diagnosis):
        parts.append(_html_table((trials.heading, _what(trials), of), trials.rows()))
        parts.append(f"<p>{escape(trials.ending)}</p>" if trials.ending else "")
    losses = [(name, number(loss), share) for name, loss, share in _losses(diagnosis)]
    parts.append(_html_table(("loss", "", of), losses))
    parts += [f"<p>{escape(tidied(text))}</p>" for text in _more(diagnosis)]
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


def _trials(diagnosis: "Diagnosis") -> "list[Trials]":
    """Those of which there is something to show."""
    both = diagnosis.trials, diagnosis.filling_trials
    return [trials for trials in both if trials is not None and trials.helped]


def _what(trials: "Trials") -> str:
    """The heading of the figures."""
    return "error" if trials.measure.startswith("error") else "loss"


def _losses(diagnosis: "Diagnosis") -> list[tuple[str, float, str]]:
    constant = diagnosis.baselines[diagnosis.constant]
    rows = [(diagnosis.subject, diagnosis.loss), *reversed(diagnosis.baselines.items())]
    return [
        (name, loss, percent(loss / constant) if constant > 0 and math.isfinite(loss) else "")
        for name, loss in rows
    ]


def _of(diagnosis: "Diagnosis") -> str:
    """What shares are of: 'of the mean's'."""
    return f"of the {diagnosis.constant.split()[-1]}'s"


def _table(
    heading: str, of: str, rows: Sequence[tuple[str, str, str]], what: str = "loss"
) -> list[str]:
    """Names, losses and shares, under a heading."""
    rows = [(_shown(name, NAME), loss, share) for name, loss, share in rows]
    width = max(len(name) for name, _, _ in rows)
    lines = [f"  {name:<{width}}  {loss:>10}  {share:>13}" for name, loss, share in rows]
    if len(heading) > width:
        return [f"  {heading}", f"  {'':<{width}}  {what:>10}  {of:>13}", *lines]
    return [f"  {heading:<{width}}  {'':>10}  {of:>13}", *lines]


def _is_worth_saying(diagnosis: "Diagnosis") -> bool:
    """Whether the reader does not know why training ended."""
    why = diagnosis.stopped_because
    is_told = any(finding.name == "diverged" for finding in diagnosis.findings)
    return bool(why) and not why.startswith("reached max_iter") and not is_told


def _more(diagnosis: "Diagnosis") -> list[str]:
    """Of several networks, hidden entries and a drawn code: a text each."""
    texts = list(diagnosis.lines)
    f, information = diagnosis.filled_in, diagnosis.code.information
    if f is not None:
        texts.append(
            f"of {f.n_hidden} seen entries that were hidden here, the network fills in with a root "
            f"mean squared error of {number(f.network)}, the column mean with "
            f"{number(f.column_mean)} (scaled columns)"
        )
    in_use = diagnosis.code.is_in_use
    if information is not None and in_use is not None:
        nats = ", ".join(f"{value:.2g}" for value in information[:UNITS])
        more = ", …" if len(information) > UNITS else ""
        texts.append(
            f"{int(in_use.sum())} of {count(len(in_use), 'code unit')} "
            f"carry information about a row (nats: {nats}{more})"
        )
    return texts


def _worst_columns(diagnosis: "Diagnosis") -> list[tuple[str, str]]:
    order = np.argsort(diagnosis.explained)  # NaN, for constant columns, comes last
    shown = [i for i in order[:WORST] if np.isfinite(diagnosis.explained[i])]
    return [(diagnosis.feature_names[i], percent(float(diagnosis.explained[i]))) for i in shown]


def _explained_heading(diagnosis: "Diagnosis") -> str:
    finite = diagnosis.explained[np.isfinite(diagnosis.explained)]
    constant = len(diagnosis.explained) - len(finite)
    kind = "constant or without weight" if diagnosis.has_weights else "constant"
    extra = f"; {constant} {kind}" if constant else ""
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
    return textwrap.wrap(tidied(text), WIDTH, initial_indent=first, subsequent_indent=then)


def tidied(text: str) -> str:
    """Text without what a terminal would act on."""
    return "".join(c if c.isprintable() else "·" for c in text)


def _shown(name: str, at_most: int = 40) -> str:
    name = tidied(name)
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
