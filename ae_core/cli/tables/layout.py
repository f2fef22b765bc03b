"""How a CSV file is written: what its first lines tell, and what is wrong with them.

What is guessed here is guessed from the first lines alone, and every guess can be overruled.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .columns import TableError, listed, short
from .dates import days_of
from .other_formats import START, check_is_csv
from .records import Grammar, unquoted
from .text import Text, not_utf8

SEPARATORS = ",;\t|"
SEPARATOR_NAMES = {
    ",": ("commas", ","),
    ";": ("semicolons", "';'"),
    "\t": ("tabs", "tab"),
    "|": ("bars", "'|'"),
    " ": ("spaces", "space"),
    ":": ("colons", ":"),
}
"""What they are called, and how they are typed as options."""
SAMPLE, SAMPLE_BYTES = 100, 1 << 20
"""Records, and bytes of them, that tell how numbers are written."""
DECIMAL_COMMA = re.compile(r"\s*[-+]?(\d+|\d{1,3}(\.\d{3})+),\d+\s*")
QUOTED = re.compile(rb'"[^"]*"')
SEPARATOR_LINE = re.compile(rb'"?[sS][eE][pP]=([,;\t|:])"?')
"""A line before the names that says what parts the columns."""
COMMENTS = ("#", "//", "%", "!", ";", "--", "*", "'")
"""What comments begin with where tables are written."""
MOST_COLUMNS = 1_000_000


@dataclass(frozen=True)
class Layout:
    """How a CSV file is written."""

    separator: str | None = None
    """One character, where a space stands for any number of them; None: the one of comma,
    semicolon, tab and bar that the first line has most of."""
    decimal: str | None = None
    """None: a comma where columns are parted by something else and the first lines have decimal
    commas, else a point."""
    header: bool | None = None
    """Whether the first line has the columns' names; None: it must, unless that can't be."""
    encoding: str | None = None
    """None: UTF-8."""
    thousands: str | None = None
    """What parts groups of three digits; a space stands for all kinds of them."""
    skip: tuple[tuple[int, int], ...] = ()
    """First and last of lines to leave out, counted from 1, in order."""
    comment: str = ""
    """What lines to leave out begin with."""
    no_value: tuple[str, ...] = ()
    """What stands for no value, beside nothing and what always does."""


@dataclass(frozen=True)
class Start:
    """What the first lines of a file tell."""

    names: list[str]
    named: bool
    grammar: Grammar
    sample: list[list[str]]
    """Cells of the first records of data."""
    lines: list[int]
    """Where those begin."""
    first_line: int = 1
    """Where the names stand, or the first record of data."""

    @property
    def without_names(self) -> str:
        """The options that leave the names out."""
        return f"--skip {self.first_line} --no-header"


def placeholder(place: int) -> str:
    """What a column is called that has an empty name."""
    return f"unnamed{place + 1}"


def look(text: Text, layout: Layout) -> Start:
    """What the first lines of a text tell; goes on to the first record of data.

    Raises
    ------
    TableError
        When they are none of a table.
    """
    grammar = Grammar(
        comment=layout.comment, thousands=layout.thousands or "", no_value=layout.no_value
    )
    line = text.first_line(grammar)
    separator = layout.separator
    told = SEPARATOR_LINE.fullmatch(line)
    if told is not None and separator in (None, told[1].decode()):  # spreadsheets write it
        separator = told[1].decode()
        text.pass_over_line()
        line = text.first_line(grammar)
    if not line:
        raise TableError("it is empty" + " without what --skip leaves out" * text.has_skipped)
    check_is_csv(line, text.data[text.at : text.at + START])
    if separator is None:
        outside = QUOTED.sub(b"", line)
        separator = max(SEPARATORS, key=lambda each: outside.count(each.encode()))
    if line.count(separator.encode()) >= MOST_COLUMNS:
        raise TableError(f"line {text.line} has more than {MOST_COLUMNS} fields: it is no table")
    grammar = replace(grammar, separator=separator)
    with text.looking_ahead():
        rows = _first_rows(text, grammar)
    (first_line, first), sample = rows[0], rows[1:]
    names = [_name(cell, first_line, layout) for cell in first]
    cells = [[_shown(cell) for cell in row] for _, row in sample]
    if layout.decimal is not None or layout.thousands == ".":
        grammar = replace(grammar, decimal=layout.decimal or ",")
    elif separator != "," and layout.thousands != ",":
        fields = [field for row in [names, *cells] for field in row]
        if any(map(DECIMAL_COMMA.fullmatch, fields)):
            grammar = replace(grammar, decimal=",")
    start = Start(names, True, grammar, cells, [line for line, _ in sample], first_line)
    if layout.separator is None and told is None:
        _check_is_table(start, first_line, _shown(line))
    if layout.decimal is None:
        _check_parted(start, first_line, _shown(line))
    _check_first_line(start, first_line, _shown(line))
    if layout.header is None:
        _check_names(start)
    if layout.header is False:
        numbers = [str(i) for i in range(len(names))]
        lines = [first_line, *start.lines]
        return Start(numbers, False, grammar, [names, *cells], lines, first_line)
    record = text.record(grammar)
    assert record is not None  # it was there before
    text.take(record)
    return replace(start, names=[name or placeholder(i) for i, name in enumerate(names)])


def _first_rows(text: Text, grammar: Grammar) -> list[tuple[int, list[bytes]]]:
    """Lines and cells of the first records; at least one."""
    rows: list[tuple[int, list[bytes]]] = []
    n_bytes = 0
    while len(rows) <= SAMPLE and n_bytes < SAMPLE_BYTES:
        record = text.record(grammar)
        if record is None:
            break
        if record.is_open and not rows:
            raise TableError(
                f"line {text.line} begins a quoted field that does not end: close its quote"
            )
        if record.is_open:  # is told when it is read, with its column
            break
        assert record.cells is not None
        rows.append((text.line, record.cells))
        n_bytes += record.end - text.at
        text.take(record)
    return rows


def _shown(cell: bytes) -> str:
    return unquoted(cell).decode("utf-8", "surrogateescape")


def _name(cell: bytes, line: int, layout: Layout) -> str:
    name = _shown(cell).strip()
    if any("\udc80" <= c <= "\udcff" or c == "\0" for c in name):
        raise not_utf8("cp1252")
    if "\ufffd" in name and layout.encoding is not None:
        raise TableError(
            f"line {line} has bytes that are no {layout.encoding}: give the --encoding it was "
            "written in"
        )
    return name


def _check_names(start: Start) -> None:
    """Refuse a first line that looks like data, unless its names are those pandas gives."""
    first, number = start.names, start.grammar.number
    is_counted = first == [str(i) for i in range(len(first))]
    if not is_counted and all(
        number(value) is not None or days_of(value) is not None for value in first
    ):
        raise TableError(
            f"its first line ({listed(first)}) looks like data, not like names: if it is data, add "
            "--no-header; if it is names, --header"
        )


def _check_is_table(start: Start, line: int, text: str) -> None:
    """Refuse a title or a comment above the table: it has other fields than the lines after it."""
    tried = start.grammar.separator
    rows = [tried.join(row) for row in start.sample]
    usual_now = Counter(map(len, start.sample)).most_common(1)
    if len(rows) < 3 or (len(start.names) > 1 and len(start.names) == usual_now[0][0]):
        return
    tables = []
    for separator in SEPARATORS.replace(tried, ""):
        counts = [row.count(separator) + 1 for row in rows]
        usual, n_usual = Counter(counts).most_common(1)[0]
        if usual > 1 and 3 * n_usual >= 2 * len(rows) and usual != text.count(separator) + 1:
            tables.append((n_usual, usual, start.lines[counts.index(usual)]))
    if tables:
        _, usual, first = max(tables)
        raise TableError(
            f"line {line} ({short(text)}) is not like the lines after it, most of which have "
            f"{usual} fields: if the table begins in line {first}, add --skip {first - 1}"
        )


def _check_first_line(start: Start, line: int, text: str) -> None:
    """Refuse a first line that has no names of columns, judged by the lines after it."""
    counts = Counter(map(len, start.sample))
    usual, n_usual = counts.most_common(1)[0] if counts else (0, 0)
    n_names = len(start.names)
    if 2 * n_usual <= len(start.sample):  # no telling
        return
    next_line = next(
        n for n, row in zip(start.lines, start.sample, strict=True) if len(row) == usual
    )
    is_other = n_names != usual or (n_names == 1 and _has_late_names(start))
    if is_other and text.startswith(COMMENTS):
        mark = next(mark for mark in COMMENTS if text.startswith(mark))
        typed = {"%": "%", "'": '"\'"'}.get(mark, f"'{mark}'")
        raise TableError(
            f"line {line} ({short(text)}) seems to be a comment: add --comment {typed}, or leave "
            f"lines out with --skip {next_line - 1}"
        )
    has_commas = start.grammar.separator == "," and _has_numbers(start, 0)
    if has_commas and (n_names, usual) == (1, 2):
        raise TableError(
            f"line {line} has 1 name, and the lines after it have 2 fields: if the comma is a "
            f"decimal sign, add --separator ';'; if rows have names, --skip {line} --no-header"
        )
    if has_commas and usual == 2 * n_names:
        raise TableError(
            f"lines have {usual} fields, and there are {n_names} columns: if commas are decimal "
            "signs, too, nothing tells them apart: write it with semicolons, or with points"
        )
    is_title = max(n_names, len(start.sample[0])) < usual
    is_other = is_title or n_names < usual - 1 or n_names > usual + bool(not start.names[-1])
    if is_other or (n_names == 1 < usual and not _has_numbers(start, 0)):
        raise TableError(
            f"line {line} ({short(text)}) has {n_names} fields, and most lines have {usual}: if "
            f"the table begins in line {next_line}, add --skip {next_line - 1}"
        )
    if n_names == usual - 1:
        why, last = f"have {usual} fields, as if rows had names", ""
        if all(row[-1:] == [""] for row in start.sample if len(row) == usual):
            why, last = "all end in a separator", f" --drop {usual - 1}"
        raise TableError(
            f"line {line} has {n_names} name{'s' * (n_names > 1)}, and the lines after it {why}: "
            f"name all columns there, or read them without names: --skip {line} --no-header{last}"
        )
    if n_names == usual + 1 and not start.names[-1]:
        raise TableError(
            f"line {line} ends in a separator, and the lines after it do not: take it away there, "
            f"or read them without names: --skip {line} --no-header"
        )


def _has_numbers(start: Start, place: int) -> bool:
    """Whether the sample's row at that place has a number."""
    return any(_is_number(start, cell) for cell in start.sample[place])


