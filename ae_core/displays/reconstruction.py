"""`ReconstructionDisplay`: rows, and what comes back of them from the code."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from .._typing import Array
from ..basics.arguments import COUNT, shown
from .figures import (
    INK,
    Display,
    axes_for,
    check_same_shape,
    checked_fitted,
    head,
    names_for,
    numbers,
    seen_scale,
    short,
)

ROWS = 12
"""Rows that are shown if nothing else is asked for."""
GREYS = "gray_r"
NAMED = 20
"""Columns that have room for their names."""


class ReconstructionDisplay(Display):
    """Rows beside their reconstructions: as pictures, or as two tables in colours.

    Make one with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    originals : array of shape (n_rows, n_features)
        Rows: pictures' grey values, or columns in deviations from their means.
    reconstructions : array of shape (n_rows, n_features)
        What came back of them.
    feature_names : sequence of str, optional
        What to call the columns.
    image_shape : tuple of (int, int), optional
        Height and width, where rows are pictures.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    im_ : matplotlib AxesImage
        What was drawn.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from ae_core import Autoencoder, ReconstructionDisplay
    >>> X = load_digits().data
    >>> model = Autoencoder(8, max_iter=5, random_state=0).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(model, X, image_shape=(8, 8))
    >>> display.originals.shape
    (12, 64)
    """

    def __init__(
        self,
        originals: Array,
        reconstructions: Array,
        *,
        feature_names: Sequence[str] | None = None,
        image_shape: tuple[int, int] | None = None,
    ) -> None:
        self.originals, self.reconstructions = originals, reconstructions
        self.feature_names, self.image_shape = feature_names, image_shape

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        n_rows: int = ROWS,
        feature_names: Sequence[str] | None = None,
        image_shape: tuple[int, int] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the first rows of X and what a fitted estimator reconstructs of them.

        Parameters
        ----------
        estimator : fitted Autoencoder or VariationalAutoencoder
            Anything with ``reconstruct``.
        X : array, DataFrame or scipy.sparse matrix of shape (n_samples, n_features)
            Rows; those that it was not fitted to tell more.
        n_rows : int, default=12
            How many of them are shown.
        feature_names : sequence of str, optional
            What to call the columns; by default their names in X or in the fit.
        image_shape : tuple of (int, int), optional
            Height and width, where rows are pictures.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        ReconstructionDisplay
            What was drawn.

        Raises
        ------
        TypeError
            When the estimator does not reconstruct.
        sklearn.exceptions.NotFittedError
            When it is not fitted.
        ValueError
            When X is not as in the fit, its columns are categories, or the shape does not fit.
        """
        checked_fitted(estimator, ("reconstruct",), "reconstructions")
        if getattr(estimator, "encoding_", None) is not None:
            raise ValueError(
                "columns='mixed' has columns that are no numbers: give others to from_predictions"
            )
        return cls.from_predictions(
            X,
            estimator.reconstruct(X),
            n_rows=n_rows,
            feature_names=names_for(feature_names, X, estimator.n_features_in_, estimator),
            image_shape=image_shape,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        X_hat: Any,
        *,
        n_rows: int = ROWS,
        feature_names: Sequence[str] | None = None,
        image_shape: tuple[int, int] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the first rows of X and of X_hat, reconstructed by whatever model.

        Parameters
        ----------
        X : array or DataFrame of shape (n_samples, n_features)
            Rows; columns are shown in deviations from their mean over all of them, pictures as they
            are.
        X_hat : array or DataFrame of shape (n_samples, n_features)
            Their reconstructions, in the same units.
        n_rows : int, default=12
            How many of them are shown.
        feature_names : sequence of str, optional
            What to call the columns; by default their names in X.
        image_shape : tuple of (int, int), optional
            Height and width, where rows are pictures.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        ReconstructionDisplay
            What was drawn.

        Raises
        ------
        ValueError
            When the two differ in shape, or `image_shape` is not that of a row.
        """
        COUNT("n_rows", n_rows)
        before, after = numbers(X, "X", missing=True), numbers(X_hat, "X_hat", missing=True)
        check_same_shape(before, after, ("X", "X_hat"))
        names = names_for(feature_names, X, before.shape[1])
        if image_shape is None:
            mean, deviation = seen_scale(before)  # of what is seen
            before, after = (before - mean) / deviation, (after - mean) / deviation
        return cls(
            before[:n_rows], after[:n_rows], feature_names=names, image_shape=image_shape
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        ReconstructionDisplay
            Itself.

        Raises
        ------
        ValueError
            When `image_shape` is not that of a row, or `ax` is no Axes.
        """
        if self.image_shape is not None:
            check_image_shape(self.image_shape, self.originals.shape[1])
            axes = axes_for(ax, (max(3.0, 0.8 * len(self.originals)), 2.2))
            rows = {"originals": self.originals, "through\nthe code": self.reconstructions}
            self.im_ = draw_images(axes, rows, self.image_shape)
        else:
            axes = axes_for(ax, (8, 3))
            self.im_ = self._tables(axes)
        return self._drawn(axes, ax)

    def _tables(self, axes: Any) -> Any:
        """The two tables side by side, with room for a column between them."""
        n = self.originals.shape[1]
        gap = np.full((len(self.originals), max(1, n // 20)), np.nan)
        both = np.concatenate([self.originals, gap, self.reconstructions], axis=1)
        image = axes.imshow(
            both, cmap="RdBu_r", vmin=-3, vmax=3, aspect="auto", interpolation="nearest"
        )
        axes.set_yticks([])
        places = [*range(n), *range(n + gap.shape[1], both.shape[1])]
        if self.feature_names is not None and n <= NAMED:
            names = [short(name) for name in self.feature_names] * 2
            axes.set_xticks(places, names, rotation=40, ha="right", fontsize=7)
        else:
            axes.set_xticks([places[0], places[n]], [f"{n} columns"] * 2, ha="left")
        axes.spines[:].set_visible(False)
        head(axes, "Rows (left), and the same through the code (right)")
        bar = axes.figure.colorbar(image, ax=axes, fraction=0.02, pad=0.01)
        bar.set_label("deviations", fontsize="small")
        bar.outline.set_visible(False)
        return image


def check_image_shape(image_shape: Any, n_features: int) -> None:
    """Refuse a shape that is not that of a row.

    Raises
    ------
    ValueError
    """
    try:
        height, width = image_shape
        fits = height * width == n_features and height > 0
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            f"image_shape={shown(image_shape)}: must be a height and a width whose product is "
            f"{n_features}, the number of columns"
        )


def draw_images(
    axes: Any,
    rows: Mapping[str, Array],
    shape: tuple[int, int],
    *,
    labels: Sequence[str] = (),
    cmaps: Sequence[str] = (),
) -> Any:
    """Rows of pictures on one pair of axes, each row with its heading at the left.

    Parameters
    ----------
    axes : matplotlib Axes
    rows : mapping of str to array of shape (n, height * width)
        Each row of pictures is shaded from 0 to its largest value.
    shape : tuple of (int, int)
        Height and width of a picture.
    labels : sequence of str
        What stands above each column of pictures.
    cmaps : sequence of str
        A colour map for each row; grey by default. In other colours each picture is shaded from 0
        to its own largest value.

    Returns
    -------
    matplotlib AxesImage
        The last row's.
    """
    height, width = shape
    step = 1 + 0.12  # pictures are 1 wide; what is beyond is the gap
    tall = height / width
    centres, n_columns, image = [], 1, None
    for i, images in enumerate(rows.values()):
        top = -i * (tall + step - 1)
        centres.append(top - tall / 2)
        n_columns = max(n_columns, len(images))
        largest = max(float(np.nanmax(images)), 1e-300) if len(images) else 1.0
        for j, each in enumerate(images):
            image = axes.imshow(
                each.reshape(shape),
                cmap=cmaps[i] if cmaps else GREYS,
                vmin=0,
                vmax=None if cmaps and cmaps[i] != GREYS else largest,
                extent=(j * step, j * step + 1, top - tall, top),
                interpolation="nearest",
            )
    for j, label in enumerate(labels[:n_columns]):
        axes.text(
            j * step + 0.5, 0.06, label, ha="center", va="bottom", fontsize="small", color=INK
        )
    axes.set_xlim(0, n_columns * step - (step - 1))
    axes.set_ylim(centres[-1] - tall / 2, 0)
    axes.set_xticks([])
    axes.set_yticks(centres, list(rows), fontsize="small", color=INK)
    axes.tick_params(axis="y", length=0)
    axes.spines[:].set_visible(False)
    axes.set_aspect("equal")
    return image
