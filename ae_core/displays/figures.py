"""What all displays share: a figure that belongs to no window, axes to draw on, names to show."""

import sys
import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._typing import Array
from ..basics.arguments import shown
from ..basics.extras import MissingExtraError
from ..basics.shown import printable

INK = "#222222"
GREY = "#9a9a9a"
COLORS = ("#d1495b", "#edae49", "#00798c", "#30638e", "#6d597a")
CLASS_COLORS = (
    *("#d1495b", "#edae49", "#00798c", "#30638e", "#8d5a97"),
    *("#66a182", "#e07a3f", "#8c8c8c", "#5fb7d4", "#7a4b2a"),
)
DPI = 120


def new_figure(**kwargs: Any) -> Any:
    """A matplotlib figure that belongs to no window, whatever backend the user has chosen.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("pictures", "matplotlib", "plot") from error
    figure = Figure(layout="constrained", **kwargs)
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Any, file: Any, **kwargs: Any) -> None:
    """Write a figure to a file; letters that no font here has are drawn as boxes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*[Gg]lyph")
        figure.savefig(file, dpi=DPI, **kwargs)


def axes_for(ax: Any, size: tuple[float, float]) -> Any:
    """The given axes, or those of a new figure of that size in inches.

    Raises
    ------
    ValueError
        When `ax` is no matplotlib Axes.
    MissingExtraError
        When matplotlib is not installed, for new ones.
    """
    if ax is None:
        return new_figure(figsize=size).add_subplot()
    axes = sys.modules.get("matplotlib.axes")  # who has Axes has loaded it
    if axes is None or not isinstance(ax, axes.Axes):
        raise ValueError(f"ax={shown(ax)}: must be None or a matplotlib Axes, such as plt.gca()")
    return ax


def divided(ax: Any, n: int, size: tuple[float, float]) -> list[Any]:
    """As many axes as that, side by side: new ones, those given, or in the place of one given.

    Raises
    ------
    ValueError
        When `ax` is neither one matplotlib Axes nor so many.
    """
    if ax is None:
        return list(new_figure(figsize=size).subplots(1, n))
    if isinstance(ax, Sequence | np.ndarray):
        found = list(np.ravel(np.asarray(ax, dtype=object)))
        if len(found) != n:
            raise ValueError(f"ax has {len(found)} axes: must be one, or {n}")
        return [axes_for(each, size) for each in found]
    ax = axes_for(ax, size)
    ax.set_axis_off()
    place = ax.get_subplotspec()
    if place is None:  # axes that were put somewhere by hand have no place in a grid
        width = 0.86 / n
        return [ax.inset_axes((i * (width + 0.14 / max(1, n - 1)), 0, width, 1)) for i in range(n)]
    cells = place.subgridspec(1, n)
    return [ax.figure.add_subplot(cells[0, i]) for i in range(n)]


class Display:
    """What displays have in common: where they were drawn, and how a notebook shows them."""

    figure_: Any
    ax_: Any
    _is_own = False

    def _drawn(self, ax: Any, given: Any) -> Self:
        self.ax_ = ax
        self.figure_ = (ax[0] if isinstance(ax, list) else ax).figure
        self._is_own = given is None
        return self

    def _repr_png_(self) -> bytes | None:
        """The picture, in a notebook; None where the axes are the user's, who shows them."""
        if not self._is_own:
            return None
        import io

        file = io.BytesIO()
        save_figure(self.figure_, file, format="png")
        return file.getvalue()


def head(ax: Any, text: str) -> None:
    """A heading, at the left."""
    ax.set_title(text, loc="left", color=INK, fontsize="medium", fontweight="bold")


def legend(ax: Any, **options: Any) -> Any:
    """A small legend without a frame."""
    return ax.legend(frameon=False, fontsize="small", **options)


def short(name: Any, at_most: int = 22) -> str:
    """A name as matplotlib can show it, short."""
    text = printable(str(name)).replace("$", r"\$")  # matplotlib would read mathematics
    return text if len(text) <= at_most else text[: at_most - 1] + "…"


def names_for(given: Any, X: Any, n_features: int, estimator: Any = None) -> list[str]:
    """The names of columns: those given, a frame's, those of the fit, or numbers from 0.

    Raises
    ------
    ValueError
        When other than `n_features` names are given.
    """
    if given is None:
        given = getattr(X, "columns", getattr(X, "column_names", None))
    if given is None or callable(given):
        given = getattr(estimator, "feature_names_in_", [f"column {i}" for i in range(n_features)])
    names = [str(name) for name in given]
    if len(names) != n_features:
        raise ValueError(
            f"feature_names has {len(names)} names, and there are {n_features} columns"
        )
    return names


def checked_fitted(estimator: Any, methods: Sequence[str], what: str) -> None:
    """Refuse what is no fitted estimator with at least one of those methods.

    Raises
    ------
    TypeError
        When it has none of them.
    NotFittedError
    """
    if isinstance(estimator, type) or not any(hasattr(estimator, each) for each in methods):
        raise TypeError(
            f"estimator={shown(estimator)}: must be fitted and have {' or '.join(methods)}, "
            f"to draw {what}"
        )
    check_is_fitted(estimator)


def numbers(value: Any, name: str, n_dimensions: int = 2, *, missing: bool = False) -> Array:
    """An array of float64 of so many dimensions, with at least one number.

    Raises
    ------
    ValueError
        Naming the argument and what it should be.
    """
    if hasattr(value, "toarray"):
        value = value.toarray()
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}={shown(value)}: must be numbers") from None
    if array.ndim != n_dimensions or not array.size:
        raise ValueError(
            f"{name} has shape {array.shape}: must have {n_dimensions} "
            f"dimension{'s' * (n_dimensions > 1)} and at least one number"
        )
    if not missing and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, and has NaN or infinity")
    return array


def check_same_shape(a: Array, b: Array, names: tuple[str, str]) -> None:
    """Refuse arrays of different shapes.

    Raises
    ------
    ValueError
    """
    if a.shape != b.shape:
        raise ValueError(
            f"{names[0]} has shape {a.shape} and {names[1]} {b.shape}: they must be the same"
        )


def seen_scale(X: Array) -> tuple[Array, Array]:
    """Mean and deviation of what is seen of each column; 0 and 1 where there is neither."""
    seen = np.isfinite(X)
    n_seen = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, X, 0).sum(axis=0) / n_seen
    deviation = np.sqrt((np.where(seen, X - mean, 0) ** 2).sum(axis=0) / n_seen)
    deviation[deviation == 0] = 1
    return mean, deviation
