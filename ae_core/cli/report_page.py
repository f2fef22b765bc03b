"""The page of ``ae-core report``: HTML that loads nothing; what comes from files is escaped."""

import base64
import functools
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from .._typing import Array
from ..basics.shown import cut, printable
from ..basics.version import __version__
from ..diagnosis.result import Diagnosis
from ..diagnosis.words import number
from ..displays.figures import save_figure
from ..displays.loss_curve import LossCurveDisplay
from ..displays.outliers import OutlierDisplay
from .rows import TableRows
from .score import contributions_of, reasons, texts_of

NAME = 60
"""Characters of a name."""
COLUMNS = 60
"""Columns that are shown, those of which least is explained."""

# Nothing may be loaded or run, whatever a browser made of a name that was not escaped.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
STYLE = """
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --quiet: #5f6368; --line: #ddd;
  --bar: #30638e; --odd: #b3261e; --track: #e8e8e8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --paper: #17191c; --quiet: #a8adb4;
  --line: #3a3d42; --bar: #6fa8d6; --odd: #ff8a80; --track: #33363b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; color: var(--ink);
  background: var(--paper); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1, .name, .why, .quiet { overflow-wrap: anywhere; }
th, .odd { white-space: nowrap; }
.diagnosis th { white-space: normal; }
h1 { line-height: 1.2; margin: 0 0 .25rem; }
h2 { margin: 2.5rem 0 .5rem; border-bottom: 1px solid var(--line); }
.quiet { color: var(--quiet); }
.brief { font-size: 1.1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .3rem .9rem .3rem 0; vertical-align: top;
  border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.name { min-width: 7rem; max-width: 22rem; }
@media (min-width: 44rem) { .name:first-child { min-width: 13rem; } }
.why { min-width: 10rem; width: 100%; }
.track { background: var(--track); height: .55rem; border-radius: .2rem; min-width: 6rem;
  width: 100%; margin: .15rem 0 .3rem; }
.bar { background: var(--bar); height: 100%; border-radius: .2rem; }
.odd { color: var(--odd); font-weight: 600; }
img { max-width: 100%; height: auto; background: #fff; border-radius: .4rem; }
.diagnosis li span { color: var(--odd) !important; }
"""


@dataclass(frozen=True, eq=False)
class Page:
    """What the page shows."""

    title: str
    model_name: str
    estimator: Any
    rows: TableRows
    scores: Array
    """(m,): how unusual each row is."""
    order: Array
    """The oddest rows, first."""
    diagnosis: Diagnosis

    @property
    def threshold(self) -> float | None:
        """Of detectors: above it a row is an outlier."""
        return getattr(self.estimator, "threshold_", None)


def html_page(page: Page) -> str:
    """The whole page."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{_text(page.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{_text(page.title, 200)}</h1>
<p class="quiet">{len(page.scores):,} rows, {page.estimator.n_features_in_:,} columns; model \
{_text(page.model_name)} ({type(page.estimator).__name__}, ae_core {__version__})</p>
{_brief(page)}
{_learned(page)}
{_scores(page)}
{_odd(page)}
{_columns(page.diagnosis)}
<h2>Diagnosis</h2>
<div class="diagnosis scroll">
{page.diagnosis._repr_html_()}
</div>
</main>
</body>
</html>
"""


def _brief(page: Page) -> str:
    d = page.diagnosis
    lines = []
    constant = d.baselines[d.constant]
    if constant > 0 and math.isfinite(d.loss):
        pca = next((name for name in d.baselines if name.startswith("PCA")), None)
        beside = (
            "" if pca is None else f"; {_text(pca)} {_percent(1 - d.baselines[pca] / constant)}"
        )
        lines.append(
            f"Of what the {_text(d.constant)} leaves unexplained, {_text(d.subject)} explain"
            f"{'' if d.subject.startswith('these') else 's'} "
            f"<strong>{_percent(1 - d.loss / constant)}</strong>{beside}."
        )
    if page.threshold is not None:
        n = int((page.scores > page.threshold).sum())
        lines.append(
            f"<strong>{n:,}</strong> of {len(page.scores):,} rows "
            f"({_percent(n / len(page.scores))}) are outliers: their score is above "
            f"{_text(number(page.threshold))}."
        )
    n_warnings = len(d.warnings)
    lines.append(f"The diagnosis has {n_warnings or 'no'} warning{'s' * (n_warnings != 1)}.")
    return "\n".join(f'<p class="brief">{line}</p>' for line in lines)


