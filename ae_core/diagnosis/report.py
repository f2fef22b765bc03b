"""A diagnosis as text for a terminal and as HTML for a notebook."""

import textwrap
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .findings import Finding
from .words import count, number, percent, share_of

if TYPE_CHECKING:
    from .result import Diagnosis

WIDTH = 96
WORST = 5
"""Columns that the report names."""
UNITS = 12
"""Code units of which the report says how much they carry."""
NAME, COLUMN = 60, 40
"""Characters of a name in a table of losses, and of a column's name."""
LAYERS = 8
"""Layers that the text has room for; those with units to report come first."""
STYLE = "text-align: left; padding: 0.15em 1em 0.15em 0"
COLORS = {"warning": "#d1453b", "note": "#3f7fb5"}  # legible on white and on black


class Table(NamedTuple):
    """One table of the report."""

    heading: str
    """Over the names; of layers only HTML has one."""
    head: tuple[str, ...]
    """Over the figures."""
    widths: tuple[int, ...]
    """Characters of each figure, in text."""
    rows: Sequence[tuple[str, ...]]
    """A name and its figures."""
    longest: int = NAME
    """Characters of a name, in text."""
    ending: str = ""
    """What belongs to the table, below it."""
    texts: Sequence[str] = ()
    """Paragraphs that follow."""


def text_report(diagnosis: "Diagnosis") -> str:
    """Verdict, findings with what to try, losses, columns, layers and code."""
    lines = [f"diagnosis: {_verdict(diagnosis)} ({_subject(diagnosis)})"]
    lines += findings_text(diagnosis.findings)
    lines += _wrapped(_end_of_training(diagnosis), "  ", "  ")
    for table in _tables(diagnosis, LAYERS):
        lines += ["", *_text_table(table), *_wrapped(table.ending, "  ")]
        lines += [""] * bool(table.texts)
        for text in table.texts:
            lines += _wrapped(text, "  ", "  ")
    return "\n".join(lines)


def html_report(diagnosis: "Diagnosis") -> str:
    """The same as tables; everything that comes from the data is escaped."""
    heading = f"<strong>Diagnosis: {escape(_verdict(diagnosis))}</strong>"
    parts = [f"<p>{heading} ({escape(_subject(diagnosis))})</p>"]
    parts += [_html_findings(diagnosis.findings), _html_text(_end_of_training(diagnosis))]
    for table in _tables(diagnosis, len(diagnosis.layers)):
        parts += [_html_table(table), *map(_html_text, (table.ending, *table.texts))]
    return "\n".join(["<div>", *filter(None, parts), "</div>"])


def findings_text(findings: Sequence[Finding]) -> list[str]:
    """Each finding with what to try."""
    lines = []
    for finding in findings:
        lines += _wrapped(f"{finding.name}: {finding.message}", "  → ")
        lines += _wrapped(finding.advice, "    what to try: ", " " * 6)
    return lines


def findings_html(heading: str, findings: Sequence[Finding], lines: Sequence[str]) -> str:
    """A heading, findings and lines; everything that comes from the data is escaped."""
    parts = [f"<p><strong>{escape(heading)}</strong></p>", _html_findings(findings)]
    return "\n".join(["<div>", *parts, *map(_html_text, lines), "</div>"])


# --- what the report says -----------------------------------------------------------------------


def _verdict(diagnosis: "Diagnosis") -> str:
    n_warnings = len(diagnosis.warnings)
    counts = {"warning": n_warnings, "note": len(diagnosis.findings) - n_warnings}
    return ", ".join(count(n, kind) for kind, n in counts.items() if n) or "nothing found"


def _subject(diagnosis: "Diagnosis") -> str:
    return (
        f"{count(diagnosis.n_rows, 'row')}, {count(len(diagnosis.explained), 'column')}, "
        f"code of {len(diagnosis.code.share)}"
    )


