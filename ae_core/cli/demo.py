"""``ae-core demo``: an autoencoder learns in seconds, beside the column mean and PCA."""

import os
import time
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from .._typing import Array
from ..basics.extras import MissingExtraError
from ..displays.code import CodeDisplay
from ..displays.figures import INK, new_figure, save_figure, seen_scale
from ..displays.loss_curve import LossCurveDisplay, squared_error_baselines
from ..displays.outliers import OutlierDisplay, oddest
from ..displays.reconstruction import ROWS, ReconstructionDisplay, draw_images
from ..files.table_file import check_output
from .options import Reading, say, table_options
from .outputs import is_same_file
from .rows import rows_of
from .score import contributions_of, reasons, why_odd
from .tables.columns import Advice, TableError, short
from .tables.values import check_values

DIGITS_CODE = 8
DIGITS_SETTINGS = {
    "hidden_layer_sizes": (64,),
    "output_activation": "logistic",
    "learning_rate_init": 5e-3,
    "batch_size": 32,
    "scale": None,  # grey values are comparable as they are
}
ROWS_ENOUGH = 20_000
"""Of a larger table, so many rows: this is to take seconds."""
UNUSUAL_PRINTED = 5
EXPLAINED = 5
"""Unusual rows of a table that the picture explains."""
ADVICE = Advice(missing="; or add --missing, to learn from the rest")


@dataclass(frozen=True, eq=False)
class _Rows:
    """What the demo learns from."""

    title: str
    described: str
    values: Any
    """(n_rows, n_columns): an array, or of mixed columns a DataFrame."""
    names: list[str]
    image_shape: tuple[int, int] | None = None
    classes: Array | None = None


