"""``ae-core report``: one page about a model and a table, for people who read no code."""

import os

import click

from ..displays.figures import new_figure
from ..displays.outliers import oddest
from ..files.whole_file import write_whole
from .diagnose import check_can_be_diagnosed
from .options import DATA, MODEL, Reading, load_model, say, table_options
from .outputs import keep_option, output_option
from .report_page import Page, html_page
from .rows import TableRows, framed
from .score import scores_of

SHOWN = 10
"""Odd rows, if nothing else is asked for."""


@click.command(short_help="All of that on one page, for people who read no code.")
@MODEL
@DATA
@output_option("the page goes", is_page=True)
@keep_option
@click.option(
    "--top", type=int, default=SHOWN, show_default=True, metavar="N", help="Odd rows on the page."
)
@click.option("--title", metavar="TEXT", help="The page's heading.  [default: DATA's name]")
@click.option(
    "--trials/--no-trials",
    default=True,
    help="Whether to fit a poor model anew with one setting changed at a time, to see what helps.",
)
@table_options
def report(
    model: str,
    data: str,
    output: str,
    top: int,
    title: str | None,
    trials: bool,
    reading: Reading,
) -> None:
    """Write a page of HTML about MODEL and DATA, which needs no other file and no network.

    It says what was learned, beside the best constant and PCA; how unusual the rows are, with the
    threshold of detectors; what makes the oddest rows odd; how much of each column is explained;
    and what `ae-core diagnose` finds.

    \b
    Examples:
      ae-core report detector.safetensors data.csv -o report.html
      ae-core report model.safetensors data.csv -o report.html --keep id --title "Week 12"
    """
    if top < 1:
        raise click.UsageError(f"--top {top}: must be at least 1")
    new_figure()  # better to learn that matplotlib is missing before the work than after
    estimator = load_model(model)
    check_can_be_diagnosed(estimator, model)
    table = reading.table_for(estimator, data)
    rows = TableRows(estimator, table)
    scores = scores_of(estimator, rows)
    order = oddest(scores, top)
    page = Page(
        title=title or f"Report on {os.path.basename(data) if data != '-' else 'a table'}",
        model_name=os.path.basename(model),
        estimator=estimator,
        rows=rows,
        scores=scores,
        order=order,
        diagnosis=estimator.diagnose(framed(table.values, rows.fitted_names), trials=trials),
    )
    text = html_page(page)
    write_whole(output, lambda file: file.write(text.encode("utf-8", "replace")))
    say(f"{len(scores):,} rows, the {len(order)} oddest with reasons: {output}")
