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
"""With more different texts, a column names rows and is refused."""
SOME = 200
"""How many of a column's texts are examined closely."""
NUMBERS_AMONG_TEXTS = 0.9
"""Where more of the different texts are numbers than this share, the others are mistakes."""


class TextColumn:
    """A column of cells, each of which becomes one value."""

    dtype: Any = np.float64

    def __init__(self, grammar: Grammar) -> None:
        self.missing_in: int | None = None
        """The line of the first cell without a value."""
        self._grammar = grammar
        self._blocks: list[Array] = []
        self._value_of: dict[bytes, Any] = {}  # of cells as they are written

    def add(self, cells: list[bytes], lines: Array) -> int | None:
        """Take some cells; the place of the first that can't be one of the column."""
        values = np.empty(len(cells), self.dtype)
        for i, cell in enumerate(cells):
            value = self._value_of.get(cell)
            if value is None:
                value = self.value(cell, int(lines[i]))
                if value is None:
                    return i
                if len(self._value_of) < 2 * MOST_CATEGORIES:
                    self._value_of[cell] = value
            values[i] = value
        self._blocks.append(values)
        missing = np.flatnonzero(self.is_missing(values))
        if self.missing_in is None and len(missing):
            self.missing_in = int(lines[missing[0]])
        return None

    def value(self, cell: bytes, line: int) -> Any:
        """What stands for a cell; None when it can't be one of the column."""
        raise NotImplementedError

    def is_missing(self, values: Array) -> Array:
        """Which of them stand for no value."""
        return np.isnan(values)

    def values(self, name: str) -> Any:
        """What a DataFrame holds of them, (n_rows,)."""
        return np.concatenate(self._blocks)


class Dates(TextColumn):
    """A column of dates, as days since 1970; NaN where missing."""

    def value(self, cell: bytes, line: int) -> float | None:
        """The days from 1970 to the date in a cell."""
        said = unquoted(cell).decode("utf-8", "replace").strip()
        return np.nan if self._grammar.is_missing(said) else days_of(said)


class Texts(TextColumn):
    """A column of free text; None where missing."""

    dtype = object

    def value(self, cell: bytes, line: int) -> str:
        """What a cell says; nothing where it stands for no value."""
        said = unquoted(cell).decode("utf-8", "replace")
        return "" if self._grammar.is_missing(said.strip()) else said

    def is_missing(self, values: Array) -> Array:
        """No cell is refused for having no value: the table is only looked at."""
        return np.zeros(len(values), bool)

    def values(self, name: str) -> Array:
        """Texts, (n_rows,)."""
        texts = super().values(name)
        return np.asarray(np.where(texts == "", None, texts))


class Categories(TextColumn):
    """A column of texts that sort rows, as the places of their categories; -1 where missing."""

    dtype = np.int64

    def __init__(self, known: Column | None, grammar: Grammar, may_be_unseen: bool) -> None:
        super().__init__(grammar)
        self._known, self._may_be_unseen = known, may_be_unseen
        self._codes = {} if known is None else {str(c): i for i, c in enumerate(known.categories)}
        self._lines: list[int] = []  # where each category was first seen

    def is_missing(self, values: Array) -> Array:
        """Which of them stand for no value, or for a category that the fit has not seen."""
        return values < 0

    def value(self, cell: bytes, line: int) -> int | None:
        """The place of a cell's category."""
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
            for i, category in enumerate(self._known.categories):
                if type(category) in (int, float) and category == number:
                    return i
            return -1 if self._may_be_unseen else None
        if len(self._codes) >= MOST_CATEGORIES:
            return None
        self._lines.append(line)
        return self._codes.setdefault(said, len(self._codes))

    def values(self, name: str) -> Any:
        """A Categorical; or of a model's columns whatever these were, (n_rows,)."""
        import pandas as pd

        codes = super().values(name)
        if self._known is None:
            texts = list(self._codes)
            self._check(name, texts, len(codes))
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
        """Refuse texts that are no categories.

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
