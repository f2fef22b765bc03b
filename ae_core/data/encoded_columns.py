"""One column of a table that has numbers, flags and categories: what it is, and its values.

What a pandas Series is, its dtype says, and of text and objects their values.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple, NoReturn

import numpy as np

from .._typing import Array
from ..basics.arguments import shown
from .cells import is_missing

NUMBER, FLAG, CATEGORY = "number", "flag", "category"

NUMBERS = re.compile(
    r"u?int(8|16|32|64)(\[pyarrow\])?|U?Int(8|16|32|64)|float(16|32|64)|Float(32|64)"
    r"|(float|double|halffloat)\[pyarrow\]"
)
"""pandas' names of the dtypes whose columns are numbers."""

TEXTS = re.compile(r"object|str|(large_)?string(\[(python|pyarrow|pyarrow_numpy)\])?")
"""Those whose columns are text."""

FLAGS = ("bool", "boolean", "bool[pyarrow]", "object")

DATE = re.compile(r"\d{4}[-/.]\d\d?[-/.]\d\d?(\D|$)|\d\d?[-/.]\d\d?[-/.]\d{4}(\D|$)")
"""How a text begins that is a date."""

DAYS = "(dates - pandas.Timestamp('2000-01-01')).dt.days"
"""How pandas makes numbers of dates."""

COVARIATES = "covariates"
"""What errors call a table of which nothing may be missing."""

NAMES_SHOWN = 5
"""How many known categories an error lists, …"""

LONGEST_NAME = 12
"""… and characters of each."""

OTHER = -2
"""The code of a category that was not there in the fit, where that is no error."""

MANY = 20
"""Up to so many different texts are categories, however few rows there are."""


class Column(NamedTuple):
    """What one column of a table is."""

    name: str
    kind: str
    """'number', 'flag' or 'category'."""
    dtype: str
    """pandas' name of it."""
    categories: tuple[Any, ...] = ()
    """Of a category, in the order of its columns."""
    categories_dtype: str = "object"
    """Of pandas' own categories."""
    is_ordered: bool = False

    @property
    def width(self) -> int:
        """Columns that it becomes."""
        return len(self.categories) if self.kind == CATEGORY else 1


def has_fitting_categories(column: Column) -> bool:
    """Whether pandas can hold a category's texts, numbers or truth values in its dtype."""
    categories = column.categories
    dtype = column.categories_dtype if column.dtype == "category" else column.dtype
    kinds = {type(category) for category in categories}
    if any(isinstance(c, float) and c != c for c in categories):  # NaN is no category
        return False
    if dtype in FLAGS:
        return dtype == "object" or kinds <= {bool}
    if not NUMBERS.fullmatch(dtype):
        return TEXTS.fullmatch(dtype) is not None and kinds <= {str}
    if "int" in dtype.lower():
        limits = np.iinfo(dtype.removesuffix("[pyarrow]").lower())
        return kinds <= {int} and all(limits.min <= c <= limits.max for c in categories)
    is_index = dtype not in ("float16", "halffloat[pyarrow]")  # which no index can be of
    fits = all(type(c) is float or abs(c) <= 2**53 for c in categories)
    return is_index and kinds <= {int, float} and fits


