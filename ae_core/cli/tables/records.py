"""Records of CSV, one at a time: the readable twin of `ae_core._engine.text.records`.

A record ends with its line (LF, CR LF or CR), unless a quote is open. Lines of nothing but spaces
and tabs are none. A cell that begins with a quote, after spaces and tabs, goes on to the next quote
that stands alone; two are one within it; what follows the closing quote belongs to the cell, too.
Spaces and tabs around a number do not matter.
"""

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ..._engine.text.records import FALSE_WORDS, TRUE_WORDS, Dialect

LINE_END = re.compile(rb"\r\n|\r|\n")
NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
TRUE = {word.decode() for word in TRUE_WORDS}
FALSE = {word.decode() for word in FALSE_WORDS}
MISSING = (
    *("NA", "N/A", "n/a", "na", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaN", "nan", "NAN", "-nan"),
    *("-NaN", "NULL", "null", "Null", "None", "?", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)  # fmt: skip
"""What stands for no value, beside nothing: words of R, pandas, spreadsheets and databases."""
SPACES = " \u00a0\u2007\u2009\u202f"
"""What parts thousands in print, where a space does."""
INFINITE = ("inf", "infinity")


class Record(NamedTuple):
    """A record of a text."""

    cells: list[bytes] | None
    """As they are written; None for a line that says nothing."""
    end: int
    """Where the next one begins."""
    n_lines: int
    is_open: bool = False
    """Whether the text ends within quotes."""


@dataclass(frozen=True)
class Grammar:
    """How records and their numbers are written."""

    separator: str = ","
    """One character of ASCII; a space stands for any number of them."""
    decimal: str = "."
    thousands: str = ""
    """What parts groups of three digits; a space stands for any of `SPACES`."""
    comment: str = ""
    """What lines begin with that say nothing; empty: there are none."""
    no_value: tuple[str, ...] = ()
    """What stands for no value, beside nothing and `MISSING`: texts, or numbers such as -999."""

    def dialect(self, may_be_missing: bool, largest: float) -> Dialect:
        """The same, as the quick twin wants it."""
        return Dialect(
            self.separator.encode(),
            self.decimal.encode(),
            self.comment.encode(),
            [word.encode() for word in dict.fromkeys([*MISSING, *self.no_value])],
            may_be_missing,
            largest,
            self.thousands.encode() if self.thousands != " " else b"",
        )

    # --- records ---------------------------------------------------------------------------------

    def record(self, text: bytes, at: int, at_end: bool) -> Record | None:
        """The record that begins where a line does; None if that is not all of it.

        Parameters
        ----------
        text : bytes
        at : int
        at_end : bool
            Whether nothing follows the text.
        """
        nothing = self._nothing.match(text, at)
        if nothing:
            return self._ended(None, text, at, nothing.end(), at_end)
        cells: list[bytes] = []
        place = self._after(self._spaces, text, at)
        while True:
            start = place
            place = self._after(self._blanks, text, place)
            if text[place : place + 1] == b'"':
                close = closing_quote(text, place + 1)
                if close < 0 and at_end:
                    cells.append(text[start:])
                    return Record(cells, len(text), _n_lines(text, at, len(text)), True)
                if close < 0 or (close + 1 == len(text) and not at_end):  # or one of two
                    return None
                place = close + 1
            place = self._after(self._cell, text, place)
            cells.append(text[start:place])
            if place == len(text) or text[place : place + 1] in (b"\r", b"\n"):
                return self._ended(cells, text, at, place, at_end)
            place = self._after(self._spaces, text, place + 1)
            if self.separator == " " and (place == len(text) or text[place] in b"\r\n"):
                return self._ended(cells, text, at, place, at_end)

    def is_nothing(self, line: bytes) -> bool:
        """Whether a line, without its end, says nothing."""
        return self._nothing.fullmatch(line) is not None

    def after_nothing(self, text: bytes, at: int) -> tuple[int, int]:
        """Where the lines end that begin at a place and say nothing, as far as that is known to be
        so; and how many they are.
        """
        start, end = None, at
        while start != end:
            start = end
            match = self._nothing_lines.match(text, start)
            assert match is not None  # it matches nothing, too
            end = match.end()
        if end == len(text) and text.endswith(b"\r"):  # an LF may follow: the last line stays
            end = max(at, 1 + max(text.rfind(sign, at, end - 1) for sign in (b"\n", b"\r")))
        n_ends = sum(text.count(sign, at, end) for sign in (b"\n", b"\r"))
        return end, n_ends - text.count(b"\r\n", at, end)

    @cached_property
    def _nothing_lines(self) -> re.Pattern[bytes]:
        # Not possessive (*+): in Python 3.11.2 that goes a character too far. So many at a time, as
        # each is kept to come back to.
        return re.compile(rb"(?:(?:" + self._nothing.pattern + rb")(?:\r\n|\n|\r)){0,1000}")

    @cached_property
    def _nothing(self) -> re.Pattern[bytes]:
        """The line that says nothing."""
        blanks = rb"[ \t]*(?=[\r\n]|\Z)" if self.separator != "\t" else rb" *(?=[\r\n]|\Z)"
        comment = rb"|" + re.escape(self.comment.encode()) + rb"[^\r\n]*"
        return re.compile(blanks + comment if self.comment else blanks)

    @cached_property
    def _spaces(self) -> re.Pattern[bytes]:
        """What goes with a separator."""
        return re.compile(rb" *" if self.separator == " " else rb"")

    @cached_property
    def _blanks(self) -> re.Pattern[bytes]:
        """What a quote may stand behind."""
        return re.compile({" ": rb"\t*", "\t": rb" *"}.get(self.separator, rb"[ \t]*"))

    @cached_property
    def _cell(self) -> re.Pattern[bytes]:
        """What is left of a cell."""
        return re.compile(rb"[^\r\n" + re.escape(self.separator.encode()) + rb"]*")

    @staticmethod
    def _after(pattern: re.Pattern[bytes], text: bytes, place: int) -> int:
        match = pattern.match(text, place)
        assert match is not None  # they match nothing, too
        return match.end()

    @staticmethod
    def _ended(
        cells: list[bytes] | None, text: bytes, at: int, place: int, at_end: bool
    ) -> Record | None:
        """What ends with the line end at that place, if it does."""
        if not at_end and place + text.startswith(b"\r", place) >= len(text):
            return None  # it goes on, or an LF follows
        end = LINE_END.match(text, place)
        place = end.end() if end else place
        return Record(cells, place, _n_lines(text, at, place))

    # --- numbers ---------------------------------------------------------------------------------

    def number(self, text: str) -> float | None:
        """The number that a text is: NaN for no value, 1 and 0 for true and false; or None."""
        text = text.strip(" \t")
        if self.is_missing(text):
            return math.nan
        number = self._number(text)
        return math.nan if number in self.no_value_numbers else number

    def is_missing(self, text: str) -> bool:
        """Whether a text stands for no value."""
        return text in self._missing

    @cached_property
    def _missing(self) -> frozenset[str]:
        return frozenset(["", *MISSING, *self.no_value])

    @cached_property
    def no_value_numbers(self) -> frozenset[float]:
        """The numbers that stand for no value, however they are written."""
        numbers = {self._number(text) for text in self.no_value}
        return frozenset(number for number in numbers if number is not None)

    def _number(self, text: str) -> float | None:
        if text in TRUE or text in FALSE:
            return float(text in TRUE)
        if text.lower().lstrip("+-") in INFINITE:
            return -math.inf if text[0] == "-" else math.inf
        if self.thousands:
            text = self._without_thousands(text)
        if self.decimal != ".":
            text = text.replace(".", "x").replace(self.decimal, ".")
        return float(text) if NUMBER.fullmatch(text) else None

    def _without_thousands(self, text: str) -> str:
        if self.thousands == " ":
            text = text.strip(SPACES)
        match = self._groups.fullmatch(text)
        return self._thousands.sub("", match[1]) + match[2] if match else text

    @cached_property
    def _thousands(self) -> re.Pattern[str]:
        signs = {" ": SPACES, "'": "'\u2019"}.get(self.thousands, self.thousands)
        return re.compile(f"[{re.escape(signs)}]")

    @cached_property
    def _groups(self) -> re.Pattern[str]:
        """A number whose thousands are parted, and what stands behind them.

        None that begins with 0: in 0.125 the point is a decimal sign.
        """
        sign = self._thousands.pattern
        return re.compile(rf"([-+]?[1-9][0-9]{{0,2}}(?:{sign}[0-9]{{3}})+)((?![0-9]).*)")


def unquoted(cell: bytes) -> bytes:
    """What a cell says: what its quotes hold, or all of it but spaces and tabs around it."""
    text = cell.strip(b" \t")
    if not text.startswith(b'"'):
        return text
    close = closing_quote(text, 1)
    if close < 0:
        return text
    return text[1:close].replace(b'""', b'"') + text[close + 1 :]


def closing_quote(text: bytes, place: int) -> int:
    """The place of the first quote from there on that is not doubled; -1 if there is none."""
    while (place := text.find(b'"', place)) >= 0 and text[place + 1 : place + 2] == b'"':
        place += 2
    return place


def _n_lines(text: bytes, start: int, stop: int) -> int:
    return len(LINE_END.findall(text, start, stop))
