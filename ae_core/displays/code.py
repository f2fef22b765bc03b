"""`CodeDisplay`: where rows lie in the code."""

from typing import Any, Self

import numpy as np

from .._typing import Array
from ..diagnosis.baselines import principal_directions
from .figures import CLASS_COLORS, Display, axes_for, checked_fitted, head, legend, numbers, short

CLASSES = 20
"""Of more different labels than this, numbers are shown as shades."""


class CodeDisplay(Display):
    """A map of rows by their codes, coloured by what they are.

    Codes of more than two numbers are drawn by their first two principal components, those of one
    number against the rows' order. Make one with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    points : array of shape (n_samples, 2)
        Where the rows are drawn.
    labels : array of shape (n_samples,), optional
        What they are coloured by: classes, or numbers.
    axis_names : tuple of (str, str)
        What the two directions are called.
    label_name : str, default=''
        What the labels are.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    scatters_ : list of matplotlib PathCollection
        The points, of each class by itself.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ae_core import Autoencoder, CodeDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> model = Autoencoder(2, max_iter=30, random_state=0).fit(X)
    >>> display = CodeDisplay.from_estimator(model, X, y)
    >>> display.points.shape
    (150, 2)
    """

    def __init__(
        self,
        points: Array,
        *,
        labels: Array | None = None,
        axis_names: tuple[str, str] = ("first number of the code", "second number"),
        label_name: str = "",
    ) -> None:
        self.points, self.labels = points, labels
        self.axis_names, self.label_name = axis_names, label_name

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any = None, *, label_name: str = "", ax: Any = None
    ) -> Self:
        """Draw the codes that a fitted estimator gives the rows of X.

        Parameters
        ----------
        estimator : fitted Autoencoder or VariationalAutoencoder
            Anything with ``transform``.
        X : array, DataFrame or scipy.sparse matrix of shape (n_samples, n_features)
            Rows.
        y : array of shape (n_samples,), optional
            What to colour them by: classes, or numbers such as minus their ``score_samples``.
        label_name : str, default=''
            What y is.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        CodeDisplay
            What was drawn.

        Raises
        ------
        TypeError
            When the estimator gives no codes.
        sklearn.exceptions.NotFittedError
            When it is not fitted.
        ValueError
            When X is not as in the fit, or y has another length.
        """
        checked_fitted(estimator, ("transform",), "codes")
        return cls.from_predictions(estimator.transform(X), y, label_name=label_name, ax=ax)

    @classmethod
    def from_predictions(
        cls, code: Any, y: Any = None, *, label_name: str = "", ax: Any = None
    ) -> Self:
        """Draw codes from whatever model.

        Parameters
        ----------
        code : array of shape (n_samples, n_components)
            A few numbers for each row.
        y : array of shape (n_samples,), optional
            What to colour them by: classes, or numbers.
        label_name : str, default=''
            What y is.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        CodeDisplay
            What was drawn.

        Raises
        ------
        ValueError
            When `code` is no table of finite numbers, or y has another length.
        """
        array = numbers(code, "code")
        labels = None if y is None else np.asarray(y)
        if labels is not None and labels.shape != (len(array),):
            raise ValueError(
                f"y has shape {labels.shape}: must be ({len(array)},), one label for each row"
            )
        points, names = points_of(array)
        return cls(points, labels=labels, axis_names=names, label_name=label_name).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        CodeDisplay
            Itself.

        Raises
        ------
        ValueError
            When `ax` is no Axes.
        """
        axes = axes_for(ax, (6.4, 4.8))
        labels = self.labels
        if labels is None:
            x, y = self.points.T
            self.scatters_ = [axes.scatter(x, y, s=16, color=CLASS_COLORS[3], linewidths=0)]
        elif labels.dtype.kind == "f" or (
            labels.dtype.kind in "iu" and len(np.unique(labels)) > CLASSES
        ):
            self._shades(axes, labels.astype(np.float64))
        else:
            self._classes(axes, labels)
        axes.set_xlabel(self.axis_names[0])
        axes.set_ylabel(self.axis_names[1])
        axes.spines[["top", "right"]].set_visible(False)
        head(axes, "The code")
        return self._drawn(axes, ax)

    def _shades(self, axes: Any, values: Array) -> None:
        """By rank, so that a few large numbers do not make all others look alike."""
        order = values.argsort(kind="stable")  # the large ones on top
        ranks = order.argsort() / max(1, len(order) - 1)
        x, y = self.points[order].T
        points = axes.scatter(x, y, s=16, c=ranks[order], cmap="YlOrRd", vmin=-0.2, linewidths=0)
        bar = axes.figure.colorbar(points, ax=axes, fraction=0.04, pad=0.02, ticks=[0, 0.5, 1])
        ends = [f"{value:.3g}" for value in np.nanquantile(values, [0, 0.5, 1])]
        bar.ax.set_yticklabels(ends, fontsize="small")
        bar.set_label(short(self.label_name), fontsize="small")
        bar.outline.set_visible(False)
        self.scatters_ = [points]

    def _classes(self, axes: Any, labels: Array) -> None:
        self.scatters_ = []
        labels = labels.astype(str) if labels.dtype == object else labels
        for i, label in enumerate(np.unique(labels).tolist()):
            x, y = self.points[labels == label].T
            color = CLASS_COLORS[i % len(CLASS_COLORS)]
            self.scatters_.append(
                axes.scatter(x, y, s=16, color=color, label=short(label), linewidths=0)
            )
        place: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        title = short(self.label_name) or None
        drawn = legend(axes, title=title, handletextpad=0.1, borderaxespad=0.2, **place)
        for handle in drawn.legend_handles:
            handle.set_sizes([30])


def points_of(code: Array) -> tuple[Array, tuple[str, str]]:
    """Two numbers for each row of a code (m, k), and what to call them."""
    k = code.shape[1]
    if k == 1:
        return np.column_stack([code[:, 0], np.arange(len(code))]), ("code", "row")
    if k == 2:
        return code, ("first number of the code", "second number")
    names = (f"first principal component of the code's {k} numbers", "second principal component")
    centred = code - code.mean(axis=0)
    directions = principal_directions(centred, 2)  # (2, k), or fewer where rows do not differ
    points = np.zeros((len(code), 2))
    points[:, : len(directions)] = centred @ directions.T
    return points, names