def _is_number(start: Start, cell: str) -> bool:
    number = start.grammar.number(cell)
    return number is not None and number == number


def _has_late_names(start: Start) -> bool:
    """Whether the second line, and not the first, seems to have the names."""
    first, *others = (_has_numbers(start, i) for i in range(len(start.sample)))
    return not first and bool(others) and all(others)


def units_line(start: Start, chosen: Sequence[int]) -> int | None:
    """The line of the first record, if it has no numbers and the columns of all others have."""
    rows = [row for row in start.sample[1:] if len(row) == len(start.names)]
    if not start.named or not rows or len(start.sample[0]) != len(start.names):
        return None
    numeric = [i for i in chosen if all(_is_number(start, row[i]) for row in rows)]
    said = [start.grammar.number(start.sample[0][i]) for i in numeric]
    has_number = any(number is not None and not math.isnan(number) for number in said)
    return start.lines[0] if None in said and not has_number else None


def _check_parted(start: Start, line: int, text: str) -> None:
    """Refuse lines of one field that something else than the separator would part."""
    if len(start.names) > 1:
        return
    rows = [row[0].strip(" ") for row in start.sample if row]
    for separator, (name, typed) in SEPARATOR_NAMES.items():
        pattern = " +" if separator == " " else re.escape(separator)
        parted = [re.split(pattern, row) for row in rows]
        counts = {len(cells) for cells in [*parted, re.split(pattern, start.names[0].strip(" "))]}
        n_numbers = sum(_is_number(start, cell.strip()) for cells in parted for cell in cells)
        is_regular = len(counts) == 1 and max(counts) > 1
        is_of_numbers = 2 * n_numbers >= sum(map(len, parted)) > 0
        if separator != start.grammar.separator and is_regular and is_of_numbers:
            raise TableError(
                f"line {line} ({short(text)}) is one field, and looks like several that are parted "
                f"by {name}: add --separator {typed}"
            )
