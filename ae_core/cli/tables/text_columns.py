"""Columns of cells that are no numbers, while they are read: dates, categories, any text."""

from typing import Any

import numpy as np

from ..._typing import Array
from ...data.encoded_columns import MANY, Column
from .columns import TableError, drop_option, short
from .dates import days_of, seems_a_date
from .problems import is_written_otherwise, stands_for_none, what_to_do
from .records import Grammar, unquoted

MOST_CATEGORIES = 10_000
"""More different texts than that are none to learn from."""
SOME = 200
"""Of a column's texts, those that are looked at more closely."""
NUMBERS_AMONG_TEXTS = 0.9
"""Where more of the different texts are numbers than this share, the others are mistakes."""


class Dates:
    """A column of dates, as days since 1970."""

    def __init__(self, grammar: Grammar) -> None:
        self.missing_in: int | None = None  # the line
        self._grammar = grammar
        self._blocks: list[Array] = []

    def add(self, cells: list[bytes], lines: Array) -> int | None:
        """Take some cells; the place of the first that is no date."""
        days = np.empty(len(cells))
        for i, cell in enumerate(cells):
            said = unquoted(cell).decode("utf-8", "replace").strip()
            day = np.nan if self._grammar.is_missing(said) else days_of(said)
            if day is None:
                return i
            days[i] = day
        self._blocks.append(days)
        missing = np.flatnonzero(np.isnan(days))
        if self.missing_in is None and len(missing):
            self.missing_in = int(lines[missing[0]])
        return None

    def values(self, name: str, n_rows: int) -> Array:
        """(n_rows,), NaN where missing."""
        return np.concatenate(self._blocks)


class Texts:
    """A column of texts of which nothing is to be made."""

    missing_in = None

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._texts: list[str | None] = []

    def add(self, cells: list[bytes], lines: Array) -> None:
        """Take some cells."""
        for cell in cells:
            said = unquoted(cell).decode("utf-8", "replace")
            self._texts.append(None if self._grammar.is_missing(said.strip()) else said)

    def values(self, name: str, n_rows: int) -> Array:
        """(n_rows,), None where missing."""
        return np.array(self._texts, dtype=object)


class Categories:
    """A column of texts that sort rows, as the places of their categories."""

    def __init__(self, known: Column | None, grammar: Grammar, may_be_unseen: bool) -> None:
        self.missing_in: int | None = None
        self._known, self._grammar, self._may_be_unseen = known, grammar, may_be_unseen
        self._codes = {} if known is None else {str(c): i for i, c in enumerate(known.categories)}
        self._lines: list[int] = []  # where each category was first seen
        self._code_of: dict[bytes, int] = {}  # of cells as they are written
        self._blocks: list[Array] = []

    def add(self, cells: list[bytes], lines: Array) -> int | None:
        """Take some cells; the place of the first that can't be a category."""
        codes = np.empty(len(cells), np.int64)
        for i, cell in enumerate(cells):
            code = self._code_of.get(cell)
            if code is None:
                code = self._learned(cell, int(lines[i]))
                if code is None:
                    return i
                if len(self._code_of) < 2 * MOST_CATEGORIES:
                    self._code_of[cell] = code
            codes[i] = code
        self._blocks.append(codes)
        missing = np.flatnonzero(codes < 0)
        if self.missing_in is None and len(missing):
            self.missing_in = int(lines[missing[0]])
        return None

    def _learned(self, cell: bytes, line: int) -> int | None:
        try:
            said = unquoted(cell).decode()
        except UnicodeDecodeError:
            return None
        if said.strip() == "" or self._grammar.is_missing(said):
            return -1
        code = self._codes.get(said)
        if code is not None:
            return code
        if self._known is not None:
            number = self._grammar.number(said)
            same = [
                i
                for i, c in enumerate(self._known.categories)
                if type(c) in (int, float) and c == number
            ]
            return same[0] if same else -1 if self._may_be_unseen else None
        if len(self._codes) >= MOST_CATEGORIES:
            return None
        self._lines.append(line)
        return self._codes.setdefault(said, len(self._codes))

    def values(self, name: str, n_rows: int) -> Any:
        """What a DataFrame holds of them, (n_rows,)."""
        import pandas as pd

        codes = np.concatenate(self._blocks)
        if self._known is None:
            texts = list(self._codes)
            self._check(name, texts, n_rows)
            order = sorted(range(len(texts)), key=texts.__getitem__)
            places = np.append(np.argsort(order), -1)  # of each code; the last is that of none
            index = pd.Index([texts[i] for i in order], dtype=object)
            return pd.Categorical.from_codes(places[codes], dtype=pd.CategoricalDtype(index))
        column = self._known
        if column.dtype == "category":
            index = pd.Index(column.categories, dtype=column.categories_dtype)
            dtype = pd.CategoricalDtype(index, ordered=column.is_ordered)
            return pd.Categorical.from_codes(codes, dtype=dtype)
        return np.array([*column.categories, None], dtype=object)[codes]

    def _check(self, name: str, texts: list[str], n_rows: int) -> None:
        """Refuse texts that are none to sort rows by.

        Raises
        ------
        TableError
        """
        if not texts:
            raise TableError(
                f"column {short(name)} has no values: leave it out with {drop_option([name])}"
            )
        others = [i for i, text in enumerate(texts) if self._grammar.number(text) is None]
        line, text = self._lines[others[0]], texts[others[0]]
        n_names = len(texts) > MANY and 2 * len(texts) > n_rows
        found = what_to_do(text, self._grammar, self._may_be_unseen)
        if found is not None and (
            (n_names and self._are_numbers(texts, others, what_to_do))
            or self._are_numbers(texts, others, is_written_otherwise)
            or (2 * len(others) < len(texts) and all(stands_for_none(texts[i]) for i in others))
        ):
            what, advice = found
            raise TableError(
                f"column {short(name)}, line {line}: {short(text)} {what}: {advice}; or leave the "
                f"column out with {drop_option([name], 40)}"
            )
        if len(texts) - len(others) >= NUMBERS_AMONG_TEXTS * len(texts):
            raise TableError(
                f"column {short(name)}, line {line}, is {short(text)}, and nearly all others are "
                f"numbers: put one there, or leave out the column with {drop_option([name])}"
            )
        if n_names and all(map(seems_a_date, texts[:SOME])):
            raise TableError(
                f"column {short(name)}, line {line}: {short(text, 24)} looks like a date: write "
                f"dates as 2020-12-31, or leave the column out with {drop_option([name], 40)}"
            )
        if n_names:
            raise TableError(
                f"column {short(name)} has {len(texts)} different texts in {n_rows} rows, such as "
                f"{short(texts[0], 24)}: it names rows rather than sorts them; leave it out with "
                f"{drop_option([name], 40)} (dates are written as 2020-12-31)"
            )

    def _are_numbers(self, texts: list[str], others: list[int], reads: Any) -> bool:
        """Whether nearly all texts would be numbers, if they were written as those are read."""
        some = others[:SOME]
        n_read = sum(bool(reads(texts[i], self._grammar)) for i in some)
        share = n_read / len(some)
        return len(texts) - len(others) + share * len(others) >= NUMBERS_AMONG_TEXTS * len(texts)