@click.command(short_help="See an autoencoder learn, on digits or your own table.")
@click.option(
    "-o",
    "--output",
    default="ae_core_demo.png",
    metavar="FILE",
    show_default=True,
    help="The picture: .png, .svg, .pdf, …",
)
@click.option("--data", metavar="FILE", help="A table of your own.  [default: digits]")
@click.option(
    "-k",
    "--components",
    type=int,
    metavar="N",
    help="Numbers per row in the code.  [default: 8; for --data a quarter of the columns]",
)
@click.option("--max-iter", "--epochs", type=int, default=200, metavar="N", show_default=True)
@click.option("--seed", type=int, default=0, metavar="N", show_default=True)
@click.option("--missing", is_flag=True, help="Empty cells are unseen: learn from the others.")
@click.option(
    "--mixed", is_flag=True, help="Columns may be of true and false, dates or categories, too."
)
@table_options
def demo(
    output: str,
    data: str | None,
    components: int | None,
    max_iter: int,
    seed: int,
    missing: bool,
    mixed: bool,
    reading: Reading,
) -> None:
    """Train on scikit-learn's digits, or a table of your own, and draw what comes out.

    A quarter of the rows is held out. Their loss is printed beside that of the column mean and of
    PCA with a code of the same size, then the most unusual of them. The picture has originals above
    reconstructions, a map of the code, the loss curve, and the most unusual rows.

    \b
    Examples:
      ae-core demo
      ae-core demo --data data.csv --drop id -o picture.png
      ae-core demo --data people.csv --mixed --missing --drop name -o picture.png
    """
    figure = new_figure(figsize=(12, 10.5))  # fails before the work where matplotlib is missing
    _check_picture(output, data, figure)
    if seed < 0:
        raise ValueError(f"--seed={seed}: must not be negative")
    check_output(output, is_table=False)
    if data is None and (missing or mixed):
        raise click.UsageError("--missing and --mixed are for --data FILE")
    rows = _digits() if data is None else _own(data, reading, missing=missing, mixed=mixed)
    if components is None:
        components = DIGITS_CODE if data is None else max(1, rows.values.shape[1] // 4)
    shuffled = np.random.default_rng(seed).permutation(len(rows.values))[:ROWS_ENOUGH]
    n_held_out = len(shuffled) // 4
    held_out = shuffled[:n_held_out]
    X, X_test = (rows_of(rows.values, each, None) for each in (shuffled[n_held_out:], held_out))
    say(f"{rows.described}: {len(X):,} rows to learn from, {len(X_test):,} held out.")

    from ..estimators.autoencoder import Autoencoder
    from ..estimators.outliers import AutoencoderOutlierDetector

    of_both: dict[str, Any] = {"missing_values": "mask"} if missing else {}
    if mixed:
        of_both["columns"] = "mixed"
    settings: dict[str, Any] = DIGITS_SETTINGS if data is None else of_both
    model = Autoencoder(components, max_iter=max_iter, random_state=seed, tol=None, **settings)
    started = time.perf_counter()
    model.fit(X, X_val=X_test)
    seconds = time.perf_counter() - started
    sizes = "-".join(map(str, model.network_.architecture.layer_sizes))
    say(f"{sizes}: {model.n_iter_} epochs in {seconds:.1f} s.")
    say("")
    losses = _compare(model, X, X_test, rows.image_shape is not None, is_plain=not of_both)

    detector = AutoencoderOutlierDetector(random_state=seed, **of_both).fit(X)
    scores = -detector.score_samples(X_test)
    order = oddest(scores, ROWS)
    unusual = rows_of(X_test, order, None)
    contributions = contributions_of(detector, unusual)
    say("")
    say(f"The most unusual held-out rows (row, score; above {detector.threshold_:.3g}: odd):")
    places, shares = reasons(contributions)
    for i, place in enumerate(order[:UNUSUAL_PRINTED]):
        row = held_out[place]
        why = why_odd(rows.names, places[i], shares[i])
        if rows.classes is not None:
            why = f"a {rows.classes[row]}"
        say(f"  {row + 1:>8}  {scores[place]:8.1f}  {why}")

    shown = rows_of(X_test, slice(ROWS), None)
    back = model.reconstruct(shown)
    if of_both:
        mean, deviation = seen_scale(_as_numbers(X, X))
        shown, back = ((_as_numbers(v, X) - mean) / deviation for v in (shown, back))
    else:
        shown, back = (_as_shown(model, values) for values in (shown, back))
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)
    title = f"{rows.title}, through a code of {components} numbers"
    figure.suptitle(title, x=0.01, ha="left", color=INK, fontsize=15)
    above, middle, below = figure.subfigures(3, 1, height_ratios=[2.2, 4.2, 2.9])
    ReconstructionDisplay(shown, back, feature_names=rows.names, image_shape=rows.image_shape).plot(
        above.subplots()
    )
    left, right = middle.subplots(1, 2)
    CodeDisplay.from_predictions(
        np.asarray(model.transform(X_test)),
        scores if rows.classes is None else rows.classes[held_out],
        label_name="score" if rows.classes is None else "",
        ax=left,
    )
    curves = {"training": model.loss_curve_, "held out": model.validation_loss_curve_}
    LossCurveDisplay(curves, baselines=dict(list(losses.items())[:2])).plot(right)
    names = [f"row {held_out[place] + 1}" for place in order]
    if rows.image_shape is not None:
        draw_images(
            below.subplots(),
            {"most\nunusual": unusual, "because\nof": contributions},
            rows.image_shape,
            labels=[f"{name}\nscore {scores[i]:.0f}" for name, i in zip(names, order, strict=True)],
            cmaps=("gray_r", "Reds"),
        )
    else:
        OutlierDisplay(
            scores,
            rows=order[:EXPLAINED],
            threshold=detector.threshold_,
            contributions=contributions[:EXPLAINED],
            feature_names=rows.names,
            row_names=names[:EXPLAINED],
        ).plot(below.subplots(1, 2))
    save_figure(figure, output)
    say("")
    say(f"Reconstructions, code, loss curve and unusual rows are in {output}.")


