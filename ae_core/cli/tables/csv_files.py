"""Reading CSV: in one pass that also knows, at each record it can't use, what is wrong with it.

Plain records go through the compiled twin, a block of rows at a time; each other one through the
readable twin, which has the last word. No thread is started, and the memory needed is that of what
is read, plus some blocks of text.
"""

from typing import Any, BinaryIO

import numpy as np

from ..._engine.text.records import LINE, MORE, ODD, read_records
from ..._typing import Array
from ...basics.extras import check_installed
from .columns import Kept, SameNames, Table, TableError, Wanted, drop_option, short
from .dates import with_times
from .layout import Layout, Start, look, placeholder
from .mixed import MixedColumns, NumberColumns, OtherKinds
from .problems import Problems, has_names_again, ragged
from .records import Record, unquoted
from .text import Opener, Text

BLOCK = 1 << 17
"""Numbers in a block of rows."""
LOOKED_AT, CELLS_LOOKED_AT = 1000, 200_000
"""After the first error: how many records, and cells of them, are read to describe it."""


def read_csv(opener: Opener, wanted: Wanted, layout: Layout, *, is_pipe: bool = False) -> Table:
    """The wanted columns of a CSV file; NaN for what is missing, if anything may be.

    Raises
    ------
    TableError
        Naming the line and the column, and what to do.
    MissingExtraError
        When pyarrow is not installed: what is read here is written with it.
    """
    check_installed("pyarrow", "CSV files", "cli")
    kinds: dict[int, str] = {}
    while True:
        try:
            with opener() as file:
                return _Pass(file, wanted, layout, kinds, is_pipe).table()
        except OtherKinds as other:  # each column changes its kind twice at most
            kinds = {**kinds, **other.kinds}


