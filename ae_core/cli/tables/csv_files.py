"""Reading CSV: pyarrow streams it into one array; what it can't read, a slow second pass explains.

The memory needed is that of the array, plus some blocks of text.
"""

import csv
import io
import math
import re
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np

from ...basics.extras import MissingExtraError
from .columns import NO_VALUE, Choice, Table, TableError, bad_value, listed, not_numbers, short

Opener = Callable[[], BinaryIO]
"""Opens the text at its beginning, each time it is called."""

DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*")
QUOTED = re.compile('"[^"]*"')
BLOCK = 1 << 20
"""Bytes that are read at once; more when lines are very long."""
GROWTH = 1.125
SAMPLE = 100
"""Lines that tell which columns are true or false."""
MISSING = [
    "",
    "NA",
    "N/A",
    "n/a",
    "#N/A",
    "NaN",
    "nan",
    "-nan",
    "-NaN",
    "NULL",
    "null",
    "None",
    "?",
]
TRUE, FALSE = ["true", "True", "TRUE"], ["false", "False", "FALSE"]
SEPARATORS = ",;\t|"


@dataclass(frozen=True)
class Layout:
    """How a CSV file is written."""

    separator: str | None = None
    """None: the one of comma, semicolon, tab and bar that the first line has most of."""
    decimal: str | None = None
    """None: a comma where columns are parted by something else and the first lines have decimal
    commas, else a point."""
    header: bool | None = None
    """Whether the first line has the columns' names; None: it must, unless that can't be."""


@dataclass(frozen=True)
class _Start:
    """What the first lines of a file tell."""

    names: list[str]
    named: bool
    n_lines: int
    """Lines before the first row of data."""
    sample: list[list[str]]
    longest: int

    def types(self, chosen: list[int]) -> dict[int, Any]:
        """The type that pyarrow is to read each column as."""
        import pyarrow

        types = {}
        for i in chosen:
            values = {row[i] for row in self.sample if i < len(row)} - set(MISSING)
            is_truth = values and values <= {*TRUE, *FALSE}
            types[i] = pyarrow.bool_() if is_truth else pyarrow.float64()
        return types


