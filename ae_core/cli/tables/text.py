"""The text of a CSV file: decoded, in pieces, with the lines that are to be left out.

However a file is made, no more than twice `LONGEST` bytes of it are held at once: a record that is
longer is refused before anything parses it.
"""

import codecs
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from .columns import TableError
from .records import LINE_END, Grammar, Record

Opener = Callable[[], BinaryIO]
"""Opens the bytes at their beginning, each time it is called."""

FIRST = 1 << 16
"""Bytes that are read first; a file may turn out to be none of text."""
PIECE = 1 << 20
"""Bytes that are read at once; more when records are long."""
LONGEST = 1 << 25
"""Bytes of the longest record, and of the longest stretch without one."""
NEVER = 1 << 62
"""A line that no file has."""

UNICODE_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DIGITS = b"123456789"  # a bzip2 file says the size of its blocks
OTHER_FILES = {
    b"\x1f\x8b": ("compressed by gzip", ".csv.gz", "zcat"),
    b"PK\x03\x04": ("an archive or a workbook, not text", "", ""),
    b"\xd0\xcf\x11\xe0": ("an old workbook, not text", "", ""),
    b"PAR1": ("Parquet", ".parquet", ""),
    b"ARROW1": ("in Arrow's format", ".feather", ""),
    b"\xff\xff\xff\xff": ("a stream in Arrow's format", ".feather", ""),
    b"\x93NUMPY": ("in NumPy's format", ".npy", ""),
    b"BZh": ("compressed by bzip2", ".csv.bz2", "bzcat"),
    b"\xfd7zXZ": ("compressed by xz", ".csv.xz", "xzcat"),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", ".csv.zst", "zstdcat"),
}
"""How files begin that are no text: what they are, the ending of their names, what unpacks them."""


def checked_encoding(name: str) -> str:
    """The encoding of that name, if it is one of text.

    Raises
    ------
    ValueError
        For any other.
    """
    sample = '0,1\r\n-2.5e3\t"x"; |\n'
    try:
        if sample.encode(name).decode(name) == sample:
            codecs.getincrementaldecoder(name)
            found = codecs.lookup(name).name
            return "utf-8" if found in ("utf-8-sig", "ascii") else found
    except Exception:  # codecs raise what they like for what they can't do
        pass
    raise ValueError(
        "there is no such encoding of text; there are utf-8, utf-16, cp1252, latin-1, …"
    )


