"""Values that stand in tables for what is missing, such as -999 or '?': NaN in their place."""

from typing import Any

import numpy as np

from ..basics.arguments import is_number
from .cells import is_missing
from .frames import NO_INDEX, library_of


def says_nan(marker: Any) -> bool:
    """Whether a marker is what is missing in any table: NaN, None or pandas' NA."""
    return is_missing(marker)


def without_marker(X: Any, marker: Any) -> Any:
    """X with NaN, or what its library has for it, where a marker stands; X itself is not changed.

    Parameters
    ----------
    X : array, DataFrame, lists
        What is no frame becomes an array, of objects where it holds text.
    marker : number or str
    """
    library = library_of(X)
    if library is None:
        return _array_without(X, marker)
    if library in NO_INDEX:
        return _narwhals_without(X, marker)
    result = X.copy()
    for place in range(X.shape[1]):
        series = X.iloc[:, place]
        if hasattr(series.dtype, "categories"):
            if marker in list(series.dtype.categories):
                result.isetitem(place, series.cat.remove_categories([marker]))
        elif _may_hold(getattr(series.dtype, "kind", "O"), marker):
            found = np.asarray(series.astype(object) == marker, dtype=bool)
            if found.any():
                result.isetitem(place, series.mask(found))
    return result


def _may_hold(kind: str, marker: Any) -> bool:
    return kind in "OUST" or (is_number(marker) and kind in "fiu")


def _array_without(X: Any, marker: Any) -> Any:
    if isinstance(X, np.ma.MaskedArray):
        kind: Any = np.float64 if X.dtype.kind in "fiub" else object
        X = np.ma.filled(X.astype(kind), np.nan)
    if not isinstance(X, np.ndarray | list | tuple):  # what else there is, others understand
        return X
    try:
        array = np.asarray(X)
    except ValueError:  # rows of different lengths, which are refused later, by name
        return X
    if array.dtype.kind in "fiu" and not isinstance(marker, str):
        array = array if array.dtype.kind == "f" else array.astype(np.float64)
        return np.where(array == marker, array.dtype.type(np.nan), array)
    if array.dtype.kind not in "OUST":
        return X
    array = array.astype(object)
    found = np.asarray(array == marker, dtype=bool)
    return np.where(found, np.nan, array) if found.shape == array.shape else X


def _narwhals_without(X: Any, marker: Any) -> Any:
    import narwhals as nw

    table = nw.from_native(X, eager_only=True)
    changed = []
    for name in table.columns:
        dtype = table[name].dtype
        is_text = dtype in (nw.String, nw.Categorical, nw.Enum)
        if is_text != isinstance(marker, str) or not (is_text or dtype.is_numeric()):
            continue
        same = nw.col(name).cast(nw.String) == marker if is_text else nw.col(name) == marker
        changed.append(nw.when(~same).then(nw.col(name)).alias(name))
    return table.with_columns(*changed).to_native() if changed else X
