"""What methods of estimators are given, checked as scikit-learn does, and what they give back.

A frame in gives a frame out, of the same library, with its names and its index; an array an array.
"""

from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from .._typing import Array
from ..basics.shown import cut, printable
from ..data.checks import check_frame, check_table, is_sparse
from ..data.containers import ENCODE, table_of
from ..data.encoding import Encoding
from ..data.frames import (
    NO_INDEX,
    as_pandas,
    framed,
    from_pandas,
    is_frame,
    library_of,
    names_of,
    new_frame,
)
from ..data.plain_rows import FLOATS, is_plain
from ..data.rows import Rows
from .parameters import check_columns

MIXED = (
    "columns='mixed' takes a DataFrame's text and categories; or encode them as numbers, or leave "
    "the column out"
)
MASK = "missing_values='mask' learns around what is missing, and impute fills it in; or "
NAMES_SHOWN, NAME_SHOWN = 5, 30
"""Names in an error, and characters of each."""
NO_CODE = "take the code of such rows from transform; or "


def checked(estimator: Any, X: Any, *, reset: bool, name: str = "X") -> Any:
    """X as an array or a canonical CSR matrix, checked as scikit-learn does; DataFrames encoded.

    With `reset`, the number and names of its columns are noted, the library of a frame, and how its
    columns are encoded is learned.

    Raises
    ------
    ValueError, TypeError
        When it is no table of numbers (with ``columns='mixed'``, no DataFrame), or has missing
        entries that `missing_values` does not allow.
    """
    missing = estimator.missing_values
    if reset:
        check_columns(estimator)
    if not is_mixed(estimator, reset=reset):
        return checked_table(
            estimator, X, reset=reset, name=name, missing=missing, text=MIXED, advice=MASK
        )
    frame = as_pandas(X, name)
    return encoded(estimator, frame, X, reset=reset, has_missing=missing == "mask", name=name)


def is_mixed(estimator: Any, *, reset: bool) -> bool:
    """Whether columns are encoded: as the parameters say with `reset`, else as in the fit."""
    return bool(estimator.columns == "mixed" if reset else estimator.encoding_ is not None)


def encoded(
    estimator: Any, frame: Any, X: Any, *, reset: bool, has_missing: bool, name: str = "X"
) -> Any:
    """A DataFrame of pandas, made from X, as numbers; with `reset` how it is encoded is learned."""
    check_frame(frame, name)
    if reset:
        encoding = Encoding.learn(frame, has_missing=has_missing, name=name)
    else:
        note_columns(estimator, frame, reset=False)  # first: another column's values say nothing
        encoding = estimator.encoding_
    others = estimator._takes_other_categories
    numbers = encoding.encode(frame, has_missing=has_missing, others=others, name=name)
    if reset:
        note_columns(estimator, frame, reset=True)
        estimator.encoding_, estimator._library = encoding, library_of(X)
    return numbers


def plain_rows(estimator: Any, X: Any, *scaling: Any, clip: bool = False) -> Rows | None:
    """A few rows, as `Rows`, if only their numbers need a check; otherwise None.

    They are a NumPy array of floats, of the width of a fit without names of columns. The checks of
    `checked` would find nothing, and take ten times as long as the network.
    """
    fitted = vars(estimator)
    missing = estimator.missing_values
    if (
        "feature_names_in_" in fitted
        or fitted.get("encoding_", X) is not None
        or not is_plain(X, fitted.get("n_features_in_", 0), missing)
    ):
        return None
    return Rows.of_plain(X, *scaling, clip=clip, missing=missing)