def learned_column(values: Any, has_missing: bool, table: str, n_rows: int | None = None) -> Column:
    """What a Series is; of a table of so many rows, where it has only its different values."""
    import pandas as pd

    name, dtype = str(values.name), values.dtype
    found = str(dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        index = dtype.categories
        if not len(index):
            _refuse(table, name, "has no categories: drop it")
        return Column(
            name, CATEGORY, "category", _plain(index), str(index.dtype), bool(dtype.ordered)
        )
    if NUMBERS.fullmatch(found):
        return Column(name, NUMBER, found)
    kind = pd.api.types.infer_dtype(values, skipna=True) if TEXTS.fullmatch(found) else found
    if kind == "boolean" or pd.api.types.is_bool_dtype(dtype):
        if has_missing:
            return Column(name, CATEGORY, found, (False, True))
        return Column(name, FLAG, found)
    if kind == "empty" or not values.notna().any():
        _refuse(table, name, f"of dtype {found} has no values: drop it, or use a number's dtype")
    if kind == "string":
        seen = sorted(_plain(values.dropna().unique()))
        n_rows = len(values) if n_rows is None else n_rows
        if len(seen) > MANY and 2 * len(seen) > n_rows:
            what = (
                f"has {len(seen)} different texts in {n_rows} rows: it names rows rather than "
                "sorts them; drop it, or, if it does sort them, use .astype('category')"
            )
            if all(DATE.match(text) for text in seen):
                what = (
                    f"has dates as text, such as {shown(seen[0])[:40]}: turn them into numbers, "
                    f"with dates = pandas.to_datetime(column) and {DAYS}, or drop it"
                )
            _refuse(table, name, what)
        return Column(name, CATEGORY, found, tuple(seen))
    held = "" if kind == found else f", and holds {kind}"
    advice = (
        "turn it into numbers (of a date, such as the days since one), booleans, text or "
        "categories with .astype, or drop it"
    )
    if found.startswith("datetime64") and "," not in found:  # of no zone
        advice = (
            f"turn dates into numbers, such as the days since one: {DAYS}; into text, which is a "
            "category, with .astype(str); or drop it"
        )
    return _refuse(table, name, f"has dtype {found}{held}: {advice}")


def _plain(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(v.item() if isinstance(v, np.generic) else v for v in values)


def category_codes(
    values: Any, column: Column, has_missing: bool, table: str, others: bool
) -> Array:
    """Which category each value of a Series is: (m,); -1 for none, with `others` -2 for another."""
    import pandas as pd

    try:
        places, different = pd.factorize(values)  # -1 where missing
    except TypeError:  # lists and such, which have no place in a table
        return codes_of_cells(values.to_numpy(dtype=object), column, has_missing, table, others)
    # Of the different values, in the order in which they occur.
    codes = codes_of_cells(
        np.asarray(different, dtype=object), column, has_missing, table, others, places
    )
    return np.append(codes, -1)[places]


def codes_of_cells(
    values: Array,
    column: Column,
    has_missing: bool,
    table: str,
    others: bool,
    places: Array | None = None,
) -> Array:
    """The same as `category_codes` of an array of values (m,), without pandas.

    Where they are those of other rows, `places` says of each row which of them it has.
    """
    known = {category: code for code, category in enumerate(column.categories)}
    codes = np.empty(len(values), dtype=np.intp)
    for row, value in enumerate(values.tolist()):
        try:
            code = -1 if is_missing(value) else known.get(value)
        except TypeError:  # no value of a table, such as a list
            code = None
        if code is None:
            if not (others or has_missing):
                first = row if places is None else int((places == row).argmax())
                _refuse_category(table, column, value, first)
            code = OTHER if others else -1
        codes[row] = code
    return codes


def _refuse_category(table: str, column: Column, value: Any, row: int) -> NoReturn:
    some = ", ".join(repr(one)[:LONGEST_NAME] for one in column.categories[:NAMES_SHOWN])
    some += ", …" if len(column.categories) > NAMES_SHOWN else ""
    hint = "" if table == COVARIATES else " (missing_values='mask' takes others for unseen)"
    held = f"has {shown(value)[:40]}, which was no category in the fit, in row {row}"
    _refuse(table, column.name, f"{held}: known are {some}{hint}")


def categories_of(codes: Array, column: Column) -> Any:
    """The Series of a column that codes (m,) stand for."""
    import pandas as pd

    if column.dtype == "category":
        index = pd.Index(column.categories, dtype=column.categories_dtype)
        dtype = pd.CategoricalDtype(index, ordered=column.is_ordered)
        return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype))
    values = np.array(column.categories, dtype=object)[codes]
    return pd.Series(values, dtype=object).astype(column.dtype)


def numbers_of(values: Any, column: Column, table: str) -> Array:
    """A Series of numbers or flags as float64, NaN where missing: (m,)."""
    try:
        if values.dtype.kind == "M":
            raise ValueError
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    except OverflowError:  # an integer beyond all floats
        return numbers_of_cells(values.to_numpy(dtype=object), column, table)
    except (ValueError, TypeError):
        held = f"has dtype {values.dtype}"
        _refuse(table, column.name, f"{held}: in the fit it was a {column.kind}'s")
    return _checked_numbers(numbers, column, table)


