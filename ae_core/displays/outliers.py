"""`OutlierDisplay`: how unusual rows are, where the line is, and what makes the oddest ones odd."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from .._typing import Array
from ..basics.arguments import COUNT, OneOf
from .figures import (
    COLORS,
    GREY,
    INK,
    Display,
    axes_for,
    check_same_shape,
    checked_fitted,
    divided,
    head,
    legend,
    names_for,
    numbers,
    short,
)

KINDS = OneOf(("both", "scores", "contributions"))
ROWS = 6
"""Rows of which is shown what makes them odd, if nothing else is asked for."""
REASONS = 3
"""Columns named for each row."""


class OutlierDisplay(Display):
    """Scores with the threshold, and for the oddest rows the columns that make them so.

    Make one with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    scores : array of shape (n_samples,)
        How unusual each row is: minus its ``score_samples``.
    rows : array of int, shape (n_rows,)
        The oddest rows, first.
    threshold : float, optional
        Above it a row is an outlier.
    contributions : array of shape (n_rows, n_features), optional
        What each entry of these rows adds to its row's score.
    feature_names : sequence of str
        What the columns are called.
    row_names : sequence of str, optional
        What these rows are called; by default their numbers, from 0.

    Attributes
    ----------
    ax_ : matplotlib Axes or list of two
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    threshold_line_ : matplotlib Line2D or None
        The threshold.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ae_core import AutoencoderOutlierDetector, OutlierDisplay
    >>> X = load_iris(as_frame=True).data
    >>> detector = AutoencoderOutlierDetector(random_state=0).fit(X)
    >>> display = OutlierDisplay.from_estimator(detector, X, n_rows=3)
    >>> display.contributions.shape
    (3, 4)
    """

    def __init__(
        self,
        scores: Array,
        *,
        rows: Array,
        threshold: float | None = None,
        contributions: Array | None = None,
        feature_names: Sequence[str] = (),
        row_names: Sequence[str] | None = None,
    ) -> None:
        self.scores, self.threshold, self.rows = scores, threshold, rows
        self.contributions, self.feature_names = contributions, feature_names
        self.row_names = row_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        kind: str = "both",
        n_rows: int = ROWS,
        feature_names: Sequence[str] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the scores that a fitted estimator gives X, and what makes its oddest rows odd.

        Parameters
        ----------
        estimator : fitted AutoencoderOutlierDetector, Autoencoder or VariationalAutoencoder
            With ``explain`` or ``feature_errors``, of which each row's sum is its score.
        X : array, DataFrame or scipy.sparse matrix of shape (n_samples, n_features)
            Rows.
        kind : {'both', 'scores', 'contributions'}
            What to draw.
        n_rows : int, default=6
            Of how many rows to draw what makes them odd.
        feature_names : sequence of str, optional
            What to call the columns; by default their names in X or in the fit.
        ax : matplotlib Axes, or two of them, optional
            Where to draw; one is divided. By default a new figure's.

        Returns
        -------
        OutlierDisplay
            What was drawn.

        Raises
        ------
        TypeError
            When the estimator explains nothing.
        sklearn.exceptions.NotFittedError
            When it is not fitted.
        ValueError
            When X is not as in the fit, or an argument not what it should be.
        """
        checked_fitted(estimator, ("explain", "feature_errors"), "what makes rows odd")
        check_kind(kind)
        COUNT("n_rows", n_rows)
        scores = -np.asarray(estimator.score_samples(X), dtype=np.float64)
        rows = oddest(scores, n_rows)
        contributions = None
        if kind != "scores":
            from sklearn.utils import _safe_indexing

            explain = getattr(estimator, "explain", None) or estimator.feature_errors
            contributions = np.asarray(explain(_safe_indexing(X, rows)), dtype=np.float64)
        names = names_for(feature_names, X, estimator.n_features_in_, estimator)
        return cls(
            scores,
            rows=rows,
            threshold=getattr(estimator, "threshold_", None),
            contributions=contributions,
            feature_names=names,
            row_names=_index_of(X, rows),
        ).plot(ax, kind=kind)

    @classmethod
    def from_predictions(
        cls,
        scores: Any,
        contributions: Any = None,
        *,
        threshold: float | None = None,
        kind: str = "both",
        n_rows: int = ROWS,
        feature_names: Sequence[str] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw scores of whatever detector.

        Parameters
        ----------
        scores : array of shape (n_samples,)
            How unusual each row is: the higher, the more; minus scikit-learn's ``score_samples``.
        contributions : array or DataFrame of shape (n_samples, n_features), optional
            What each entry adds to its row's score; what is negative counts as 0.
        threshold : float, optional
            Above it a row is an outlier.
        kind : {'both', 'scores', 'contributions'}
            What to draw; without `contributions`, 'both' draws the scores.
        n_rows : int, default=6
            Of how many rows to draw what makes them odd.
        feature_names : sequence of str, optional
            What to call the columns; by default their names in `contributions`.
        ax : matplotlib Axes, or two of them, optional
            Where to draw; one is divided. By default a new figure's.

        Returns
        -------
        OutlierDisplay
            What was drawn.

        Raises
        ------
        ValueError
            When an argument is not what it should be.
        """
        check_kind(kind)
        COUNT("n_rows", n_rows)
        of_rows = numbers(scores, "scores", 1)
        rows = oddest(of_rows, n_rows)
        names: list[str] = []
        if contributions is not None:
            table = numbers(contributions, "contributions")
            check_same_shape(of_rows, table[:, 0], ("scores", "a column of contributions"))
            names = names_for(feature_names, contributions, table.shape[1])
            table = table[rows]
        elif kind == "contributions":
            raise ValueError("kind='contributions' needs contributions, which are None")
        else:
            table, kind = None, "scores"
        return cls(
            of_rows, rows=rows, threshold=threshold, contributions=table, feature_names=names
        ).plot(ax, kind=kind)

    def plot(self, ax: Any = None, *, kind: str = "both") -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, or two of them, optional
            Where to draw; one is divided. By default a new figure's.
        kind : {'both', 'scores', 'contributions'}
            What to draw.

        Returns
        -------
        OutlierDisplay
            Itself.

        Raises
        ------
        ValueError
            When `kind` is none of these, there is nothing of that kind, or `ax` is no Axes.
        """
        check_kind(kind)
        if kind != "scores" and self.contributions is None:
            raise ValueError(f"kind={kind!r} needs contributions, which are None")
        self.threshold_line_ = None
        if kind == "both":
            drawn: Any = divided(ax, 2, (11, 4.2))
            self._scores(drawn[0])
            self._contributions(drawn[1])
        else:
            drawn = axes_for(ax, (6.4, 4.2))
            (self._scores if kind == "scores" else self._contributions)(drawn)
        return self._drawn(drawn, ax)

    def _scores(self, axes: Any) -> None:
        scores = self.scores
        is_wide = scores.min() > 0 and scores.max() > 20 * np.median(scores)
        n_bins = int(np.clip(np.sqrt(len(scores)), 10, 50))
        low, high = float(scores.min()), float(scores.max())
        if not low < high:
            low, high = low - 0.5, high + 0.5
        bins = (np.geomspace if is_wide else np.linspace)(low, high, n_bins + 1)
        bins[0], bins[-1] = low, high  # rounding must leave out no score
        axes.hist(scores, bins=bins, color=COLORS[3], linewidth=0)
        if is_wide:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter("{x:g}")
        if len(scores) > 200:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter("{x:g}")
        if self.threshold is not None:
            n_above = int((scores > self.threshold).sum())
            line = axes.axvline(self.threshold, color=COLORS[0], linewidth=1.5, dashes=(6, 3))
            line.set_label(
                f"threshold {self.threshold:.3g}: {n_above:,} of {len(scores):,} rows above"
            )
            self.threshold_line_ = line
            legend(axes, loc="lower right", bbox_to_anchor=(1, 1), borderpad=0)
        axes.set_xlabel("score: the higher, the less usual")
        axes.set_ylabel("rows")
        axes.spines[["top", "right"]].set_visible(False)
        head(axes, "Scores")

    def _contributions(self, axes: Any) -> None:
        """For each row a bar of its score's parts; above it the columns with the largest ones."""
        assert self.contributions is not None
        shares = shares_of(self.contributions)  # (n_rows, n_features)
        n_rows = len(shares)
        for i, row in enumerate(shares):
            y, left = n_rows - 1 - i, 0.0
            most = row.argsort(kind="stable")[::-1][:REASONS]
            for j, color in zip(most, COLORS, strict=False):
                axes.barh(y - 0.12, 100 * row[j], left=left, height=0.34, color=color)
                left += 100 * float(row[j])
            axes.barh(y - 0.12, max(0.0, 100 - left), left=left, height=0.34, color="#dddddd")
            words = "  ·  ".join(f"{short(self.feature_names[j])} {row[j]:.0%}" for j in most)
            text = axes.text(0, y + 0.12, words, fontsize=7.5, color=INK, va="bottom", ha="left")
            text.set_in_layout(False)  # on small axes it is cut, and takes no room from others
            text.set_clip_on(True)
        names = self.row_names or [f"row {row}" for row in self.rows]
        labels = [
            f"{short(name, 14)}\n{self.scores[row]:.3g}"
            for name, row in zip(names, self.rows, strict=True)
        ]
        axes.set_yticks(range(n_rows)[::-1], labels, fontsize="small")
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.5, n_rows - 0.4)
        axes.set_xlabel("% of the score; grey: all other columns")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(GREY)
        axes.tick_params(axis="y", length=0)
        head(axes, "The oddest rows, and why")


def check_kind(kind: Any) -> None:
    """Refuse what is no kind of picture.

    Raises
    ------
    ValueError
    """
    KINDS("kind", kind, f"one of {', '.join(map(repr, KINDS.names))}")


def oddest(scores: Array, n_rows: int) -> Array:
    """The places of the highest scores, first."""
    return np.argsort(-scores, kind="stable")[:n_rows]


def shares_of(contributions: Array) -> Array:
    """What part of its row's score each entry makes, (m, n_features); what is negative is 0."""
    positive = np.maximum(contributions, 0)
    total = positive.sum(axis=1, keepdims=True)
    return positive / np.where(total > 0, total, 1)


def _index_of(X: Any, rows: Array) -> list[str] | None:
    """What a pandas DataFrame calls those rows, where that is more than their numbers."""
    index = getattr(X, "index", None)
    if index is None or callable(index):
        return None
    names = [str(index[int(row)]) for row in rows]
    return None if names == [str(row) for row in rows] else names
