"""The demo's picture, put together from displays (extra ``plot``: matplotlib)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._typing import Array
from ..displays.code import CodeDisplay
from ..displays.figures import INK, new_figure, save_figure
from ..displays.loss_curve import LossCurveDisplay
from ..displays.outliers import OutlierDisplay
from ..displays.reconstruction import ROWS, ReconstructionDisplay, draw_images

EXPLAINED = 5
"""Unusual rows of a table that the picture explains."""


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
    LossCurveDisplay(curves, baselines=baselines, x_label=x_label).plot(axes)
    axes.set_title(title, loc="left", color=INK)
    save_figure(figure, path)


@dataclass(frozen=True, eq=False)
class Demo:
    """What the demo's picture shows."""

    title: str
    originals: Array
    """(n_rows, n_features): some rows, all columns between 0 and 1, or in units of deviations."""
    reconstructions: Array
    image_shape: tuple[int, int] | None
    """Height and width, when rows are images."""
    code: Array  # (n, k)
    classes: Array | None
    """(n,) integers, which colour the map of the code; None: colour it by `scores`."""
    scores: Array
    """(n,): how unusual those rows are."""
    threshold: float
    curves: Mapping[str, Sequence[float]]
    baselines: Mapping[str, float]
    order: Array
    """(n_unusual,): the most unusual rows, first."""
    unusual: Array  # (n_unusual, n_features)
    unusual_names: Sequence[str]
    contributions: Array
    """(n_unusual, n_features): what each entry adds to their scores."""
    names: Sequence[str]


def plot_demo(demo: Demo, path: str) -> None:
    """Draw originals above reconstructions, the code, the loss curve and the most unusual rows.

    Parameters
    ----------
    demo : Demo
    path : str
        Where to write; the ending chooses the format.

    Raises
    ------
    MissingExtraError
        When matplotlib is not installed.
    """
    figure = new_figure(figsize=(12, 10.5))
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)
    figure.suptitle(demo.title, x=0.01, ha="left", color=INK, fontsize=15)
    above, middle, below = figure.subfigures(3, 1, height_ratios=[2.2, 4.2, 2.9])
    ReconstructionDisplay(
        demo.originals,
        demo.reconstructions,
        feature_names=demo.names,
        image_shape=demo.image_shape,
    ).plot(above.subplots())
    left, right = middle.subplots(1, 2)
    CodeDisplay.from_predictions(
        demo.code,
        demo.scores if demo.classes is None else demo.classes,
        label_name="score" if demo.classes is None else "",
        ax=left,
    )
    LossCurveDisplay(demo.curves, baselines=demo.baselines).plot(right)
    if demo.image_shape is not None:
        _unusual_images(below.subplots(), demo)
    else:
        OutlierDisplay(
            demo.scores,
            rows=demo.order[:EXPLAINED],
            threshold=demo.threshold,
            contributions=demo.contributions[:EXPLAINED],
            feature_names=demo.names,
            row_names=demo.unusual_names[:EXPLAINED],
        ).plot(below.subplots(1, 2))
    save_figure(figure, path)


def _unusual_images(axes: Any, demo: Demo) -> None:
    draw_images(
        axes,
        {"most\nunusual": demo.unusual, "because\nof": demo.contributions},
        demo.image_shape or (1, 1),
        labels=[
            f"{name}\nscore {demo.scores[row]:.0f}"
            for name, row in zip(demo.unusual_names, demo.order, strict=True)
        ],
        cmaps=("gray_r", "Reds"),
    )


__all__ = ["ROWS", "Demo", "new_figure", "plot_demo", "plot_loss_curves"]
