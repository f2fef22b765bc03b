"""Displays: what stands on their axes, that nothing global changes, and that errors are one line."""

import sys
import warnings
from itertools import pairwise

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer

pytest.importorskip("matplotlib")

from ae_core import (
    Autoencoder,
    AutoencoderOutlierDetector,
    CodeDisplay,
    ImputationDisplay,
    LossCurveDisplay,
    NotLearningWarning,
    OutlierDisplay,
    ReconstructionDisplay,
    VariationalAutoencoder,
)
from ae_core.displays.figures import new_figure

DISPLAYS = (
    LossCurveDisplay,
    ReconstructionDisplay,
    CodeDisplay,
    OutlierDisplay,
    ImputationDisplay,
)


def quietly(estimator, X, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotLearningWarning)  # a few epochs
        return estimator.fit(X, **options)


@pytest.fixture(scope="module")
def cells():
    return load_breast_cancer(as_frame=True).data.iloc[:200, :12]


@pytest.fixture(scope="module")
def model(cells):
    return quietly(Autoencoder(3, max_iter=20, early_stopping=True, random_state=0), cells)


@pytest.fixture(scope="module")
def detector(cells):
    return AutoencoderOutlierDetector(random_state=0, n_steps=30).fit(cells)


@pytest.fixture(scope="module")
def holes(cells):
    return cells.mask(np.random.default_rng(0).random(cells.shape) < 0.2)


@pytest.fixture(scope="module")
def imputer(holes):
    return quietly(
        Autoencoder(3, max_iter=20, missing_values="mask", corruption="masking", random_state=0),
        holes,
    )


@pytest.fixture
def all_of_them(cells, model, detector, holes, imputer):
    return {
        LossCurveDisplay: lambda ax=None: LossCurveDisplay.from_estimator(model, cells, ax=ax),
        ReconstructionDisplay: lambda ax=None: ReconstructionDisplay.from_estimator(
            model, cells, ax=ax
        ),
        CodeDisplay: lambda ax=None: CodeDisplay.from_estimator(model, cells, ax=ax),
        OutlierDisplay: lambda ax=None: OutlierDisplay.from_estimator(detector, cells, ax=ax),
        ImputationDisplay: lambda ax=None: ImputationDisplay.from_estimator(imputer, holes, ax=ax),
    }


# --- what is drawn ---------------------------------------------------------------------------------


def test_loss_curves_beside_both_baselines(model, cells):
    display = LossCurveDisplay.from_estimator(model, cells)
    training, held_out = display.lines_
    np.testing.assert_array_equal(training.get_ydata(), model.loss_curve_)
    np.testing.assert_array_equal(training.get_xdata(), range(1, model.n_iter_ + 1))
    np.testing.assert_array_equal(held_out.get_ydata(), model.validation_loss_curve_)
    report = model.diagnose(cells, trials=False)
    assert list(display.baselines) == ["column mean", "PCA, 3 components"]
    assert [line.get_ydata()[0] for line in display.baseline_lines_] == list(
        report.baselines.values()
    )
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels[:2] == ["training", "held out"]
    assert labels[3].startswith("PCA, 3 components: ")
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_yscale() == "log"


def test_a_stream_that_dropped_losses_counts_on(cells):
    model = quietly(Autoencoder(2, max_iter=8, random_state=0), cells)
    del model.history_.loss_curve[:3]
    model.history_.n_dropped = 3
    (line,) = LossCurveDisplay.from_estimator(model, cells).lines_
    np.testing.assert_array_equal(line.get_xdata(), [4, 5, 6, 7, 8])


def test_anybodys_loss_curve_beside_what_it_must_beat():
    X = np.random.default_rng(1).normal(size=(50, 5)) * [5, 1, 1, 1, 1]
    display = LossCurveDisplay.from_predictions([9, 5, 3], X=X, n_components=1)
    mean, pca = display.baselines.values()
    assert mean == pytest.approx(X.var(axis=0).sum() / 2)
    values = np.linalg.eigvalsh(np.cov(X.T, bias=True))
    assert pca == pytest.approx(values[:-1].sum() / 2)


def test_losses_below_zero_are_on_a_plain_scale():
    display = LossCurveDisplay.from_predictions([3.0, -1.0], baselines={"mine": 2.0})
    assert display.ax_.get_yscale() == "linear"
    assert display.baseline_lines_[0].get_label() == "mine: 2"


def test_a_bound_of_a_likelihood_is_drawn_too(cells):
    model = quietly(VariationalAutoencoder(2, max_iter=5, random_state=0), cells)
    display = LossCurveDisplay.from_estimator(model, cells)
    assert len(display.lines_[0].get_ydata()) == 5