class Text:
    """A file as UTF-8, some of it at a time: ``data[at:]`` is what comes next, from line `line` on.

    Parameters
    ----------
    file : binary file
    encoding : str, optional
        By default UTF-8, of which bytes that are none stay as they are.
    skip : sequence of (first, last)
        Numbers of lines to leave out, counted from 1, ascending.
    is_pipe : bool
        Whether it comes through a pipe: messages differ.
    """

    def __init__(
        self,
        file: BinaryIO,
        encoding: str | None = None,
        skip: Sequence[tuple[int, int]] = (),
        *,
        is_pipe: bool = False,
    ) -> None:
        self._file, self._encoding, self._skip = file, encoding, list(skip)
        self._is_pipe, self._decoder = is_pipe, None
        if encoding is not None and encoding != "utf-8":
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._is_first = True
        self._n_since = 0  # bytes since the last record
        self._n_skipped = 0  # of `skip`
        self._kept: int | None = None  # from where on nothing is forgotten
        self.data, self.at, self.line, self.at_end = b"", 0, 1, False

    def more(self) -> None:
        """Read on; what comes before `at` is forgotten.

        Raises
        ------
        TableError
            When it is no text, or there is too much of it without a record.
        OSError
            When it can't be read.
        """
        left = len(self.data) - self.at
        if left >= LONGEST or self._n_since >= LONGEST:
            raise TableError(
                f"line {self.line} goes on for more than {LONGEST >> 20} MB, or nothing follows "
                "it: a quote may be open there, or it is no table"
            )
        piece = self._file.read(FIRST if self._is_first else max(PIECE, left))
        self.at_end = not piece
        if self._is_first:
            piece = self._checked(piece)
        if self._decoder is not None:
            piece = self._decoded(piece)
        start = self.at if self._kept is None else self._kept
        self.data, self.at = self.data[start:] + piece, self.at - start
        self._kept = None if self._kept is None else 0
        self._is_first = False

    def _checked(self, piece: bytes) -> bytes:
        """The first bytes, without their mark, if text may begin so."""
        if self._decoder is not None:
            return piece
        for start, (what, ending, unpacks) in OTHER_FILES.items():
            if not piece.startswith(start) or (ending == ".csv.bz2" and piece[3:4] not in DIGITS):
                continue
            if not ending:
                raise TableError(f"it is {what}: save it as CSV")
            if self._is_pipe and unpacks:
                raise TableError(f"it is {what}: unpack it, as with {unpacks} FILE | ae-core …")
            if self._is_pipe:
                raise TableError(f"it is {what}, and a pipe must be CSV: give the file itself")
            raise TableError(f"it is {what}, whatever its name: rename it to end in {ending}")
        for mark, name in UNICODE_MARKS.items():
            if piece.startswith(mark):
                raise not_utf8(name)
        n_zeros = [piece[i:256:2].count(b"\0") for i in range(2)]
        if min(n_zeros) == 0 and 8 * max(n_zeros) > len(piece[:256]):  # most are every other byte
            raise not_utf8("utf-16-be" if n_zeros[0] else "utf-16-le")
        while piece.startswith(codecs.BOM_UTF8):  # a program may put one before another's
            piece = piece.removeprefix(codecs.BOM_UTF8)
        return piece

    def _decoded(self, piece: bytes) -> bytes:
        """The next bytes, as UTF-8; bytes that the encoding does not have become U+FFFD."""
        assert self._decoder is not None
        try:
            text = self._decoder.decode(piece, self.at_end)
        except UnicodeError as error:  # it has no byte order mark
            raise TableError(
                f"it is not {self._encoding} text with a mark of its byte order: add --encoding "
                f"{self._encoding}-le, or {self._encoding}-be"
            ) from error
        if self._is_first:
            text = text.lstrip("\ufeff")
        return text.encode("utf-8", "replace")

    @property
    def has_skipped(self) -> bool:
        """Whether lines were left out."""
        return self._n_skipped > 0

    # --- going on --------------------------------------------------------------------------------

    @property
    def stop_line(self) -> int:
        """The next line that is to be left out."""
        for first, last in self._skip[self._n_skipped :]:
            if self.line <= last:
                return max(self.line, first)
            self._n_skipped += 1
        return NEVER

    def go_on(self, at: int, line: int, *, to_record: bool) -> None:
        """Move on, past a record or only past blank lines, to another place and line."""
        self._n_since = 0 if to_record else self._n_since + at - self.at
        self.at, self.line = at, line

    def take(self, record: Record) -> None:
        """Go on behind a record."""
        self.go_on(record.end, self.line + record.n_lines, to_record=True)

    @contextmanager
    def looking_ahead(self) -> Iterator[None]:
        """Afterwards the text is where it was before."""
        before = self.line, self._n_skipped, self._n_since
        self._kept = self.at
        try:
            yield
        finally:
            self.at, self._kept = self._kept, None
            self.line, self._n_skipped, self._n_since = before

    def leave_out(self) -> None:
        """Go to the next line that is not to be left out, if this one is."""
        while self.stop_line == self.line:
            end = LINE_END.search(self.data, self.at)
            if end is None or (end.end() == len(self.data) and end.group() == b"\r"):
                if not self.at_end:
                    self.more()
                    continue
                if end is None:  # the file ends before the lines to leave out do
                    self.at, self._n_skipped = len(self.data), len(self._skip)
                    return
            self.go_on(end.end(), self.line + 1, to_record=True)

    def pass_over_line(self) -> None:
        """Go to the line after this one."""
        end = LINE_END.search(self.data, self.at)
        self.go_on(end.end() if end else len(self.data), self.line + 1, to_record=True)

    def record(self, grammar: Grammar) -> Record | None:
        """The next record, without going on; None when there are none left.

        Blank lines and comments before it, and lines to be left out, are skipped.
        """
        while True:
            self.leave_out()
            if self.at == len(self.data):
                if self.at_end:
                    return None
                self.more()
                continue
            self._pass_over_nothing(grammar)
            record = grammar.record(self.data, self.at, self.at_end)
            if record is None:
                self.more()
            elif record.cells is None:
                self.go_on(record.end, self.line + record.n_lines, to_record=False)
            else:
                return record

    def _pass_over_nothing(self, grammar: Grammar) -> None:
        """Skip blank lines and comments, all at once, unless some of them are to be left out."""
        end, n_lines = grammar.after_nothing(self.data, self.at)
        if end > self.at and self.line + n_lines <= self.stop_line:
            self.go_on(end, self.line + n_lines, to_record=False)

    def first_line(self, grammar: Grammar) -> bytes:
        """The line that the next record begins with, without going on; empty when there is none."""
        while True:
            self.leave_out()
            self._pass_over_nothing(grammar)
            end = LINE_END.search(self.data, self.at)
            if not self.at_end and (end is None or end.end() == len(self.data)):
                self.more()
                continue
            line = self.data[self.at : end.start() if end else len(self.data)]
            if end is None or not grammar.is_nothing(line):
                return b"" if grammar.is_nothing(line) else line
            self.go_on(end.end(), self.line + 1, to_record=False)


def not_utf8(name: str) -> TableError:
    """The error for a text in that encoding, or one like it."""
    known, others = f" but {name.upper()}", ""
    if not name.startswith("utf"):
        known, others = "", " or whatever it was written in,"
    return TableError(
        f"it is not UTF-8 text{known}: add --encoding {name},{others} or convert it, as with "
        f"iconv -f {name} -t utf-8"
    )
