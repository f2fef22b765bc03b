"""Tables with missing entries as networks see them, and filled ones as an imputer gives them."""

from typing import Any

import numpy as np
import sklearn

from .._typing import Array
from ..data.checks import is_sparse
from ..data.frames import as_pandas, library_of
from ..data.markers import says_nan, without_marker
from ..serving.imputing import MARKED
from .tables import checked_table, encoded, is_mixed

TEXT = (
    "columns='mixed' takes a DataFrame's text and categories, and missing_values a text for what "
    "is missing"
)


def table_to_fill(estimator: Any, X: Any, *, reset: bool) -> Array:
    """X as an array of numbers (m, n_encoded), NaN where missing, checked as scikit-learn does.

    With `reset`, the number and names of its columns are noted, the library of a frame, and how
    columns of a mixed table are encoded is learned.

    Raises
    ------
    ValueError, TypeError
        When it is no table of numbers (with ``columns='mixed'``, no DataFrame).
    """
    marker = estimator.missing_values
    if is_sparse(X):
        raise TypeError(
            "Sparse data was passed as X, but dense data is required: give X.toarray(), with what "
            "is missing marked by missing_values"
        )
    if is_mixed(estimator, reset=reset):
        frame = unmarked_frame(X, marker)
        return np.asarray(encoded(estimator, frame, X, reset=reset, has_missing=True))
    is_number = not says_nan(marker) and not isinstance(marker, str)
    if isinstance(marker, str):
        X = without_marker(X, marker)
    table = checked_table(
        estimator,
        X,
        reset=reset,
        missing=None if is_number else "mask",
        text=TEXT,
        advice=MARKED,
    )
    if is_sparse(table):  # pandas' columns of that kind
        table = table.toarray()
    if table.dtype.kind != "f":
        table = table.astype(np.float64)
    return np.where(table == marker, table.dtype.type(np.nan), table) if is_number else table


def unmarked_frame(X: Any, marker: Any) -> Any:
    """A frame of any library as one of pandas, with missing entries in place of the marker."""
    return as_pandas(X if says_nan(marker) else without_marker(X, marker))


def requested_library(estimator: Any, X: Any) -> str | None:
    """The library of frames for a transformed X; None for an array, which `set_output` may wrap."""
    configured = getattr(estimator, "_sklearn_output_config", {}).get("transform")
    configured = configured or sklearn.get_config()["transform_output"]
    if configured == "default":
        return library_of(X)
    return str(configured) if estimator.encoding_ is not None else None