def test_tables_are_in_deviations_and_side_by_side(model, cells):
    display = ReconstructionDisplay.from_estimator(model, cells, n_rows=7)
    expected = (cells - cells.mean()) / cells.std(ddof=0)
    np.testing.assert_allclose(display.originals, expected.iloc[:7])
    drawn = display.im_.get_array()
    assert drawn.shape == (7, 12 + 1 + 12)
    np.testing.assert_allclose(drawn[:, :12], display.originals)
    np.testing.assert_allclose(drawn[:, 13:], display.reconstructions)
    labels = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert labels == [*cells.columns, *cells.columns]


def test_pictures_are_as_they_are():
    X = load_digits().data[:30]
    display = ReconstructionDisplay.from_predictions(X, X / 2, n_rows=4, image_shape=(8, 8))
    images = display.ax_.get_images()
    assert len(images) == 8
    np.testing.assert_array_equal(images[2].get_array(), X[2].reshape(8, 8))
    np.testing.assert_array_equal(images[6].get_array(), X[2].reshape(8, 8) / 2)
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == [
        "originals",
        "through\nthe code",
    ]


def test_codes_in_colours_of_their_classes(model, cells):
    y = np.where(cells.iloc[:, 0] > 14, "large", "small")
    display = CodeDisplay.from_estimator(model, cells, y, label_name="size")
    assert [s.get_label() for s in display.scatters_] == ["large", "small"]
    assert [len(s.get_offsets()) for s in display.scatters_] == [
        (y == "large").sum(),
        (y == "small").sum(),
    ]
    assert display.ax_.get_legend().get_title().get_text() == "size"
    assert "component of the code's 3 numbers" in display.ax_.get_xlabel()


@pytest.mark.parametrize("y", [None, np.linspace(0, 1, 30), np.arange(30)])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_codes_without_classes(k, y):
    code = np.random.default_rng(k).normal(size=(30, k))
    display = CodeDisplay.from_predictions(code, y)
    assert len(display.scatters_) == 1
    assert len(display.scatters_[0].get_offsets()) == 30
    if k == 2 and y is None:
        np.testing.assert_array_equal(display.scatters_[0].get_offsets(), code)


def test_scores_threshold_and_why(detector, cells):
    display = OutlierDisplay.from_estimator(detector, cells, n_rows=4)
    left, right = display.ax_
    assert sum(bar.get_height() for bar in left.patches) == len(cells)
    assert display.threshold_line_.get_xdata()[0] == detector.threshold_
    n_above = (detector.predict(cells) == -1).sum()
    assert f": {n_above} of 200 rows above" in left.get_legend().get_texts()[0].get_text()
    scores = -detector.score_samples(cells)
    order = np.argsort(-scores)[:4]
    np.testing.assert_array_equal(display.rows, order)
    assert [t.get_text() for t in right.get_yticklabels()] == [
        f"row {i}\n{scores[i]:.3g}" for i in order
    ]
    shares = np.asarray(detector.explain(cells.iloc[order]))
    shares = shares / shares.sum(axis=1, keepdims=True)
    widths = [bar.get_width() for bar in right.patches]  # three columns and the rest, of each row
    np.testing.assert_allclose(widths[0], 100 * shares[0].max())
    np.testing.assert_allclose(np.reshape(widths, (4, 4)).sum(axis=1), 100)
    assert right.texts[0].get_text().startswith(cells.columns[shares[0].argmax()])


def test_an_autoencoder_has_scores_but_no_threshold(model, cells):
    display = OutlierDisplay.from_estimator(model, cells, kind="scores")
    assert display.threshold_line_ is None
    np.testing.assert_array_equal(display.scores, -model.score_samples(cells))


def test_rows_are_called_as_their_frame_calls_them(detector, cells):
    named = cells.set_axis([f"patient {i}" for i in range(len(cells))])
    display = OutlierDisplay.from_estimator(detector, named, kind="contributions", n_rows=2)
    assert display.row_names == [f"patient {i}" for i in display.rows]
    assert display.ax_.get_yticklabels()[0].get_text().startswith(display.row_names[0])


def test_anybodys_scores():
    scores = np.arange(1.0, 41) ** 6  # wide: on a logarithmic scale
    display = OutlierDisplay.from_predictions(scores, threshold=100.0)
    assert display.ax_.get_xscale() == "log"
    assert sum(bar.get_height() for bar in display.ax_.patches) == 40
    both = OutlierDisplay.from_predictions([1.0, 1.0, 1.0], np.eye(3), n_rows=2)
    assert both.feature_names == ["column 0", "column 1", "column 2"]