def _learned(page: Page) -> str:
    d = page.diagnosis
    constant = d.baselines[d.constant]
    losses = [(d.subject, d.loss), *d.baselines.items()]
    largest = max((loss for _, loss in losses if math.isfinite(loss)), default=0.0)
    rows = [
        _row(
            ("name", _text(name)),
            ("number", _text(number(loss))),
            ("number", _percent(loss / constant) if constant > 0 else ""),
            ("why", _bar(loss / largest if largest > 0 else 0)),
        )
        for name, loss in sorted(losses, key=lambda row: (not row[1] >= 0, row[1]))
    ]
    table = _table(("", "error", f"of the {d.constant.split()[-1]}’s", ""), rows)
    verdict = (
        "A model has learned something when it is below both the best constant and PCA."
        if page.threshold is None
        else "A detector’s networks are small and trained briefly, so as not to learn the odd "
        "rows, too: below the constant is enough."
    )
    curve, curves = "", {}
    history = getattr(page.estimator, "history_", None)  # detectors keep none
    if history is not None:
        curves = {"training": history.loss_curve, "held out": history.validation_loss_curve}
        curves = {label: losses for label, losses in curves.items() if losses}
    if curves:
        display = LossCurveDisplay(curves, baselines=d.baselines).plot()
        ends = ", ".join(f"{label}: {number(losses[-1])}" for label, losses in curves.items())
        curve = _image(display.figure_, f"Loss after each epoch; at the end, {ends}")
    about = (
        "The error of putting a row into a few numbers and back, in the mean over rows: the lower, "
        f"the more was learned. {verdict}"
    )
    return _section("What was learned", about, f"{table}\n{curve}")


def _scores(page: Page) -> str:
    heading, scores = "How unusual rows are", page.scores[np.isfinite(page.scores)]
    if not len(scores):
        return _section(heading, "No row has a finite score.")
    display = OutlierDisplay(scores, rows=np.array([], int), threshold=page.threshold)
    display.plot(kind="scores")
    low, middle, high = np.quantile(scores, [0, 0.5, 1])
    alt = (
        f"Histogram of {len(scores):,} scores from {number(low)} to {number(high)}, "
        f"median {number(middle)}"
    )
    if page.threshold is not None:
        alt += f"; threshold {number(page.threshold)}"
    about = "Each row has a score: the higher, the less it is like the others."
    return _section(heading, about, _image(display.figure_, alt))


def _odd(page: Page) -> str:
    heads = ["row", *page.rows.kept_names, "score", "because of"]
    if page.threshold is not None:
        heads.insert(-1, "outlier")
    lines = []
    for part in page.rows.each(functools.partial(contributions_of, page.estimator), page.order):
        kept = [texts_of(column) for column in part.kept]
        places, shares = reasons(part.found)
        for i, row in enumerate(part.numbers):
            score = float(page.scores[row])
            cells = [("number", f"{row + 1:,}"), *(("name", _text(texts[i])) for texts in kept)]
            cells.append(("number", _text(number(score))))
            if page.threshold is not None:
                cells.append(("odd", "yes") if score > page.threshold else ("no", "no"))
            why = "".join(
                f"{_text(page.rows.names[j])} {_percent(share)}{_bar(share)}"
                for j, share in zip(places[i], shares[i], strict=True)
            )
            lines.append(_row(*cells, ("why", why)))
    about = "Bars are a column’s part in the row’s score. Rows are counted from 1."
    return _section("The oddest rows, and why", about, _table(heads, lines))


def _columns(d: Diagnosis) -> str:
    order = np.argsort(d.explained, kind="stable")  # NaN, of constant columns, comes last
    rows = []
    for i in order[:COLUMNS]:
        name, share = ("name", _text(d.feature_names[i])), float(d.explained[i])
        if math.isfinite(share):
            rows.append(_row(name, ("number", _percent(share)), ("why", _bar(share))))
        else:
            rows.append(_row(name, ('quiet" colspan="2', "does not vary")))  # over both columns
    n_more = len(order) - len(rows)
    more = f'<p class="quiet">and {n_more:,} more</p>' if n_more else ""
    about = "How much of each column’s variance comes back from the code, the least first."
    table = _table(("column", "explained", ""), rows)
    return _section("Columns", about, f"{table}\n{more}")


# --- pieces --------------------------------------------------------------------------------------


def _section(heading: str, about: str, content: str = "") -> str:
    return f"<h2>{heading}</h2>\n<p>{about}</p>\n{content}"


def _row(*cells: tuple[str, str]) -> str:
    """A row of a table: of each cell its class, and the HTML in it."""
    return "<tr>" + "".join(f'<td class="{kind}">{inside}</td>' for kind, inside in cells) + "</tr>"


def _text(value: Any, at_most: int = NAME) -> str:
    """Anybody's text: on one line, cut, and escaped."""
    return escape(cut(printable(str(value)), at_most))


def _percent(share: float) -> str:
    if not math.isfinite(share):
        return "–"
    return f"{100 * share:.3g}\u00a0%" if abs(share) < 1000 else "over 100\u00a0000\u00a0%"


def _bar(share: float) -> str:
    width = 100 * min(1.0, max(0.0, share)) if math.isfinite(share) else 0.0
    return f'<div class="track"><div class="bar" style="width: {width:.1f}%"></div></div>'


def _table(heads: Sequence[str], rows: Sequence[str]) -> str:
    line = "".join(f"<th>{_text(head)}</th>" for head in heads)
    table = f"<table><thead><tr>{line}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<div class="scroll">{table}</div>'


def _image(figure: Any, alt: str) -> str:
    file = io.BytesIO()
    save_figure(figure, file, format="png")
    inside = base64.b64encode(file.getvalue()).decode("ascii")
    return f'<p><img alt="{escape(alt)}" src="data:image/png;base64,{inside}"></p>'
