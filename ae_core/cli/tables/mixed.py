"""Columns of numbers, flags, categories and dates, read into a DataFrame whose dtypes say which.

For a fit, what a column is, its cells say: numbers where all are; flags where all are true or
false; dates (2020-12-31, with or without a time), which become days since 1970; else categories.
For a model that is fitted, its encoding says it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..._typing import Array
from ...basics.extras import optional
from ...data.encoded_columns import CATEGORY, FLAG, Column
from .columns import NO_VALUE, TableError, Wanted, bad_value, drop_option, listed, short
from .dates import days_of
from .layout import Start
from .problems import NOT_UTF8, Problems
from .records import unquoted
from .text_columns import MOST_CATEGORIES, Categories, Dates, TextColumn, Texts

NUMBERS, DATES, TEXTS = "numbers", "dates", "texts"
GROWTH = 1.125


class OtherKinds(Exception):
    """Columns are not what they were taken for: column → kind. The file is to be read again.

    Numbers may turn out to be dates or texts, and dates to be texts: so this has an end.
    """

    def __init__(self, kinds: dict[int, str]) -> None:
        super().__init__(f"other kinds of columns: {kinds}")
        self.kinds = kinds


class NumberColumns:
    """Columns of numbers alone, in one array that grows, while they are read.

    Parameters
    ----------
    n_columns : int
    dtype : float64 or float32
    n_rows : int
        How many there will be, where that is known.
    """

    dates: Sequence[str] = ()

    def __init__(self, n_columns: int, dtype: Any, n_rows: int = 0) -> None:
        self.uses, self.n_numbers, self.n_texts = list(range(n_columns)), n_columns, 0
        self.seen = np.zeros((2, n_columns), np.uint8)
        self.values, self.n_rows = np.empty((n_rows, n_columns), dtype), 0

    def add(
        self, numbers: Array, texts: list[list[bytes]], lines: Array, problems: Problems
    ) -> None:
        """Take some rows."""
        n_needed = self.n_rows + len(numbers)
        if n_needed > len(self.values):
            # In place: large arrays are moved by the page table, not copied.
            n_more = max(n_needed, int(GROWTH * self.n_rows))
            self.values.resize((n_more, self.n_numbers), refcheck=False)
        if numbers.base is not self.values:  # else they are there
            self.values[self.n_rows : n_needed] = numbers
        self.n_rows = n_needed

    def room(self, n_rows: int) -> Array:
        """Where the numbers of the next rows can be put before they are added."""
        return self.values[self.n_rows : self.n_rows + n_rows]

    def number(self, i: int, cell: str, number: float | None) -> float | None:
        """As of `MixedColumns`: the number itself."""
        return number

    def result(self) -> Array:
        """The array of all rows."""
        self.values.resize((self.n_rows, self.n_numbers), refcheck=False)
        return self.values


class MixedColumns:
    """The chosen columns, while they are read.

    Parameters
    ----------
    wanted : Wanted
    start : Start
        What the first lines tell.
    chosen : sequence of int
        Places of the columns.
    kinds : mapping of int to str
        What columns are known to be, from a time before.
    place_word : str
        What numbers in messages are of.
    """

    def __init__(
        self,
        wanted: Wanted,
        start: Start,
        chosen: Sequence[int],
        kinds: dict[int, str],
        place_word: str = "line",
    ) -> None:
        self.wanted, self.grammar, self.place_word = wanted, start.grammar, place_word
        self.places, self.names = list(chosen), [start.names[place] for place in chosen]
        self.known: list[Column | None] = [None] * len(chosen)
        if wanted.mixed is not True:  # the columns are chosen in the order of the fit
            self.known = list(wanted.mixed.columns)
        self.kinds = [
            kinds.get(i)
            or self._first_kind(i, [row[place] for row in start.sample if place < len(row)])
            for i, place in enumerate(chosen)
        ]
        self.uses, self.n_numbers, self.n_texts = [], 0, 0
        for kind in self.kinds:
            if kind == NUMBERS:
                self.uses.append(self.n_numbers)
                self.n_numbers += 1
            else:
                self.uses.append(-2 - self.n_texts)
                self.n_texts += 1
        self.seen = np.zeros((2, self.n_numbers), np.uint8)
        self._blocks: list[Array] = []
        self._columns = {
            i: self._collector(i) for i, kind in enumerate(self.kinds) if kind != NUMBERS
        }

    def _first_kind(self, i: int, cells: list[str]) -> str:
        """What a column seems to be by its first cells, or is by the fit."""
        known, is_flag = self.known[i], _is_flag(self.known[i])
        if known is not None and known.kind == CATEGORY and not is_flag:
            return TEXTS
        said = [cell.strip() for cell in cells if not self.grammar.is_missing(cell.strip())]
        is_date = bool(said) and all(days_of(cell) is not None for cell in said)
        if known is not None:
            return DATES if is_date and not is_flag else NUMBERS
        if all(self.grammar.number(cell) is not None for cell in said):
            return NUMBERS
        return DATES if is_date else TEXTS

    def _collector(self, i: int) -> TextColumn:
        if self.kinds[i] == DATES:
            return Dates(self.grammar)
        if self.wanted.any_text:
            return Texts(self.grammar)
        return Categories(self.known[i], self.grammar, self.wanted.missing)

    def room(self, n_rows: int) -> Array:
        """Where the numbers of the next rows can be put before they are added."""
        return np.empty((n_rows, self.n_numbers))

    def number(self, i: int, cell: str, number: float | None) -> float | None:
        """The number that a cell holds; None for a cell without a number.

        Raises
        ------
        OtherKinds
            When the column is not one of numbers.
        """
        if number is None and not _is_flag(self.known[i]):
            if days_of(cell.strip()) is not None:
                raise OtherKinds({i: DATES})
            if self.known[i] is None:
                raise OtherKinds({i: TEXTS})
        return number

    def add(
        self, numbers: Array, texts: list[list[bytes]], lines: Array, problems: Problems
    ) -> None:
        """Take some rows."""
        self._check_flags(numbers, lines, problems)
        self._blocks.append(numbers.copy())
        for i, column in self._columns.items():
            cells = texts[-2 - self.uses[i]]
            odd = column.add(cells, lines)
            if odd is not None:
                self._refuse(i, unquoted(cells[odd]), int(lines[odd]), problems)
            elif not self.wanted.missing and column.missing_in is not None:
                problems.refuse(self._bad_value(i, column.missing_in, NO_VALUE, "a value"))

    def _bad_value(self, i: int, line: int, what: str, needed: str = "a number") -> TableError:
        place = f"{self.place_word} {line}"
        return bad_value(self.names[i], place, what, self.wanted.advice, needed)

    def _check_flags(self, numbers: Array, lines: Array, problems: Problems) -> None:
        for i, known in enumerate(self.known):
            if not _is_flag(known):
                continue
            own = numbers[:, self.uses[i]]
            odd = np.flatnonzero(~np.isnan(own) & (own != 0) & (own != 1))
            if len(odd):
                what = f"is {own[odd[0]]:g}, and in the fit it was true or false"
                problems.refuse(self._bad_value(i, lines[odd[0]], what))

    def _refuse(self, i: int, said: bytes, line: int, problems: Problems) -> None:
        """Say what is wrong with a text, or take the column for another kind."""
        known, name, is_date = self.known[i], short(self.names[i]), self.kinds[i] == DATES
        text = said.decode("utf-8", "surrogateescape")
        if NOT_UTF8.search(text) is not None:
            problems.note(line, self.places[i], text, None, "")
        elif is_date and known is None:
            raise OtherKinds({i: TEXTS})
        elif is_date:
            what = f"is {short(text)}, and others are dates"
            problems.refuse(self._bad_value(i, line, what))
        elif known is None:
            raise TableError(
                f"column {name} has more than {MOST_CATEGORIES} different texts: it names rows "
                f"rather than sorts them; leave it out with {drop_option([self.names[i]])}"
            )
        else:
            unseen = ", or fit with --missing, to take others for unseen"
            problems.refuse(
                TableError(
                    f"column {name}, {self.place_word} {line}, is {short(text)}, which was no "
                    f"category in the fit; known are {listed(known.categories, 60)}: leave out the "
                    f"row{unseen if self.wanted.advice.can_be_unseen else ''}"
                )
            )

    # --- the end ---------------------------------------------------------------------------------

    @property
    def dates(self) -> list[str]:
        """Names of the columns that were dates."""
        return [name for name, kind in zip(self.names, self.kinds, strict=True) if kind == DATES]

    def result(self) -> Any:
        """The DataFrame of all rows."""
        pd = optional("pandas", "mixed columns", "cli")
        numbers = np.concatenate(self._blocks)
        columns = {}
        for i, name in enumerate(self.names):
            if self.kinds[i] != NUMBERS:
                columns[name] = self._columns[i].values(name)
                continue
            own, known = numbers[:, self.uses[i]], self.known[i]
            seen_numbers, seen_truths = self.seen[:, self.uses[i]]
            if _is_flag(known) if known is not None else seen_truths and not seen_numbers:
                is_missing = np.isnan(own)
                own = pd.array(own == 1, dtype="boolean" if is_missing.any() else "bool")
                if is_missing.any():
                    own[is_missing] = pd.NA
            columns[name] = own
        return pd.DataFrame(columns, copy=False)


def described(frame: Any, dates: Iterable[str]) -> list[str]:
    """How many columns are of each kind, and the first of them."""
    kinds: dict[str, list[str]] = {}
    for name, dtype in frame.dtypes.items():
        kind = {"f": "of numbers", "b": "of true and false"}.get(dtype.kind, "of categories")
        kinds.setdefault("of dates" if name in dates else kind, []).append(name)
    return [f"{len(names)} {kind} ({listed(names, 40)})" for kind, names in kinds.items()]


def _is_flag(column: Column | None) -> bool:
    if column is None:
        return False
    return column.kind == FLAG or set(map(type, column.categories)) == {bool}