def _digits() -> _Rows:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise MissingExtraError("the demo's digits", "scikit-learn", "all") from error
    digits = load_digits()
    names = [f"pixel {i // 8 + 1},{i % 8 + 1}" for i in range(64)]
    grey = digits.data / 16.0  # (1797, 64), 0 … 1
    return _Rows(
        "Digits nobody trained on", "Digits, 8 × 8 pixels", grey, names, (8, 8), digits.target
    )


def _check_picture(output: str, data: str | None, figure: Any) -> None:
    """Refuse a picture that can't be written, or that would be written over DATA.

    Raises
    ------
    ValueError, UsageError
    """
    ending = os.path.splitext(output)[1][1:].lower()
    known = figure.canvas.get_supported_filetypes()
    if ending not in known:
        raise ValueError(f"-o {output}: a picture must end in .{', .'.join(sorted(known))}")
    if data is not None and is_same_file(output, data):
        raise click.UsageError(f"-o {output} is the input: give another file")


def _own(path: str, reading: Reading, *, missing: bool, mixed: bool) -> _Rows:
    advice = ADVICE._replace(others=", or choose others with --columns") if mixed else ADVICE
    table = reading.table(path, missing=missing, mixed=mixed, advice=advice)
    check_values(path, table)
    n_rows, n_columns = table.values.shape
    if n_columns < 2 or n_rows < 8:
        raise TableError(
            f"{path} has {n_rows} rows and {n_columns} columns: the demo needs at least 8 and 2"
        )
    names = table.names if table.named else [f"column {name}" for name in table.names]
    described = f"{short(path)[1:-1]}, {n_columns} columns"
    return _Rows(f"Rows of {short(path)[1:-1]}", described, table.values, names)


def _as_shown(model: Any, values: Array) -> Array:
    """Rows as the network sees them: columns of any units beside each other."""
    if model.shift_ is None:
        return values
    return np.asarray((values - model.shift_) * model.factor_)


def _as_numbers(values: Any, fitted: Any) -> Array:
    """Rows as numbers that a picture can show: categories by their places."""
    if not hasattr(values, "iloc"):
        return np.asarray(values, np.float64)
    columns = []
    for name, dtype in fitted.dtypes.items():
        column = values[name]
        if hasattr(dtype, "categories"):
            codes = column.astype(dtype).cat.codes
            column = codes.where(codes >= 0)
        columns.append(column.astype("Float64").to_numpy(np.float64, na_value=np.nan))
    return np.column_stack(columns)


def _compare(
    model: Any, X: Any, X_test: Any, has_images: bool, *, is_plain: bool
) -> dict[str, float]:
    """Print the losses of held-out rows: of the column mean, of PCA, and the model's, last."""
    n_components = model.network_.architecture.n_components
    if is_plain:
        what = "image" if has_images else "row, of scaled columns"
        say(f"Held-out loss (half the squared error per {what}):")
        X, X_test = _as_shown(model, X), _as_shown(model, X_test)
        losses = squared_error_baselines(X, X_test, n_components)
        own = float(0.5 * ((X_test - model.network_.forward(X_test)) ** 2).sum(axis=1).mean())
    else:
        # The best constant and PCA are those of these very rows, which is in their favour.
        say("Held-out loss per row, of scaled columns; the others know the held-out rows:")
        diagnosis = model.diagnose(X_test, trials=False)
        losses, own = diagnosis.baselines, diagnosis.loss
    losses = {**losses, f"autoencoder, code of {n_components}": own}
    mean_loss, *_, pca, _ = losses.values()
    for label, value in losses.items():
        say(f"  {label:<24} {value:7.4f}   {value / (mean_loss or 1):6.1%} of the mean's")
    say("")
    say("Better than PCA." if own < pca else "Not better than PCA: more epochs may help.")
    return losses