class _Pass:
    """One way through a file."""

    def __init__(
        self,
        file: BinaryIO,
        wanted: Wanted,
        layout: Layout,
        kinds: dict[int, str],
        is_pipe: bool,
    ) -> None:
        self.text = Text(file, layout.encoding, layout.skip, is_pipe=is_pipe)
        self.start = start = look(self.text, layout)
        self.wanted = wanted
        try:
            self.chosen = wanted.choose(start.names, start.named)
        except SameNames as twice:
            raise TableError(
                f"{twice}, or read them without names: {start.without_names}"
            ) from None
        self.names = [start.names[i] for i in self.chosen]
        if not wanted.any_text:
            _check_named(start, self.chosen)
        self.problems = Problems(start, self.chosen, wanted.advice, wanted.missing)
        self.no_value = list(start.grammar.no_value_numbers)
        self.columns: Any = NumberColumns(len(self.chosen), wanted.dtype)
        if wanted.mixed is not None:
            self.columns = MixedColumns(wanted, start, self.chosen, kinds)
            error = self.problems.about_first_line() if wanted.mixed is True else None
            if error is not None:
                raise error
        self.kept = wanted.keep(start.names, self.chosen)
        own = set(self.chosen)
        self.texts: dict[int, list[Any]] = {place: [] for place in self.kept if place not in own}
        """Of columns that are kept and not read: blocks of cells as they are written."""
        self.largest, self.n_rows = largest(wanted.dtype), 0

    def table(self) -> Table:
        """Go through all of it."""
        with np.errstate(over="ignore"):  # what float32 can't hold is told before
            self._read()
        if not self.n_rows:
            raise TableError("it has column names and no rows")
        values = self.columns.result()
        dates = with_times(values, self.columns.dates)
        return Table(self.names, values, self.start.named, self.chosen, self._kept(values), dates)

    def _read(self) -> None:
        text, columns, start = self.text, self.columns, self.start
        dialect = start.grammar.dialect(self.wanted.missing, self.largest)
        uses = np.full(len(start.names), -1, np.int32)
        uses[self.chosen] = columns.uses
        n_texts = columns.n_texts + len(self.texts)
        uses[list(self.texts)] = -2 - np.arange(columns.n_texts, n_texts)
        room = max(1, min(1 << 16, BLOCK // max(1, columns.n_numbers + 2 * n_texts)))
        numbers = np.empty((room, columns.n_numbers))
        spans = np.empty((room, n_texts, 2), np.int64)
        lines = np.empty(room, np.int64)
        while True:
            n, at, line, why = read_records(
                dialect, text.data, text.at, text.at_end, uses, numbers, spans, lines, columns.seen,
                text.line, text.stop_line,
            )  # fmt: skip
            if n:
                self._take_out(numbers[:n], lines[:n])
                data = text.data
                cells = [[data[a:b] for a, b in spans[:n, i].tolist()] for i in range(n_texts)]
                self._add(numbers[:n], cells, lines[:n])
            text.go_on(at, line, to_record=n > 0)
            if why == MORE and text.at_end and text.at == len(text.data):
                return
            if why == MORE:
                text.more()
            elif why == LINE:
                text.leave_out()
            elif why == ODD:
                self._take_odd()

    def _take_out(self, numbers: Array, lines: Array) -> None:
        """Make NaN of the numbers that stand for no value."""
        if not self.no_value:
            return
        found = np.isin(numbers, self.no_value)
        numbers[found] = np.nan
        if found.any() and not self.wanted.missing:
            row, use = np.argwhere(found)[0]
            place = self.chosen[self.columns.uses.index(use)]
            self.problems.note(int(lines[row]), place, "", np.nan, "")

    def _add(self, numbers: Array, cells: list[list[bytes]], lines: Array) -> None:
        n_texts = self.columns.n_texts
        self.columns.add(numbers, cells[:n_texts], lines, self.problems)
        self.n_rows += len(numbers)
        if self.problems:
            raise self.problems.error(self.n_rows)
        for own, more in zip(self.texts.values(), cells[n_texts:], strict=True):
            own.append(more)

    # --- records that are not plain --------------------------------------------------------------

    def _take_odd(self) -> None:
        """Take the next record, or find what is wrong with it and with those after it."""
        record = self.text.record(self.start.grammar)
        if record is None:
            return
        self._check(record)
        row = self._row(record)
        self.text.take(record)
        if row is not None:
            self._add(*row)
        if not self.problems:
            return
        for _ in range(min(LOOKED_AT, CELLS_LOOKED_AT // len(self.start.names))):
            record = self.text.record(self.start.grammar)
            if record is None or record.is_open or len(record.cells or ()) != len(self.start.names):
                break
            self._row(record)
            self.n_rows += 1
            self.text.take(record)
        raise self.problems.error(self.n_rows + 1)

    def _check(self, record: Record) -> None:
        """Refuse a record that has not a field for each column."""
        cells, start, line = record.cells or [], self.start, self.text.line
        if record.is_open:
            name = start.names[min(len(cells), len(start.names)) - 1]
            raise TableError(
                f"column {short(name)}, line {line}: a quote begins there that does not end: close "
                "it, or take it out"
            )
        if len(cells) != len(start.names):
            raise ragged(start, line, [unquoted(cell).decode("utf-8", "replace") for cell in cells])

    def _row(self, record: Record) -> tuple[Array, list[list[bytes]], Array] | None:
        """A record as a block of one row; None when something is wrong with it."""
        columns, start, line = self.columns, self.start, self.text.line
        grammar = start.grammar
        cells, n_before = record.cells or [], self.problems.count
        largest = self.largest
        said = [unquoted(cell).decode("utf-8", "surrogateescape").strip() for cell in cells]
        if start.named and has_names_again(said, start.names):
            self.problems.note_names(line)
            return None
        numbers = np.empty((1, columns.n_numbers))
        texts: list[list[bytes]] = [[] for _ in range(columns.n_texts)]
        for i, (place, use) in enumerate(zip(self.chosen, columns.uses, strict=True)):
            if use < 0:
                texts[-2 - use].append(cells[place])
                continue
            cell = unquoted(cells[place]).decode("utf-8", "surrogateescape")
            number = columns.number(i, cell, grammar.number(cell))
            if number is None or not (
                abs(number) <= largest or (self.wanted.missing and number != number)
            ):
                self.problems.note(line, place, cell, number, np.dtype(self.wanted.dtype).name)
            else:
                numbers[0, use] = number
                if number == number:
                    columns.seen[int(cell.strip().lower() in ("true", "false")), use] = 1
        if self.problems.count > n_before:
            return None
        return numbers, [*texts, *([cells[place]] for place in self.texts)], np.array([line])

    # --- columns that are kept as they are -------------------------------------------------------

    def _kept(self, values: Any) -> list[Kept]:
        own = {place: i for i, place in enumerate(self.chosen)}
        kept = []
        for place in self.kept:
            if place in self.texts:
                column = as_text(self.texts[place])
            else:
                rows = values.iloc if hasattr(values, "iloc") else values
                column = np.asarray(rows[:, own[place]])
            kept.append(Kept(place, self.start.names[place], column))
        return kept


def largest(dtype: Any) -> float:
    """The largest float64 that is rounded to a finite number of that dtype."""
    limits = np.finfo(dtype)
    if limits.dtype == np.float64:
        return float(limits.max)
    half_step = float(limits.max) - float(np.nextafter(limits.max, limits.dtype.type(0)))
    return float(np.nextafter(float(limits.max) + half_step / 2, 0))


def as_text(blocks: list[list[bytes]]) -> Any:
    """Cells of a column as an array of Arrow's, byte for byte what they say."""
    import pyarrow

    chunks = [
        pyarrow.array([unquoted(cell) for cell in cells], pyarrow.binary()) for cells in blocks
    ]
    return pyarrow.chunked_array(
        [chunk.view(pyarrow.string()) for chunk in chunks], pyarrow.string()
    )


def _check_named(start: Start, chosen: list[int]) -> None:
    unnamed = [i for i in chosen if start.names[i] == placeholder(i)]
    if not unnamed or not start.named:
        return
    if len(unnamed) == 1:
        raise TableError(
            f"column {unnamed[0] + 1} has no name; perhaps it has the rows' numbers, or every line "
            f"ends in a separator: leave it out with --drop {placeholder(unnamed[0])}, or name it"
        )
    raise TableError(
        f"{len(unnamed)} columns have no names, the first is column {unnamed[0] + 1}: leave them "
        f"out with {drop_option([placeholder(i) for i in unnamed])}, name them, or read all "
        f"without names: {start.without_names}"
    )