@pytest.mark.parametrize("first", [1.3, 3, 9, 15.0, 40, 290])
@pytest.mark.parametrize("last", [0.07, 0.5, 1.0])
def test_labels_of_losses_do_not_stand_on_each_other(first, last):
    curve = last * np.geomspace(first, 1, 50)
    figure = (
        LossCurveDisplay({"training": curve}, baselines={"column mean": curve[0]}).plot().figure_
    )
    figure.canvas.draw()
    (axes,) = figure.axes
    labels = [*axes.get_yticklabels(), *axes.get_yticklabels(minor=True)]
    low, high = axes.get_ylim()
    shown = [text for text in labels if text.get_text() and low <= text.get_position()[1] <= high]
    boxes = sorted((text.get_window_extent() for text in shown), key=lambda box: box.y0)
    assert len(boxes) >= 2
    assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(boxes))


def test_what_was_filled_in_against_the_truth(imputer, holes, cells):
    display = ImputationDisplay.from_estimator(imputer, holes, X_true=cells)
    hidden = holes.isna().to_numpy()
    deviation = holes.std(ddof=0).to_numpy()
    error = ((imputer.impute(holes) - cells) / deviation).to_numpy()[hidden]
    assert display.rmse_ == pytest.approx(np.sqrt((error**2).mean()))
    of_mean = ((holes.mean() - cells) / deviation).to_numpy()[hidden]
    assert display.rmse_of_mean_ == pytest.approx(np.sqrt((of_mean**2).mean()))
    (points,) = display.ax_.collections
    assert len(points.get_offsets()) == hidden.sum()


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("true", [False, True])
def test_of_a_table_with_categories_its_numbers_are_drawn(holes, cells, library, true):
    def mixed(table, text):
        table = table.iloc[:, :4].assign(kind=text).assign(n=np.arange(200) // 3)
        return pytest.importorskip("polars").from_pandas(table) if library == "polars" else table

    texts = [["low", "high", "neither"][i % 3] for i in range(200)]
    X, X_true = mixed(holes, texts), mixed(cells, texts) if true else None
    model = Autoencoder(2, columns="mixed", missing_values="mask", max_iter=5, random_state=0)
    display = ImputationDisplay.from_estimator(quietly(model, X), X, X_true=X_true)
    assert list(display.feature_names) == [*cells.columns[:4], "n"]
    np.testing.assert_array_equal(display.X[:, :4], holes.iloc[:, :4])
    np.testing.assert_array_equal(display.X[:, 4], np.arange(200) // 3)
    assert np.isfinite(display.X_filled).all()
    assert (display.rmse_ is not None) == true


def test_what_was_filled_in_beside_what_was_seen(holes):
    display = ImputationDisplay.from_estimator(SimpleImputer().fit(holes), holes, n_columns=5)
    n_missing = holes.isna().sum()
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert len(labels) == 5
    assert labels[-1].startswith(n_missing.idxmax())
    assert labels[-1].endswith(f"{n_missing.max() / 200:.0%} missing")
    assert display.rmse_ is None


# --- where it is drawn -----------------------------------------------------------------------------


def test_pyplot_is_neither_needed_nor_changed(all_of_them):
    before = "matplotlib.pyplot" in sys.modules
    import matplotlib

    rc, backend = dict(matplotlib.rcParams), matplotlib.rcParams._get_backend_or_none()
    for draw in all_of_them.values():
        display = draw()
        assert display._repr_png_().startswith(b"\x89PNG")
    assert ("matplotlib.pyplot" in sys.modules) == before
    assert dict(matplotlib.rcParams) == rc
    assert matplotlib.rcParams._get_backend_or_none() == backend
    if before:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


@pytest.mark.parametrize("display_class", DISPLAYS)
def test_they_draw_where_they_are_told(all_of_them, display_class):
    figure = new_figure(figsize=(8, 4))
    _, ax = figure.subplots(1, 2)
    display = all_of_them[display_class](ax)
    assert display.figure_ is figure
    assert display._repr_png_() is None  # the figure's owner shows it
    if display_class is OutlierDisplay:  # divided in two, within the place of the one given
        figure.draw_without_rendering()
        outer, parts = ax.get_position(), [each.get_position() for each in display.ax_]
        assert all(part.x0 >= outer.x0 - 0.1 and part.x1 <= 1 for part in parts)
        assert parts[0].x1 < parts[1].x0
    else:
        assert display.ax_ is ax


def test_two_axes_or_axes_without_a_grid(detector, cells):
    figure = new_figure(figsize=(8, 4))
    pair = figure.subplots(1, 2)
    display = OutlierDisplay.from_estimator(detector, cells, ax=pair)
    assert display.ax_ == list(pair)
    free = new_figure().add_axes((0.1, 0.1, 0.8, 0.8))
    display = OutlierDisplay.from_estimator(detector, cells, ax=free)
    assert len(display.ax_) == 2


def test_names_that_are_no_names_do_no_harm(detector):
    X = np.random.default_rng(0).normal(size=(60, 3))
    names = ["$\\frac{1}{", "a\nb\x1b[31m", "漢" * 50]
    display = OutlierDisplay.from_predictions(
        np.abs(X).sum(axis=1), np.abs(X), feature_names=names, threshold=3.0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert display._repr_png_().startswith(b"\x89PNG")
    words = display.ax_[1].texts[0].get_text()
    assert "\n" not in words
    assert "\x1b" not in words


# --- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("display_class", DISPLAYS)
def test_an_unfitted_estimator(display_class):
    estimator = (
        AutoencoderOutlierDetector()
        if display_class is OutlierDisplay
        else Autoencoder(2, missing_values="mask")
    )
    with pytest.raises(NotFittedError, match="not fitted yet"):
        display_class.from_estimator(estimator, np.eye(3))


@pytest.mark.parametrize("display_class", DISPLAYS)
@pytest.mark.parametrize("estimator", [object(), 3, Autoencoder])
def test_no_estimator(display_class, estimator):
    with pytest.raises(TypeError, match=r"^estimator=.*must be fitted and have \w+"):
        display_class.from_estimator(estimator, np.eye(3))


ONES = np.ones((4, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LossCurveDisplay.from_predictions([]), "loss_curve has shape"),
        (lambda: LossCurveDisplay.from_predictions([1, np.nan]), "loss_curve must be finite"),
        (lambda: LossCurveDisplay.from_predictions("fell"), "loss_curve='fell': must be numbers"),
        (
            lambda: LossCurveDisplay.from_predictions([1], X=ONES),
            "X and n_components are given tog",
        ),
        (
            lambda: LossCurveDisplay.from_predictions([1], ax=5),
            "ax=5: must be None or a matplotlib",
        ),
        (lambda: LossCurveDisplay({}).plot(), "curves={}: must have at least one"),
        (lambda: ReconstructionDisplay.from_predictions(ONES, ONES[:2]), "must be the same"),
        (
            lambda: ReconstructionDisplay.from_predictions(ONES, ONES, image_shape=(2, 2)),
            r"image_shape=\(2, 2\): must be a height and a width whose product is 3",
        ),
        (
            lambda: ReconstructionDisplay.from_predictions(ONES, ONES, image_shape=3),
            "image_shape=3",
        ),
        (lambda: ReconstructionDisplay.from_predictions(ONES, ONES, n_rows=0), "n_rows=0"),
        (
            lambda: ReconstructionDisplay.from_predictions(ONES, ONES, feature_names=["a"]),
            "feature_names has 1 names, and there are 3",
        ),
        (lambda: CodeDisplay.from_predictions(ONES, [1, 2]), r"y has shape \(2,\): must be \(4,\)"),
        (lambda: CodeDisplay.from_predictions(ONES[0]), "code has shape"),
        (
            lambda: OutlierDisplay.from_predictions([1, 2], kind="bars"),
            "kind='bars': must be one of",
        ),
        (lambda: OutlierDisplay.from_predictions([1, 2], kind="contributions"), "which are None"),
        (lambda: OutlierDisplay.from_predictions([1, 2], ONES), "must be the same"),
        (lambda: OutlierDisplay.from_predictions(ONES[0], ONES.T, ax=[1]), "ax has 1 axes"),
        (lambda: OutlierDisplay.from_predictions([1, 2], n_rows=True), "n_rows=True"),
        (lambda: ImputationDisplay.from_predictions(ONES, ONES), "no missing entry"),
        (
            lambda: ImputationDisplay.from_predictions(ONES * np.nan, ONES * np.nan),
            "nothing filled",
        ),
        (
            lambda: ImputationDisplay.from_predictions(ONES * np.nan, ONES, X_true=ONES * np.nan),
            "X_true is NaN wherever",
        ),
        (lambda: ImputationDisplay.from_predictions(ONES, ONES, n_columns=0), "n_columns=0"),
    ],
)
def test_errors_are_one_line_that_names_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message) as raised:
        call()
    text = str(raised.value)
    assert "\n" not in text
    assert len(text) <= 300


def test_estimators_of_another_kind(model, detector, cells):
    with pytest.raises(TypeError, match="keeps no loss curve"):
        LossCurveDisplay.from_estimator(detector, cells)
    with pytest.raises(TypeError, match="fills in nothing: fit it with missing_values='mask'"):
        ImputationDisplay.from_estimator(model, cells)


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch):
    for name in ("matplotlib.figure", "matplotlib.axes"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"^pictures need matplotlib.*ae_core\[plot\]"):
        CodeDisplay.from_predictions(ONES)


def test_importing_displays_loads_no_matplotlib():
    import subprocess

    code = (
        "import sys, ae_core; ae_core.LossCurveDisplay, ae_core.OutlierDisplay; "
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
