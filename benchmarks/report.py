"""Tables of figures in Markdown that also reads well in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Row:
    """One peer on one configuration; figures that do not apply are None."""

    configuration: str
    peer: str
    seconds: float | None
    note: str = ""
    spread: float | None = None
    to_ours: float | None = None
    to_best: float | None = None
    of_peak: float | None = None


HEADER = (
    "config",
    "peer",
    "time",
    "max/min",
    "time / ae_core's",
    "best peer's time / this",
    "% of FMA peak",
    "note",
)


def markdown_table(rows: Sequence[Row]) -> list[str]:
    """The lines of a table, one row for each peer and configuration."""
    return table(
        HEADER,
        [
            (
                row.configuration,
                row.peer,
                duration(row.seconds),
                figure(row.spread),
                figure(row.to_ours),
                figure(row.to_best),
                figure(None if row.of_peak is None else 100 * row.of_peak),
                row.note,
            )
            for row in rows
        ],
        n_left=2,
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], n_left: int = 1) -> list[str]:
    """Lines of a Markdown table: the first n_left columns and the last to the left."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    to_left = [i < n_left or i == len(header) - 1 for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(cells, widths, to_left, strict=True)
        )
        return "| " + " | ".join(padded) + " |"

    rule = [
        "-" * width if left else "-" * (width - 1) + ":"
        for width, left in zip(widths, to_left, strict=True)
    ]
    return [line(header), line(rule), *map(line, rows)]


def duration(seconds: float | None) -> str:
    """Three digits, in µs below a millisecond, else in ms."""
    if seconds is None:
        return "–"
    return f"{figure(seconds * 1e6)} µs" if seconds < 1e-3 else f"{figure(seconds * 1e3)} ms"


def figure(value: float | None) -> str:
    """Three significant digits without an exponent, or a dash."""
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"
