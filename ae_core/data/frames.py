"""Data frames of any library: their numbers as an array, and arrays as frames again.

pandas, polars, pyarrow (`Table`), and through narwhals what is like them (modin, cuDF). A frame in
gives a frame out: of the same library, with its names, and, where it has one, its index.

narwhals is imported on first use: arrays can do without.
"""

from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import shown
from .cells import floats_of, is_missing
from .checks import check_distinct
from .frame_types import in_plain_numbers, is_wide, known_dtype, refuse_dtype, with_known_types

NUMBERS = "fiub"
"""NumPy's kinds of dtypes that are numbers."""

LIBRARIES = {
    "pandas": "dataframe",
    "polars": "dataframe",
    "pyarrow": "table",
    "modin": "dataframe",
    "cudf": "dataframe",
}
"""Libraries whose frames are in memory, and narwhals' word for such a frame."""

NO_INDEX = ("polars", "pyarrow")
"""Libraries whose frames have no index, and text as column names; the others are like pandas."""


def is_frame(X: Any) -> bool:
    """Whether X is a data frame that is in memory."""
    return library_of(X) is not None


def library_of(X: Any) -> str | None:
    """The library whose data frame X is, one of `LIBRARIES`; None for what is no frame."""
    kind = type(X)  # to ask X itself for its columns may take long, where it is not in memory
    if not hasattr(kind, "columns") or kind.__module__.startswith("narwhals."):
        return None
    from narwhals import dependencies

    for library, what in LIBRARIES.items():
        if getattr(dependencies, f"is_{library}_{what}")(X):
            return library
    return None


def names_of(X: Any) -> list[Any] | None:
    """The names of a frame's columns; None for what is no frame."""
    library = library_of(X)
    if library is None:
        return None
    return list(X.column_names if library == "pyarrow" else X.columns)


# --- numbers out of a frame ---------------------------------------------------------------------


def numbers_of(frame: Any, name: str, advice: str) -> Any:
    """The columns of a frame as an array (m, n) of their common dtype, NaN where missing.

    A CSR matrix where all are pandas' sparse columns of zeros. No copy where a frame of NumPy's
    numbers needs none.

    Parameters
    ----------
    frame : DataFrame or Table
    name : str
        What errors call it.
    advice : str
        What to do about text.

    Raises
    ------
    ValueError
        Naming the first column that holds something else than numbers.
    """
    check_names(names_of(frame) or [], name)
    library = library_of(frame)
    if library not in NO_INDEX:
        return _of_pandas(frame, name, advice)
    import narwhals as nw

    if library == "pyarrow":
        frame = with_known_types(frame, name)
    table = nw.from_native(frame, eager_only=True)
    columns = [_of_series(table[c], name, c, advice) for c in table.columns]
    return np.column_stack(columns) if columns else np.empty(table.shape)


def _of_pandas(frame: Any, name: str, advice: str) -> Any:
    dtypes = list(frame.dtypes)
    if all(isinstance(dtype, np.dtype) and dtype.kind in NUMBERS for dtype in set(dtypes)):
        return frame.to_numpy(dtype=np.result_type(*set(dtypes)) if dtypes else np.float64)
    if all(hasattr(dtype, "fill_value") and dtype.fill_value == 0 for dtype in dtypes):
        return frame.sparse.to_coo().tocsr()
    columns = [
        _of_pandas_column(frame.iloc[:, i], dtype, name, advice) for i, dtype in enumerate(dtypes)
    ]
    return np.column_stack(columns)


def _of_pandas_column(series: Any, dtype: Any, name: str, advice: str) -> Array:
    """One column as NumPy's numbers (m,), NaN where missing."""
    kind = getattr(dtype, "kind", "O")
    if kind in "mMc":
        refuse_dtype(name, series.name, dtype)
    if hasattr(dtype, "categories"):
        kind = "O"  # whatever its categories are
    if kind not in NUMBERS:
        values = np.asarray(series.astype(object))
        return floats_of(values, lambda at: _cell(name, series.name, at[0]), advice)
    if isinstance(dtype, np.dtype) or hasattr(dtype, "fill_value"):
        return np.asarray(series)
    numpy_dtype = getattr(dtype, "numpy_dtype", np.dtype(np.float64))
    if kind != "f" and series.isna().any():
        numpy_dtype = np.dtype(np.float64)
    return np.asarray(series.to_numpy(dtype=numpy_dtype, na_value=np.nan))


