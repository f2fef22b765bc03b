"""Windows of a series: overlapping rows without a copy, and their scores back on the time axis."""

from typing import Any

import numpy as np

from .._typing import Array
from ..basics.arguments import COUNT, as_numbers, shown
from .checks import is_sparse
from .frames import as_pandas, is_frame, library_of, names_of, numbers_of


def windows(X: Any, width: int, step: int = 1) -> Any:
    """Windows of a series as the rows of a table, which shares the memory of the series.

    Parameters
    ----------
    X : array of shape (n_times, n_columns) or (n_times,), or DataFrame
        One row for each time. An array must be C-contiguous. A frame's numbers are copied once, and
        the windows share that copy.
    width : int
        Times in a window.
    step : int, default=1
        Times from the beginning of one window to that of the next.

    Returns
    -------
    array of shape (n_windows, width * n_columns), which can't be written to
        Row i is ``X[i * step : i * step + width].ravel()``: all columns of the first time, then
        those of the second. Times at the end that fill no window are left out. Of a pandas
        DataFrame, a DataFrame whose columns are called such as ``pressure[-3]``, three times before
        the last, ``pressure[0]``; its index is that of each window's last time. Of other frames, an
        array.

    Raises
    ------
    ValueError
        When X can't be seen so without a copy, or is shorter than a window.

    Examples
    --------
    >>> import numpy as np
    >>> from ae_core import windows
    >>> windows(np.arange(8).reshape(4, 2), width=3)
    array([[0, 1, 2, 3, 4, 5],
           [2, 3, 4, 5, 6, 7]])
    """
    width, step = COUNT("width", width), COUNT("step", step)
    if is_frame(X):
        values = np.ascontiguousarray(numbers_of(X, "X", "encode text as numbers first"))
        view = _windows_of(values, width, step)
        if library_of(X) != "pandas":
            return view
        names = [f"{name}[{lag}]" for lag in range(1 - width, 1) for name in names_of(X) or ()]
        index = as_pandas(X).index[width - 1 :: step]
        return type(X)(view, index=index, columns=names, copy=False)
    if is_sparse(X) or not isinstance(X, np.ndarray):
        instead = "X.toarray()" if is_sparse(X) else "numpy.asarray(X)"
        raise ValueError(
            f"X={shown(X)}: windows are views of an array or a DataFrame; give {instead}"
        )
    if X.dtype.kind not in "fiub" or X.ndim not in (1, 2):
        raise ValueError(
            f"X has shape {X.shape} and dtype {X.dtype}: numbers of shape (n_times, n_columns) are "
            "needed"
        )
    if not X.flags.c_contiguous:
        raise ValueError(
            f"X of shape {X.shape} with strides {X.strides} is not C-contiguous, so its windows "
            "are no view of it: give numpy.ascontiguousarray(X)"
        )
    return _windows_of(np.asarray(X if X.ndim == 2 else X[:, None]), width, step)


def _windows_of(X: Array, width: int, step: int) -> Array:
    n_times, n_columns = X.shape
    if n_columns == 0 or n_times < width:
        raise ValueError(
            f"X has shape {X.shape}: windows of width={width} need at least so many rows, and a "
            "column"
        )
    flat = X.reshape(-1)
    # In C order a window is one run of numbers, and the next begins step rows on.
    view = np.lib.stride_tricks.sliding_window_view(flat, width * n_columns)
    return view[:: step * n_columns]


def scores_over_time(scores: Any, width: int, step: int = 1, n_times: int | None = None) -> Array:
    """What was said of each window, as the mean over the windows in which each time lies.

    Parameters
    ----------
    scores : array of shape (n_windows,) or (n_windows, width * n_columns)
        Such as `score_samples` gives of windows; or of each entry, such as `explain` and
        `feature_errors` do.
    width, step : int
        As of `windows`.
    n_times : int, optional
        Of the series; by default those that lie in a window.

    Returns
    -------
    array of shape (n_times,) or (n_times, n_columns), float64
        NaN for times that lie in no window. Of entries, each time has the mean of its own.

    Raises
    ------
    ValueError
        When they do not fit each other.

    Examples
    --------
    >>> from ae_core import scores_over_time
    >>> scores_over_time([1.0, 3.0], width=2)
    array([1., 2., 3.])
    """
    width, step = COUNT("width", width), COUNT("step", step)
    scores = np.asarray(as_numbers("scores", np.asarray(scores)), dtype=np.float64)
    if scores.ndim not in (1, 2) or not len(scores):
        raise ValueError(f"scores has shape {scores.shape}: one row or number per window is needed")
    covered = (len(scores) - 1) * step + width
    n_times = covered if n_times is None else COUNT("n_times", n_times)
    if not covered <= n_times:
        raise ValueError(
            f"n_times={n_times}: {len(scores)} windows of width={width} and step={step} have "
            f"{covered} times"
        )
    of_entries = scores.ndim == 2
    of_each = scores if of_entries else np.broadcast_to(scores[:, None], (len(scores), width))
    lags = errors_by_lag(of_each, width)
    total = np.zeros((n_times, lags.shape[2]))
    counts = np.zeros((n_times, 1))
    for lag in range(width):
        at = slice(lag, lag + (len(scores) - 1) * step + 1, step)
        total[at] += lags[:, lag]  # (n_windows, n_columns)
        counts[at] += 1
    means = np.divide(total, counts, out=np.full_like(total, np.nan), where=counts > 0)
    return means if of_entries else means[:, 0]


def errors_by_lag(errors: Any, width: int) -> Array:
    """What was said of each entry of windows, by time in the window and column: a view.

    Parameters
    ----------
    errors : array of shape (n_windows, width * n_columns) or DataFrame
        Such as `explain` and `feature_errors` give.
    width : int
        As of `windows`.

    Returns
    -------
    array of shape (n_windows, width, n_columns)
        ``errors_by_lag(E, width)[i, -1]`` is of the last time of window i; the sum over the second
        axis is each column's part.

    Raises
    ------
    ValueError
        When the columns are not those of so wide windows.
    """
    width = COUNT("width", width)
    errors = np.asarray(as_numbers("errors", np.asarray(errors)))
    if errors.ndim != 2 or errors.shape[1] == 0 or errors.shape[1] % width:
        raise ValueError(
            f"errors has shape {errors.shape}: its columns must be a multiple of width={width}"
        )
    return errors.reshape(len(errors), width, -1)
