"""`ImputationDisplay`: what was filled in, beside the truth or beside what was seen."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from .._typing import Array
from ..basics.arguments import COUNT
from ..data.frames import as_pandas, is_frame
from .figures import (
    COLORS,
    GREY,
    INK,
    Display,
    axes_for,
    check_same_shape,
    checked_fitted,
    head,
    legend,
    names_for,
    numbers,
    seen_scale,
    short,
)

COLUMNS = 10
"""Columns that are shown, those with the most missing entries, if nothing else is asked for."""
POINTS = 5000
"""Of more entries, so many are drawn, evenly spaced."""


class ImputationDisplay(Display):
    """Entries that were filled in: against the true ones, or their distribution beside the seen.

    Columns are in deviations from the mean of what was seen of them. Make one with `from_estimator`
    or `from_predictions`.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        The table with NaN where an entry is missing.
    X_filled : array of shape (n_samples, n_features)
        The same with all entries.
    X_true : array of shape (n_samples, n_features), optional
        What was there before entries were hidden.
    feature_names : sequence of str
        What the columns are called.
    n_columns : int, default=10
        Without X_true: of how many columns to draw distributions, those with the most missing
        entries first.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    rmse_ : float or None
        With X_true: the root mean squared error of what was filled in, in deviations.
    rmse_of_mean_ : float or None
        The same of filling in the column mean.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from ae_core import Autoencoder, ImputationDisplay
    >>> X = load_iris().data
    >>> X_missing = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    >>> model = Autoencoder(2, missing_values="mask", max_iter=100, random_state=0).fit(X_missing)
    >>> display = ImputationDisplay.from_estimator(model, X_missing, X_true=X)
    >>> display.rmse_ < display.rmse_of_mean_
    True
    """

    def __init__(
        self,
        X: Array,
        X_filled: Array,
        *,
        X_true: Array | None = None,
        feature_names: Sequence[str] = (),
        n_columns: int = COLUMNS,
    ) -> None:
        self.X, self.X_filled, self.X_true = X, X_filled, X_true
        self.feature_names, self.n_columns = feature_names, n_columns

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        X_true: Any = None,
        feature_names: Sequence[str] | None = None,
        n_columns: int = COLUMNS,
        ax: Any = None,
    ) -> Self:
        """Draw what a fitted estimator fills in for what is missing of X.

        Parameters
        ----------
        estimator : fitted Autoencoder, or an imputer
            With ``impute``, or else a ``transform`` that fills in, as scikit-learn's imputers have.
        X : array or DataFrame of shape (n_samples, n_features)
            A table with NaN where an entry is missing. Of a DataFrame, columns that hold no numbers
            are left out.
        X_true : array or DataFrame of shape (n_samples, n_features), optional
            What was there before entries were hidden.
        feature_names : sequence of str, optional
            What to call the columns; by default their names in X or in the fit.
        n_columns : int, default=10
            Without X_true: of how many columns to draw distributions.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        ImputationDisplay
            What was drawn.

        Raises
        ------
        TypeError
            When the estimator fills in nothing.
        sklearn.exceptions.NotFittedError
            When it is not fitted.
        ValueError
            When nothing of X is missing, or an argument is not what it should be.
        """
        checked_fitted(estimator, ("impute", "transform"), "what is filled in")
        if not hasattr(estimator, "impute") and hasattr(estimator, "network_"):
            raise TypeError(
                f"this {type(estimator).__name__} fills in nothing: fit it with "
                "missing_values='mask'"
            )
        fill = getattr(estimator, "impute", None) or estimator.transform
        return cls.from_predictions(
            X,
            fill(X),
            X_true=X_true,
            feature_names=names_for(feature_names, X, estimator.n_features_in_, estimator),
            n_columns=n_columns,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        X_filled: Any,
        *,
        X_true: Any = None,
        feature_names: Sequence[str] | None = None,
        n_columns: int = COLUMNS,
        ax: Any = None,
    ) -> Self:
        """Draw what whatever method has filled in.

        Parameters
        ----------
        X : array or DataFrame of shape (n_samples, n_features)
            A table with NaN where an entry is missing. Of a DataFrame, columns that hold no numbers
            are left out.
        X_filled : array or DataFrame of shape (n_samples, n_features)
            The same with entries filled in; what is still NaN is left out.
        X_true : array or DataFrame of shape (n_samples, n_features), optional
            What was there before entries were hidden.
        feature_names : sequence of str, optional
            What to call the columns; by default their names in X.
        n_columns : int, default=10
            Without X_true: of how many columns to draw distributions.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        ImputationDisplay
            What was drawn.

        Raises
        ------
        ValueError
            When nothing of X is missing, or an argument is not what it should be.
        """
        COUNT("n_columns", n_columns)
        kept = _columns_of_numbers(X)
        table, filled = _numbers_of(X, "X", kept), _numbers_of(X_filled, "X_filled", kept)
        check_same_shape(table, filled, ("X", "X_filled"))
        true = None if X_true is None else _numbers_of(X_true, "X_true", kept)
        if true is not None:
            check_same_shape(table, true, ("X", "X_true"))
        names = names_for(feature_names, X, table.shape[1] if kept is None else X.shape[1])
        names = names if kept is None else [names[i] for i in kept]
        return cls(table, filled, X_true=true, feature_names=names, n_columns=n_columns).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        ImputationDisplay
            Itself.

        Raises
        ------
        ValueError
            When nothing is missing or nothing was filled in, or `ax` is no Axes.
        """
        missing = np.isnan(self.X)
        if not missing.any():
            raise ValueError("X has no missing entry (NaN), so there is nothing filled in to show")
        filled_in = missing & np.isfinite(self.X_filled)
        if not filled_in.any():
            raise ValueError("X_filled has nothing filled in: it is NaN wherever X is")
        mean, deviation = seen_scale(self.X)
        filled = (self.X_filled - mean) / deviation
        self.rmse_: float | None = None
        self.rmse_of_mean_: float | None = None
        if self.X_true is not None:
            axes = axes_for(ax, (5, 4.6))
            self._against(axes, (self.X_true - mean) / deviation, filled, filled_in)
        else:
            axes = axes_for(ax, (7, 4))
            self._beside(axes, (self.X - mean) / deviation, filled, filled_in)
        axes.spines[["top", "right"]].set_visible(False)
        return self._drawn(axes, ax)

    def _against(self, axes: Any, true: Array, filled: Array, filled_in: Array) -> None:
        """Each entry's true value from left to right, the one filled in from below upwards."""
        known = filled_in & np.isfinite(true)
        if not known.any():
            raise ValueError("X_true is NaN wherever something was filled in")
        x, y = true[known], filled[known]
        self.rmse_ = float(np.sqrt(((x - y) ** 2).mean()))
        self.rmse_of_mean_ = float(np.sqrt((x**2).mean()))
        which = np.linspace(0, len(x) - 1, min(len(x), POINTS)).astype(int)
        points = axes.scatter(x[which], y[which], s=8, color=COLORS[3], alpha=0.4, linewidths=0)
        points.set_label(f"filled in: error {self.rmse_:.2f}")
        ends = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
        axes.plot(ends, ends, color=INK, linewidth=1, label="the truth")
        mean = axes.axhline(0, color=GREY, linewidth=1, dashes=(6, 3))
        mean.set_label(f"column mean: error {self.rmse_of_mean_:.2f}")
        axes.set_xlabel("true value, in deviations")
        axes.set_ylabel("filled in, in deviations")
        legend(axes, loc="upper left")
        head(axes, f"{len(x):,} entries filled in")

    def _beside(self, axes: Any, seen: Array, filled: Array, filled_in: Array) -> None:
        """Per column a box of what was seen, and one of what was filled in."""
        n_filled = filled_in.sum(axis=0)
        most = [int(j) for j in np.argsort(-n_filled, kind="stable") if n_filled[j]]
        most = most[: self.n_columns][::-1]
        for label, color, off, values, which in (
            ("seen", GREY, 0.18, seen, np.isfinite(seen)),
            ("filled in", COLORS[0], -0.18, filled, filled_in),
        ):
            axes.boxplot(
                [values[which[:, j], j] for j in most],
                positions=[i + off for i in range(len(most))],
                orientation="horizontal",
                widths=0.3,
                whis=(5, 95),
                showfliers=False,
                patch_artist=True,
                manage_ticks=False,
                boxprops={"facecolor": color, "edgecolor": color},
                medianprops={"color": INK},
                whiskerprops={"color": color},
                capprops={"color": color},
            )
            axes.plot([], [], color=color, linewidth=6, label=label)
        labels = [
            f"{short(self.feature_names[j])}\n{n_filled[j] / len(seen):.0%} missing" for j in most
        ]
        axes.set_yticks(range(len(most)), labels, fontsize="small")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("deviations from the mean of what was seen; whiskers: 5 % to 95 %")
        # Above the axes: inside them it would stand on boxes.
        legend(axes, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0, ncols=2)
        head(axes, "Filled in, beside what was seen")


def _columns_of_numbers(X: Any) -> list[int] | None:
    """Where the columns of a DataFrame are that hold numbers; None when that is all of them."""
    if not is_frame(X):
        return None
    table = as_pandas(X, "X")
    kept = [i for i in range(table.shape[1]) if _holds_numbers(table.iloc[:, i])]
    return kept if 0 < len(kept) < table.shape[1] else None


def _holds_numbers(column: Any) -> bool:
    if column.dtype.kind in "mM":  # dates would become nanoseconds
        return False
    try:
        _as_floats(column)
    except (TypeError, ValueError):
        return False
    return True


def _as_floats(column: Any) -> Array:
    """A Series (m,), with NaN for what pandas has for a missing value."""
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def _numbers_of(table: Any, name: str, kept: list[int] | None) -> Array:
    """The table as an array of numbers, or of a DataFrame those columns."""
    if kept is not None and is_frame(table):
        frame = as_pandas(table, name)
        table = np.column_stack([_as_floats(frame.iloc[:, i]) for i in kept])
    return numbers(table, name, missing=True)