def checked_table(
    estimator: Any,
    X: Any,
    *,
    reset: bool,
    name: str = "X",
    missing: str | None = None,
    text: str = ENCODE,
    advice: str = "",
) -> Any:
    """X as an array or a canonical CSR matrix of numbers, checked as scikit-learn does.

    Parameters
    ----------
    estimator : estimator
        Whose `n_features_in_` and `feature_names_in_` are noted, with `reset`, or compared.
    X : array, masked array, DataFrame, scipy.sparse matrix, lists of numbers
    reset : bool
    name : str
        What errors call X.
    missing : {None, 'mask', 'implicit'}
    text : str
        What errors say is to be done about text.
    advice : str
        What else they say may be done about missing entries.

    Raises
    ------
    ValueError, TypeError
        Naming X, or an entry or a column of it, and what to do.
    """
    table = table_of(X, name, missing=missing, text=text, advice=advice)
    table = check_array(
        table,
        dtype="numeric",
        accept_sparse="csr",
        ensure_all_finite=False,  # `check_table` says which entry it is
        input_name=name,
        estimator=estimator,
    )
    table = check_table(table, name, missing=missing, columns=names_of(X), advice=advice)
    note_columns(estimator, X if is_frame(X) else table, reset=reset)
    if reset:
        estimator.encoding_, estimator._library = None, library_of(X)
    return table


def note_columns(estimator: Any, X: Any, *, reset: bool) -> None:
    """Note the number and names of columns, with `reset`, or compare them with those of the fit.

    Raises
    ------
    ValueError
        When there are others, in the words that scikit-learn's contract asks for.
    """
    fitted = getattr(estimator, "feature_names_in_", None)
    names = names_of(X)
    if not reset and fitted is not None and names and all(isinstance(n, str) for n in names):
        _check_same_names(list(fitted), names)
    validate_data(estimator, X, skip_check_array=True, reset=reset)


def _check_same_names(fitted: list[str], names: list[str]) -> None:
    """Refuse other names, in scikit-learn's words; long names, and long lists of them, are cut."""
    if names == fitted:
        return
    said = "The feature names should match those that were passed during fit.\n"
    new, lost = sorted(set(names) - set(fitted)), sorted(set(fitted) - set(names))
    if new:
        said += "Feature names unseen at fit time:\n" + _in_lines(new)
    if lost:
        said += "Feature names seen at fit time, yet now missing:\n" + _in_lines(lost)
    if not new and not lost:
        said += "Feature names must be in the same order as they were in fit.\n"
    raise ValueError(said)


def _in_lines(names: list[str]) -> str:
    lines = [f"- {cut(printable(name), NAME_SHOWN)}\n" for name in names[:NAMES_SHOWN]]
    return "".join(lines) + "- ...\n" * (len(names) > NAMES_SHOWN)


class FramesOut:
    """What estimators share that give a frame where they were given one."""

    _library: str | None = None
    """Of the frames that the estimator was fitted to; None for arrays, and in older files."""

    encoding_: Encoding | None

    def _as_fitted(self, values: Array, beside: Any = None) -> Any:
        """Rows (m, n_features) in the data's units, in a frame where `beside` (m, …) is one.

        Without anything beside them, where the fit was of one; with an encoding always. The names
        are those of the fit.
        """
        library = self._library if beside is None else library_of(beside)
        if self.encoding_ is None:
            names = getattr(self, "feature_names_in_", range(values.shape[1]))
            if beside is None:
                return new_frame(library, values, names)
            return framed(values, beside, names)
        has_index = beside is not None and library is not None and library not in NO_INDEX
        frame = self.encoding_.decode(values, beside.index if has_index else None)
        return from_pandas(frame, library or self._library)


def indexable(X: Any) -> Any:
    """X itself if it has a length or a shape, else the array that it can be made into."""
    return X if hasattr(X, "shape") or hasattr(X, "__len__") else np.asarray(X)


def code_of(X: Any) -> Array:
    """Codes (m, n_components) as an array of floats.

    Raises
    ------
    ValueError, TypeError
        When X is no finite table of numbers; names the entry, or what to give.
    """
    if is_sparse(X):
        raise TypeError(
            "X, the codes, is a sparse matrix, but dense data is required: give X.toarray()"
        )
    codes = table_of(X, advice=NO_CODE)
    codes = np.asarray(check_table(codes, columns=names_of(X), advice=NO_CODE))
    return codes if codes.dtype in FLOATS else codes.astype(np.float64)
