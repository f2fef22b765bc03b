"""Pictures, drawn without a screen (extra ``plot``: matplotlib)."""

from collections.abc import Mapping, Sequence
from typing import Any

from ._typing import Array
from .missing import MissingExtraError

INK = "#222222"
COLORS = ("#d1495b", "#edae49", "#00798c", "#30638e", "#6d597a")


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


def plot_loss_curves(
    curves: Mapping[str, Sequence[float] | Array],
    path: str,
    *,
    title: str = "",
    baselines: Mapping[str, float] | None = None,
    x_label: str = "epoch",
) -> None:
    """Draw loss curves, the loss on a logarithmic scale, with baselines as dashed lines, to a file.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        Label → loss per epoch or step.
    path : str
        Where to write; the ending chooses the format.
    title : str
    baselines : mapping of str to float, optional
    x_label : str

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    figure = new_figure(figsize=(8, 5))
    axes = figure.add_subplot()
    draw_loss_curves(axes, curves, baselines or {}, x_label)
    axes.set_title(title, loc="left", color=INK)
    figure.savefig(path, dpi=120)


def draw_loss_curves(
    axes: Any,
    curves: Mapping[str, Sequence[float] | Array],
    baselines: Mapping[str, float],
    x_label: str = "epoch",
) -> None:
    """Loss curves and dashed baselines on the given axes, the loss on a logarithmic scale."""
    # Each curve is thinner than the one before, so that where they coincide all can be seen.
    for i, (label, curve) in enumerate(curves.items()):
        width = max(1.5, 1.5 + 1.5 * (len(curves) - 2 - i))
        color = COLORS[i % len(COLORS)]
        axes.plot(range(1, len(curve) + 1), curve, label=label, color=color, linewidth=width)
    for (label, value), dashes in zip(baselines.items(), [(6, 3), (2, 2)], strict=False):
        axes.axhline(value, label=f"{label}: {value:.3g}", color=INK, linewidth=1, dashes=dashes)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 300 * low:  # few decades: 0.6 reads better than 6 × 10⁻¹
        for each in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            each("{x:g}")
    axes.set_xlabel(x_label)
    axes.set_ylabel("loss")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")


def plot_reconstructions(
    originals: Array,
    reconstructions: Array,
    path: str,
    *,
    curves: Mapping[str, Sequence[float]],
    baselines: Mapping[str, float],
    title: str = "",
) -> None:
    """Draw images above what the network made of them, and the loss curve below, to a file.

    Parameters
    ----------
    originals, reconstructions : array of shape (n_images, height, width)
        Grey values in 0 … 1.
    path : str
    curves, baselines
        As for `plot_loss_curves`.
    title : str

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    n_images = len(originals)
    figure = new_figure(figsize=(10, 6.5))
    figure.suptitle(title, x=0.01, ha="left", color=INK)
    images, below = figure.subfigures(2, 1, height_ratios=[2, 3.2])
    grid = images.subplots(2, n_images, squeeze=False)
    rows = (("original", originals), ("through the code", reconstructions))
    for axes_row, (label, pictures) in zip(grid, rows, strict=True):
        for axes, picture in zip(axes_row, pictures, strict=True):
            axes.imshow(picture, cmap="gray_r", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
        axes_row[0].set_title(label, loc="left", fontsize="medium", color=INK)
    draw_loss_curves(below.subplots(), curves, baselines)
    figure.savefig(path, dpi=120)