def _end_of_training(diagnosis: "Diagnosis") -> str:
    """Why training ended, unless the reader knows already."""
    why = diagnosis.stopped_because
    is_told = any(finding.name == "diverged" for finding in diagnosis.findings)
    is_known = not why or why.startswith("reached max_iter") or is_told
    return "" if is_known else f"training ended because {why}."


def _tables(diagnosis: "Diagnosis", most_layers: int) -> Iterator[Table]:
    """Changed settings that helped, losses, columns and layers."""
    of = f"of the {diagnosis.constant.split()[-1]}'s"
    for trials in (diagnosis.trials, diagnosis.filling_trials):
        if trials is not None and trials.helped:
            what = "error" if trials.measure.startswith("error") else "loss"
            head = (what, of)
            yield Table(trials.heading, head, (10, 13), trials.rows(), ending=trials.ending)
    constant = diagnosis.baselines[diagnosis.constant]
    losses = [(diagnosis.subject, diagnosis.loss), *reversed(diagnosis.baselines.items())]
    rows = [(name, number(loss), share_of(loss, constant)) for name, loss in losses]
    yield Table("loss", ("", of), (10, 13), rows, texts=_texts(diagnosis))
    worst = _worst_columns(diagnosis)
    if worst:
        yield Table(_explained_heading(diagnosis), ("",), (12,), worst, longest=COLUMN)
    # Those with units to report come first, in the order of the network.
    told = sorted(diagnosis.layers, key=lambda layer: -(layer.dead + layer.saturated))[:most_layers]
    layers = [
        (layer.label, str(layer.units), str(layer.dead), str(layer.saturated))
        for layer in sorted(told, key=lambda layer: layer.number)
    ]
    yield Table("", ("units", "dead", "saturated"), (5, 5, 9), layers)


def _texts(diagnosis: "Diagnosis") -> list[str]:
    """Of several networks, hidden entries and a drawn code: a text each."""
    texts = [tidied(line) for line in diagnosis.lines]
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


# --- how it is set ------------------------------------------------------------------------------


def _text_table(table: Table) -> list[str]:
    def line(name: str, figures: Sequence[str]) -> str:
        cells = zip(figures, table.widths, strict=True)
        return f"  {name:<{width}}" + "".join(f"  {figure:>{n}}" for figure, n in cells)

    rows = [(_shown(name, table.longest), figures) for name, *figures in table.rows]
    width = max(len(name) for name, _ in rows)
    lines = [line(name, figures) for name, figures in rows]
    if len(table.heading) <= width:
        return [line(table.heading, table.head), *lines]
    head = [line("", table.head)] if any(table.head) else []
    return [f"  {table.heading}", *head, *lines]


def _html_table(table: Table) -> str:
    def line(cells: tuple[str, ...], tag: str) -> str:
        inner = "".join(f'<{tag} style="{STYLE}">{escape(_shown(c, WIDTH))}</{tag}>' for c in cells)
        return f"<tr>{inner}</tr>"

    head = line((table.heading or "layer", *table.head), "th")
    body = "".join(line(row, "td") for row in table.rows)
    return f"<table><thead>{head}</thead><tbody>{body}</tbody></table>"


def _html_findings(findings: Sequence[Finding]) -> str:
    items = [
        f'<li><span style="color: {COLORS[finding.severity]}">{escape(finding.name)}</span>: '
        f"{escape(finding.message)}<br><em>What to try:</em> {escape(finding.advice)}</li>"
        for finding in findings
    ]
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _html_text(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def _wrapped(text: str, first: str, then: str = "    ") -> list[str]:
    return textwrap.wrap(tidied(text), WIDTH, initial_indent=first, subsequent_indent=then)


def tidied(text: str) -> str:
    """Text without what a terminal would act on."""
    return "".join(c if c.isprintable() else "·" for c in text)


def _shown(name: str, at_most: int) -> str:
    name = tidied(name)
    return name if len(name) <= at_most else name[: at_most - 1] + "…"