def numbers_of_cells(values: Array, column: Column, table: str) -> Array:
    """The same as `numbers_of` of an array of values (m,), without pandas."""
    if values.dtype.kind in "fiub":
        return _checked_numbers(values.astype(np.float64), column, table)
    numbers = np.empty(len(values))
    for row, value in enumerate(values.tolist()):
        try:
            if isinstance(value, str | bytes):
                raise ValueError(value)
            numbers[row] = np.nan if is_missing(value) else float(value)
        except (ValueError, TypeError, OverflowError):
            held = f"has {shown(value)[:40]} in row {row}"
            _refuse(table, column.name, f"{held}: in the fit it was a {column.kind}'s")
    return _checked_numbers(numbers, column, table)


def _checked_numbers(numbers: Array, column: Column, table: str) -> Array:
    odd, meaning = np.isinf(numbers), "every number must be finite"
    if column.kind == FLAG:
        odd = ~np.isnan(numbers) & (numbers != 0) & (numbers != 1)
        meaning = "in the fit it was True or False"
    if odd.any():
        row = int(odd.argmax())
        _refuse(table, column.name, f"has {numbers[row]:g} in row {row}: {meaning}")
    return np.asarray(numbers)


def whole_limits(dtype: str) -> tuple[float, float] | None:
    """The smallest and the largest float64 that a dtype of whole numbers holds; None for others."""
    name = dtype.removesuffix("[pyarrow]").lower()
    if "int" not in name:
        return None
    limits = np.iinfo(name)
    high = float(limits.max)
    if int(high) > limits.max:  # the largest of 64 bits is no float64
        high = float(np.nextafter(high, 0))
    return float(limits.min), high


def whole_numbers(values: Array, dtype: str) -> Array:
    """Numbers (m,) as near as a dtype can hold them."""
    limits = whole_limits(dtype)
    if limits is None:
        return values
    rounded = np.rint(values.astype(np.float64)).clip(*limits)
    return np.asarray(rounded.astype(dtype.removesuffix("[pyarrow]").lower()))


def _refuse(table: str, column: str, what: str) -> NoReturn:
    raise ValueError(f"{table}: column {shown(column)} {what}")


# --- in a file ----------------------------------------------------------------------------------


def described_column(column: Column) -> dict[str, Any]:
    """A column as JSON has it.

    Raises
    ------
    ValueError
        When categories are something else than text, numbers and truth values.
    """
    odd = [c for c in column.categories if type(c) not in (str, int, float, bool)]
    if odd:
        raise ValueError(
            f"column {column.name!r} has the category {odd[0]!r}, of type "
            f"{type(odd[0]).__name__}: a model file holds text, numbers and truth values; "
            "turn the categories into text before the fit"
        )
    return column._asdict() | {"categories": list(column.categories)}


def restored_column(entry: dict[str, Any]) -> Column:
    """A column from what `described_column` gave, read from a file.

    Raises
    ------
    ValueError, TypeError, LookupError
        When no fit can have made it: its kind, dtype and categories do not fit.
    """
    column = Column(**{**entry, "categories": tuple(entry["categories"])})
    allowed = {
        NUMBER: NUMBERS.fullmatch(column.dtype),
        FLAG: column.dtype in FLAGS,
        CATEGORY: column.dtype in ("category", *FLAGS) or TEXTS.fullmatch(column.dtype),
    }
    if (
        not allowed[column.kind]
        or type(column.name) is not str
        or type(column.is_ordered) is not bool
        or type(column.categories_dtype) is not str
        or any(type(c) not in (str, int, float, bool) for c in column.categories)
        or len(set(column.categories)) != len(column.categories)
        or (column.kind == CATEGORY) != bool(column.categories)
        or not (column.kind != CATEGORY or has_fitting_categories(column))
    ):
        raise ValueError(f"column {column.name!r} has a kind and categories that do not fit")
    return column
