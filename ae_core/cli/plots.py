"""Pictures, drawn without a screen (extra ``plot``: matplotlib)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._typing import Array
from ..basics.extras import MissingExtraError

INK = "#222222"
COLORS = ("#d1495b", "#edae49", "#00798c", "#30638e", "#6d597a")
CLASS_COLORS = (
    *("#d1495b", "#edae49", "#00798c", "#30638e", "#8d5a97"),
    *("#66a182", "#e07a3f", "#8c8c8c", "#5fb7d4", "#7a4b2a"),
)
ROWS = 12
"""Rows of the table that the demo's picture shows."""


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


@dataclass(frozen=True, eq=False)
class Demo:
    """What the demo's picture shows."""

    title: str
    originals: Array
    """(n_rows, n_features): some rows, all columns between 0 and 1, or in units of deviations."""
    reconstructions: Array
    image_shape: tuple[int, int] | None
    """Height and width, when rows are images."""
    code: Array  # (n, 2)
    code_axes: tuple[str, str]
    classes: Array | None
    """(n,) integers, which colour the map of the code; None: colour it by `scores`."""
    scores: Array
    """(n,): how unusual those rows are."""
    curves: Mapping[str, Sequence[float]]
    baselines: Mapping[str, float]
    unusual: Array
    """(n_unusual, n_features): the most unusual rows, first."""
    unusual_labels: Sequence[str]
    contributions: Array
    """(n_unusual, n_features): what each entry adds to their scores."""
    usual_shares: Array
    """(n_features,): the part that each column has in the scores of all rows."""
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
    figure = new_figure(figsize=(12, 10))
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)
    figure.suptitle(demo.title, x=0.01, ha="left", color=INK, fontsize=15)
    above, middle, below = figure.subfigures(3, 1, height_ratios=[2.2, 4.2, 2.6])
    if demo.image_shape is not None:
        draw_images(
            above,
            {"originals": demo.originals, "through\nthe code": demo.reconstructions},
            demo.image_shape,
        )
    else:
        draw_tables(above, demo.originals, demo.reconstructions, demo.names)
    left, right = middle.subplots(1, 2)
    draw_code(left, demo)
    draw_loss_curves(right, demo.curves, demo.baselines)
    _head(right, "Learning")
    if demo.image_shape is not None:
        draw_images(
            below,
            {"most\nunusual": demo.unusual, "because\nof": demo.contributions},
            demo.image_shape,
            labels=demo.unusual_labels,
        )
    else:
        draw_columns(below.subplots(), demo)
    figure.savefig(path, dpi=120)


def draw_images(
    figure: Any,
    rows: Mapping[str, Array],
    shape: tuple[int, int],
    labels: Sequence[str] = (),
) -> None:
    """Rows of grey images, each row with its heading; the second row in red if there are labels."""
    n_images = min(ROWS, len(next(iter(rows.values()))))
    grid = figure.subplots(len(rows), n_images, squeeze=False)
    for number, (axes_row, (heading, images)) in enumerate(zip(grid, rows.items(), strict=True)):
        is_explanation = bool(labels) and number > 0
        for axes, image in zip(axes_row, images, strict=False):
            axes.imshow(
                image.reshape(shape),
                cmap="Reds" if is_explanation else "gray_r",
                vmin=0,
                vmax=None if is_explanation else 1,
            )
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_color("#dddddd")
        # Beside the images, where it takes no height from them.
        axes_row[0].set_ylabel(heading, color=INK, fontsize="small")
    for axes, label in zip(grid[0], labels, strict=False):
        axes.set_title(label, fontsize="small", color=INK)


def draw_tables(
    figure: Any, originals: Array, reconstructions: Array, names: Sequence[str]
) -> None:
    """Two tables side by side as colours, in deviations from the columns' means."""
    pair = figure.subplots(1, 2, sharey=True)
    headings = ("Rows nobody trained on", "The same through the code")
    for axes, heading, table in zip(pair, headings, (originals, reconstructions), strict=True):
        image = axes.imshow(
            table, cmap="RdBu_r", vmin=-3, vmax=3, aspect="auto", interpolation="nearest"
        )
        axes.set_yticks([])
        if len(names) <= 20:
            axes.set_xticks(
                range(len(names)), [_short(n) for n in names], rotation=40, ha="right", fontsize=7
            )
        else:
            axes.set_xticks([])
            axes.set_xlabel(f"{len(names)} columns")
        axes.spines[:].set_visible(False)
        _head(axes, heading)
    bar = figure.colorbar(image, ax=list(pair), fraction=0.02, pad=0.01)
    bar.set_label("deviations", fontsize="small")
    bar.outline.set_visible(False)


def draw_code(axes: Any, demo: Demo) -> None:
    """Where rows lie in the code, coloured by class, or by how unusual they are."""
    x, y = demo.code.T
    if demo.classes is not None:
        for i, label in enumerate(sorted(set(demo.classes.tolist()))):
            these = demo.classes == label
            color = CLASS_COLORS[i % len(CLASS_COLORS)]
            axes.scatter(x[these], y[these], s=16, color=color, label=str(label), linewidths=0)
        legend = axes.legend(
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            fontsize="small",
            frameon=False,
            handletextpad=0.1,
            borderaxespad=0.2,
        )
        for handle in legend.legend_handles:
            handle.set_sizes([30])
    else:
        order = demo.scores.argsort()  # the unusual ones on top
        ranks = order.argsort() / max(1, len(order) - 1)
        points = axes.scatter(
            x[order], y[order], s=16, c=ranks[order], cmap="YlOrRd", vmin=-0.2, linewidths=0
        )
        bar = axes.figure.colorbar(points, ax=axes, fraction=0.04, pad=0.02, ticks=[0, 0.5, 1])
        bar.ax.set_yticklabels(["usual", "median", "unusual"], fontsize="small")
        bar.outline.set_visible(False)
    axes.set_xlabel(demo.code_axes[0])
    axes.set_ylabel(demo.code_axes[1])
    axes.spines[["top", "right"]].set_visible(False)
    _head(axes, "The code")


def draw_columns(axes: Any, demo: Demo) -> None:
    """Bars: which columns made the most unusual rows, beside their usual part."""
    shares = demo.contributions.sum(axis=0)
    shares = shares / max(float(shares.sum()), 1e-300)
    most = shares.argsort()[::-1][:10][::-1]
    axes.barh(range(len(most)), 100 * shares[most], color=COLORS[0], height=0.6)
    axes.scatter(
        100 * demo.usual_shares[most],
        range(len(most)),
        color=INK,
        marker="|",
        s=140,
        label="their part in the scores of all rows",
        zorder=3,
    )
    axes.set_yticks(range(len(most)), [_short(demo.names[i]) for i in most], fontsize="small")
    axes.set_xlabel("% of the score")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.legend(frameon=False, fontsize="small", loc="lower right", bbox_to_anchor=(1, 1))
    _head(axes, f"Columns that make the {len(demo.unusual)} most unusual rows unusual")


def _head(axes: Any, text: str) -> None:
    axes.set_title(text, loc="left", color=INK, fontsize="medium", fontweight="bold")


def _short(name: str, at_most: int = 22) -> str:
    name = name.replace("$", r"\$")  # matplotlib would read mathematics
    return name if len(name) <= at_most else name[: at_most - 1] + "…"