def read_csv(
    opener: Opener, choose: Choice, layout: Layout, dtype: Any, missing: bool = False
) -> Table:
    """The chosen columns of a CSV file; NaN for what is missing, if anything may be.

    Raises
    ------
    TableError
        Naming the line and the column, and what to do.
    MissingExtraError
        When pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow import csv as arrow_csv
    except ImportError as error:
        raise MissingExtraError("CSV files", "pyarrow", "cli") from error

    start, layout = _look(opener, layout)
    chosen = choose(start.names, start.named)
    names = [start.names[i] for i in chosen]
    unnamed = [i for i in chosen if start.names[i] == _placeholder(i)]
    if unnamed and start.named:
        raise TableError(
            f"column {unnamed[0] + 1} has no name; perhaps it has the rows' numbers, or every line "
            f"ends in a separator: leave it out with --drop {_placeholder(unnamed[0])}, or name it"
        )
    types = start.types(chosen)
    problem = ""
    values = np.empty((0, len(chosen)), dtype)
    n_rows = 0
    try:
        with (
            opener() as file,
            # A name per place: real ones may be empty, or stand twice among those left out.
            closing(
                arrow_csv.open_csv(
                    file,
                    arrow_csv.ReadOptions(
                        column_names=[str(i) for i in range(len(start.names))],
                        skip_rows=start.n_lines,
                        block_size=max(BLOCK, 16 * start.longest),
                    ),
                    arrow_csv.ParseOptions(delimiter=layout.separator, newlines_in_values=True),
                    arrow_csv.ConvertOptions(
                        include_columns=[str(i) for i in chosen],
                        column_types={str(i): types[i] for i in chosen},
                        null_values=MISSING,
                        true_values=TRUE,
                        false_values=FALSE,
                        decimal_point=layout.decimal,
                        check_utf8=False,
                    ),
                )
            ) as batches,
        ):
            for batch in batches:
                if n_rows + len(batch) > len(values):
                    # In place: large arrays are moved by the page table, not copied.
                    n_more = max(n_rows + len(batch), int(GROWTH * n_rows))
                    values.resize((n_more, len(chosen)), refcheck=False)
                block = values[n_rows : n_rows + len(batch)]
                with np.errstate(over="ignore"):  # is told below
                    for place, column in enumerate(batch.columns):
                        block[:, place] = column.to_numpy(zero_copy_only=False)
                lacks = not missing and any(c.null_count for c in batch.columns)
                if lacks or not (np.isfinite(block) | (missing & np.isnan(block))).all():
                    raise pyarrow.ArrowInvalid("values are missing or infinite")
                n_rows += len(batch)
                del block
    except (pyarrow.ArrowInvalid, pyarrow.ArrowKeyError, TypeError, OverflowError) as error:
        problem = " ".join(str(error).split())
    if problem:
        raise _explanation(opener, start, chosen, layout, dtype, missing, problem)
    if not n_rows:
        raise TableError("it has column names and no rows")
    values.resize((n_rows, len(chosen)), refcheck=False)
    return Table(names, values, start.named)


def _rows(opener: Opener, layout: Layout) -> Generator[tuple[int, list[str]]]:
    """Line number and fields of each line that is not empty.

    Raises
    ------
    TableError
        Where the lines are no CSV.
    """
    with (
        opener() as file,
        # Bytes that are no UTF-8 may stand in columns that are left out.
        io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text,
    ):
        reader = csv.reader(text, delimiter=layout.separator or ",")
        try:
            for row in reader:
                if row:
                    yield reader.line_num, row
        except csv.Error as error:
            raise TableError(f"line {reader.line_num}: not CSV ({error})") from error


def _look(opener: Opener, layout: Layout) -> tuple[_Start, Layout]:
    if layout.separator is None:
        with opener() as file:
            head = file.readline(1 << 20).decode("utf-8", "replace")
        head = QUOTED.sub("", head)
        layout = replace(layout, separator=max(SEPARATORS, key=head.count))
    with closing(_rows(opener, layout)) as rows:
        n_lines, first = next(rows, (0, []))
        if not first:
            raise TableError("it is empty")
        if any("\udc80" <= c <= "\udcff" or c == "\0" for name in first for c in name):
            raise TableError(
                "it is not UTF-8 text: convert it first, as with iconv -f latin1 -t utf-8"
            )
        sample = [row for _, row in zip(range(SAMPLE), (row for _, row in rows), strict=False)]
    longest = max(sum(len(field) + 1 for field in row) for row in [first, *sample])
    if layout.decimal is None:
        fields = [field for row in [first, *sample] for field in row]
        has_commas = layout.separator != "," and any(map(DECIMAL_COMMA.fullmatch, fields))
        layout = replace(layout, decimal="," if has_commas else ".")
    named = layout.header
    names = [name.strip() for name in first]
    if named is None:
        named = _has_names(names, layout.decimal or ".")
    if not named:
        return _Start(
            [str(i) for i in range(len(first))], False, n_lines - 1, sample, longest
        ), layout
    names = [name or _placeholder(i) for i, name in enumerate(names)]
    return _Start(names, True, n_lines, sample, longest), layout


def _placeholder(place: int) -> str:
    """What a column is called that has an empty name."""
    return f"unnamed{place + 1}"


def _has_names(first: list[str], decimal: str) -> bool:
    if first == [str(i) for i in range(len(first))]:
        return True  # so pandas names columns without names
    if all(_number(value, decimal) is not None or value in MISSING for value in first):
        raise TableError(
            f"its first line ({listed(first)}) looks like data, not like names: if it is data, add "
            "--no-header; if it is names, --header"
        )
    return True


def _number(text: str, decimal: str) -> float | None:
    """The number that a text is, or None."""
    if decimal != ".":
        text = text.replace(".", "x").replace(decimal, ".")
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return None


@dataclass
class _Texts:
    """The values of a column that are no numbers."""

    line: int
    value: str
    count: int = 0


def _explanation(
    opener: Opener,
    start: _Start,
    chosen: list[int],
    layout: Layout,
    dtype: Any,
    missing: bool,
    problem: str,
) -> TableError:
    """Why a file could not be read; looks at each line."""
    names = [start.names[i] for i in chosen]
    largest = float(np.finfo(dtype).max)
    texts: dict[str, _Texts] = {}
    unusable: TableError | None = None
    n_rows = 0
    for line, row in _rows(opener, layout):
        if line <= start.n_lines:
            continue
        n_rows += 1
        if len(row) != len(start.names):
            return TableError(
                f"line {line} has {len(row)} fields, and there are {len(start.names)} columns: "
                "correct or leave out that line"
            )
        for name, i in zip(names, chosen, strict=True):
            value = row[i].strip()
            if value in TRUE or value in FALSE:
                continue
            number = _number(value, layout.decimal or ".")
            if value in MISSING and missing:
                continue
            if value in MISSING:
                unusable = unusable or bad_value(name, f"line {line}", NO_VALUE)
            elif number is None:
                texts.setdefault(name, _Texts(line, value)).count += 1
            elif not math.isfinite(number):
                unusable = unusable or bad_value(name, f"line {line}", f"is {short(value)}")
            elif abs(number) > largest:
                what = f"is {short(value)}, beyond {np.dtype(dtype).name}"
                unusable = unusable or bad_value(name, f"line {line}", what)
    return (
        _about_texts(texts, n_rows, layout)
        or unusable
        or TableError(f"it can't be read as CSV ({short(problem, 120)})")
    )


def _about_texts(texts: dict[str, _Texts], n_rows: int, layout: Layout) -> TableError | None:
    if not texts:
        return None
    first, found = next(iter(texts.items()))
    with_comma = _number(found.value, ",") is not None and "," in found.value
    if with_comma and layout.decimal != ",":
        return TableError(
            f"column {short(first)}, line {found.line}: {short(found.value)} has a comma: if that "
            "is the decimal sign, add --decimal ,; if it parts thousands, take it out"
        )
    if len(texts) == 1 and found.count <= max(1, n_rows // 10) and n_rows > 2:
        few = f"{found.count} of {n_rows} values are not numbers"
        return bad_value(first, f"line {found.line}", f"is {short(found.value)} ({few})")
    return not_numbers({name: (f"line {t.line}", t.value) for name, t in texts.items()})