def _of_series(series: Any, name: str, column: str, advice: str) -> Array:
    """One column of polars or pyarrow, as narwhals has it, as NumPy's numbers (m,)."""
    import narwhals as nw

    dtype = series.dtype
    n_missing = series.null_count()
    if n_missing == len(series) and len(series):
        return np.full(len(series), np.nan)
    if dtype.is_numeric() or dtype == nw.Boolean:
        is_plain = n_missing == 0 and not dtype.is_decimal() and not is_wide(dtype)
        if not is_plain and dtype != nw.Float32:
            series = series.cast(nw.Float64)
        return np.asarray(series.to_numpy())
    if dtype in (nw.String, nw.Categorical, nw.Enum, nw.Object):
        values = np.fromiter(series.to_list(), dtype=object, count=len(series))
        return floats_of(values, lambda at: _cell(name, column, at[0]), advice)
    return refuse_dtype(name, column, known_dtype(series))


def _cell(name: str, column: Any, row: int) -> str:
    return f"{name}: column {shown(column)}, row {row},"


def check_names(columns: list[Any], name: str = "X") -> None:
    """Refuse columns that have a name together, or of which only some are named by text.

    Raises
    ------
    ValueError, TypeError
        Naming them.
    """
    kinds = {isinstance(column, str): column for column in reversed(columns)}
    if len(kinds) > 1:
        raise TypeError(
            f"{name} has columns named {shown(kinds[True])} and {shown(kinds[False])}: names must "
            f"be text in all columns or in none, as after {name}.columns = {name}.columns.map(str)"
        )
    check_distinct(columns, name)


# --- a frame out of numbers ---------------------------------------------------------------------


def framed(values: Array, like: Any, names: Any = None) -> Any:
    """An array (m, n) in a frame such as `like` (m, …), with its index; as it is beside an array.

    Parameters
    ----------
    values : array of shape (m, n)
    like : anything
    names : sequence, optional
        Of the columns, as of `new_frame`; by default those of `like`, which has n then.
    """
    if names is None:
        names = like.columns if hasattr(like, "iloc") else names_of(like)
    return new_frame(library_of(like), values, names, getattr(like, "index", None))


def new_frame(library: str | None, values: Array, names: Any, index: Any = None) -> Any:
    """A frame of that library with an array's columns (m, n), of these names; the array for None.

    Numbers for names are such to pandas; to others, which have none, ``x0`` and so on.

    Raises
    ------
    ModuleNotFoundError
        When the library is not installed.
    """
    if library is None:
        return values
    if library not in NO_INDEX:
        return _pandas_like(library)(values, index=index, columns=names)
    import narwhals as nw

    names = [name if isinstance(name, str) else f"x{name}" for name in names]
    columns = {name: np.ascontiguousarray(values[:, i]) for i, name in enumerate(names)}
    known: Any = library
    return nw.from_dict(columns, backend=known).to_native()


def _pandas_like(library: str) -> Any:
    """The class DataFrame of pandas, or of what is like it."""
    import narwhals as nw

    return nw.Implementation.from_string(library).to_native_namespace().DataFrame


def filled_frame(frame: Any, X: Array, filled: Array) -> Any:
    """A frame whose missing entries are filled in; columns without any stay what they are.

    Parameters
    ----------
    frame : DataFrame or Table
    X, filled : arrays of shape (m, n_features)
        Its numbers before and after.
    """
    places = np.flatnonzero((np.isnan(X) & ~np.isnan(filled)).any(axis=0))
    if library_of(frame) in NO_INDEX:
        import narwhals as nw

        table = nw.from_native(frame, eager_only=True)
        names = [table.columns[place] for place in places]
        new = nw.from_native(framed(filled[:, places], frame, names), eager_only=True)
        return table.with_columns(*new.iter_columns()).to_native()
    frame = frame.copy()
    for place in places:
        kind = frame.dtypes.iloc[place]
        is_float = isinstance(kind, np.dtype) and kind.kind == "f"
        frame.isetitem(place, filled[:, place].astype(kind if is_float else np.float64))
    return frame


def sparse_frame(frame: Any, filled: Any) -> Any:
    """A CSR matrix (m, n) as a frame of sparse columns, with a frame's names and index."""
    import pandas as pd

    return pd.DataFrame.sparse.from_spmatrix(filled, index=frame.index, columns=frame.columns)


# --- by way of pandas, whose dtypes an `Encoding` speaks of ---------------------------------------


