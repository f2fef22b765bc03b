"""`LossCurveDisplay`: how a loss fell, beside what it must beat."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from .._typing import Array
from ..basics.arguments import COUNT, shown
from ..diagnosis.baselines import column_mean, principal_components
from .figures import COLORS, INK, Display, axes_for, checked_fitted, head, numbers

DASHES = ((6, 3), (2, 2), (1, 3), (8, 2, 2, 2))


class LossCurveDisplay(Display):
    """Loss curves on a logarithmic scale, with the losses that a model must beat as dashed lines.

    Make one with `from_estimator` or `from_predictions`.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        What a curve is called → its loss after each epoch.
    baselines : mapping of str to float, optional
        What a baseline is called → its loss.
    x_label : str, default='epoch'
        What is counted from left to right.
    start : int, default=1
        The epoch of the curves' first loss.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.
    figure_ : matplotlib Figure
        The figure of these axes.
    lines_ : list of matplotlib Line2D
        The curves.
    baseline_lines_ : list of matplotlib Line2D
        The dashed lines.

    See Also
    --------
    ae_core.diagnose : The same losses in words, and what to do about them.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from ae_core import Autoencoder, LossCurveDisplay
    >>> X = load_iris().data
    >>> model = Autoencoder(2, max_iter=30, random_state=0).fit(X)
    >>> display = LossCurveDisplay.from_estimator(model, X)
    >>> list(display.baselines)
    ['column mean', 'PCA, 2 components']
    """

    def __init__(
        self,
        curves: Mapping[str, Sequence[float] | Array],
        *,
        baselines: Mapping[str, float] | None = None,
        x_label: str = "epoch",
        start: int = 1,
    ) -> None:
        self.curves = dict(curves)
        self.baselines = dict(baselines or {})
        self.x_label, self.start = x_label, start

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, *, sample_weight: Any = None, ax: Any = None
    ) -> Self:
        """Draw the loss curves of a fitted estimator, beside column mean and PCA on X.

        Parameters
        ----------
        estimator : fitted Autoencoder or VariationalAutoencoder
            With a ``loss_curve_`` and, where rows were held out, a ``validation_loss_curve_``.
        X : array, DataFrame or scipy.sparse matrix of shape (n_samples, n_features)
            The rows it was fitted to, on which the baselines' losses are taken.
        sample_weight : array of shape (n_samples,), optional
            That of the fit.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        LossCurveDisplay
            What was drawn.

        Raises
        ------
        TypeError
            When the estimator has no loss curve.
        sklearn.exceptions.NotFittedError
            When it is not fitted.
        ValueError
            When X is not as in the fit, or `ax` no Axes.
        """
        checked_fitted(estimator, ("diagnose",), "a loss curve")
        if not hasattr(estimator, "loss_curve_"):
            raise TypeError(
                f"a {type(estimator).__name__} keeps no loss curve: give an Autoencoder"
            )
        report = estimator.diagnose(X, sample_weight=sample_weight, trials=False)
        curves = {"training": estimator.loss_curve_, "held out": estimator.validation_loss_curve_}
        start = 1 + getattr(estimator.history_, "n_dropped", 0)
        shown_curves = {label: curve for label, curve in curves.items() if len(curve)}
        return cls(shown_curves, baselines=report.baselines, start=start).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        loss_curve: Any,
        *,
        validation_loss_curve: Any = None,
        X: Any = None,
        n_components: int | None = None,
        baselines: Mapping[str, float] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the loss curve of any model.

        Parameters
        ----------
        loss_curve : array of shape (n_epochs,)
            Its loss after each epoch.
        validation_loss_curve : array of shape (n_epochs,), optional
            The same of held-out rows.
        X : array of shape (n_samples, n_features), optional
            With `n_components`, the scaled rows of which column mean and PCA are to be drawn: half
            the squared error, summed over columns and averaged over rows.
        n_components : int, optional
            Numbers in the model's code.
        baselines : mapping of str to float, optional
            Other baselines, in the units of the loss.
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        LossCurveDisplay
            What was drawn.

        Raises
        ------
        ValueError
            When a curve is no sequence of finite numbers, or only one of X and `n_components` is
            given.
        """
        curves = {"training": numbers(loss_curve, "loss_curve", 1)}
        if validation_loss_curve is not None:
            curves["held out"] = numbers(validation_loss_curve, "validation_loss_curve", 1)
        if (X is None) != (n_components is None):
            raise ValueError("X and n_components are given together, or neither of them")
        beside = {}
        if X is not None:
            table = numbers(X, "X")
            k = COUNT("n_components", n_components)
            beside = squared_error_baselines(table, table, k)
        return cls(curves, baselines={**beside, **(baselines or {})}).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; by default a new figure's.

        Returns
        -------
        LossCurveDisplay
            Itself.

        Raises
        ------
        ValueError
            When there is no curve, or `ax` is no Axes.
        """
        if not self.curves:
            raise ValueError(f"curves={shown(self.curves)}: must have at least one curve")
        axes = axes_for(ax, (6.4, 4))
        self.lines_, self.baseline_lines_ = [], []
        # Each curve is thinner than the one before, so that where they coincide all can be seen.
        for i, (label, curve) in enumerate(self.curves.items()):
            epochs = np.arange(self.start, self.start + len(curve))
            width = max(1.5, 1.5 + 1.5 * (len(self.curves) - 2 - i))
            color = COLORS[i % len(COLORS)]
            self.lines_ += axes.plot(epochs, curve, label=label, color=color, linewidth=width)
        for i, (label, value) in enumerate(self.baselines.items()):
            line = axes.axhline(value, color=INK, linewidth=1, dashes=DASHES[i % len(DASHES)])
            line.set_label(f"{label}: {value:.3g}")
            self.baseline_lines_.append(line)
        drawn = [*self.curves.values(), list(self.baselines.values())]
        if all(np.min(each) > 0 for each in drawn if len(each)):
            _logarithmic(axes)
        axes.set_xlabel(self.x_label)
        axes.set_ylabel("loss")
        axes.spines[["top", "right"]].set_visible(False)
        # On white: no corner is sure to be free of the curves and the baselines.
        axes.legend(facecolor="white", edgecolor="none", framealpha=0.9, fontsize="small")
        head(axes, "Learning")
        return self._drawn(axes, ax)


def squared_error_baselines(X: Array, X_test: Array, n_components: int) -> dict[str, float]:
    """The losses on X_test (m, n) of the column mean of X, and of its principal components."""

    def loss(X_hat: Array) -> float:
        return float(0.5 * ((X_test - X_hat) ** 2).sum(axis=1).mean())

    return {
        "column mean": loss(column_mean(X, X_test)),
        f"PCA, {n_components} component" + "s" * (n_components > 1): loss(
            principal_components(X, X_test, n_components)
        ),
    }


def _logarithmic(axes: Any) -> None:
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 300 * low:  # few decades: 0.6 reads better than 6 × 10⁻¹
        if high > 8 * low:  # labels of 6, 7, 8 and 9 would stand on each other
            from matplotlib.ticker import LogLocator

            axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        for each in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            each("{x:g}")