def as_pandas(X: Any, name: str = "X") -> Any:
    """A frame of any library as a pandas DataFrame whose dtypes say what its columns are.

    Whole numbers and flags stay such where some are missing (pandas' ``Int64``, ``boolean``), text
    is text, and categories are those that occur, or those of an Enum. What is no frame is given
    back as it is.

    Raises
    ------
    ValueError
        Naming the first column that is neither numbers, flags, text nor categories.
    """
    library = library_of(X)
    if library is None:
        return X
    if library == "pandas":
        return in_plain_numbers(X)
    import narwhals as nw
    import pandas as pd

    check_names(names_of(X) or [], name)
    X = with_known_types(X, name) if library == "pyarrow" else X
    table = nw.from_native(X, eager_only=True)
    if library not in NO_INDEX:
        return table.to_pandas()
    frame = {column: _as_pandas_column(table[column], name) for column in table.columns}
    return pd.DataFrame(frame, index=range(len(table)))


def _as_pandas_column(series: Any, name: str) -> Any:
    import narwhals as nw
    import pandas as pd

    dtype, values = series.dtype, series.to_list
    if is_wide(dtype) or dtype.is_decimal():
        return pd.Series(series.cast(nw.Float64).to_numpy())
    if dtype.is_integer() and series.null_count():
        return pd.Series(values(), dtype=str(dtype))  # pandas, too, says Int64
    if dtype == nw.Boolean:
        return pd.Series(values(), dtype="boolean" if series.null_count() else "bool")
    if dtype.is_numeric():
        return pd.Series(series.to_numpy())
    if dtype == nw.Enum:  # their order is kept, to tell them from categories
        return pd.Series(pd.Categorical(values(), categories=dtype.categories, ordered=True))
    if dtype == nw.Categorical:
        known = sorted({value for value in values() if value is not None})
        return pd.Series(pd.Categorical(values(), categories=known))
    if dtype in (nw.String, nw.Object) or series.null_count() == len(series):
        return pd.Series(values(), dtype=object)
    return refuse_dtype(name, series.name, known_dtype(series))


def from_pandas(frame: Any, library: str | None) -> Any:
    """A pandas DataFrame as a frame of a library; as it is for pandas and None."""
    if library in (None, "pandas"):
        return frame
    import narwhals as nw

    if library not in NO_INDEX:
        return _pandas_like(library)(frame)
    columns = [_from_pandas_column(frame[name], library) for name in frame.columns]
    return nw.from_dict({c.name: c for c in columns}).to_native()


def _from_pandas_column(series: Any, library: Any) -> Any:
    import narwhals as nw

    dtype: Any = nw.from_native(series, series_only=True).dtype
    if dtype == nw.Float16:
        dtype = nw.Float32
    if dtype.is_numeric() and not series.isna().any():
        return nw.new_series(series.name, np.asarray(series), dtype, backend=library)
    values = [None if is_missing(value) else value for value in series.astype(object)]
    if hasattr(series.dtype, "categories"):
        dtype = nw.Categorical
        if series.dtype.ordered and library != "pyarrow":  # which has no order of categories
            dtype = nw.Enum([str(category) for category in series.cat.categories])
    elif not dtype.is_numeric() and dtype != nw.Boolean:
        dtype = nw.String
    if not dtype.is_numeric() and dtype != nw.Boolean:
        values = [None if value is None else str(value) for value in values]
    if dtype == nw.Categorical:  # pyarrow before 22 does not encode a list by itself
        text = nw.new_series(series.name, values, nw.String, backend=library)
        if library != "pyarrow":
            return text.cast(nw.Categorical)
        encoded = text.to_native().dictionary_encode()  # a cast's indices pandas may not read
        return nw.from_native(encoded, series_only=True).alias(series.name)
    return nw.new_series(series.name, values, dtype, backend=library)


def some_columns(frame: Any, kept: Array) -> Any:
    """Those columns of a frame that are kept, (n_columns,) bool."""
    if kept.all():
        return frame
    if hasattr(frame, "iloc"):
        return frame.iloc[:, np.flatnonzero(kept)]
    names = names_of(frame) or []
    return frame.select([name for name, keeps in zip(names, kept, strict=True) if keeps])


def with_columns(frame: Any, added: Array, names: Any) -> Any:
    """A frame (m, …) with columns (m, k) of these names after its own."""
    if not added.shape[1]:
        return frame
    import narwhals as nw

    beside = framed(added, frame, list(names))
    tables = [nw.from_native(each, eager_only=True) for each in (frame, beside)]
    return nw.concat(tables, how="horizontal").to_native()
