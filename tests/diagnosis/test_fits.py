"""What is said of a fit whose loss, data or end are not the usual ones is so, too."""

import contextlib
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_wine

from ae_core import (
    Autoencoder,
    AutoencoderOutlierDetector,
    NonFiniteLossError,
    NotLearningWarning,
    VariationalAutoencoder,
)
from ae_core.diagnosis.diagnose import diagnose

WINE = load_wine().data
SMALL = {"hidden_layer_sizes": (24,)}


def sheet(n_rows=240, n_columns=9, n_dimensions=3, seed=9):
    """Rows near a curved sheet of so many dimensions."""
    random = np.random.default_rng(seed)
    t = random.standard_normal((n_rows, n_dimensions))
    A, B = random.standard_normal((2, n_dimensions, n_columns))
    return np.tanh(t @ A) + t @ B + 0.05 * random.standard_normal((n_rows, n_columns))


SHEET = sheet()
COUNTS = np.random.default_rng(7).poisson(3 * np.exp(0.6 * SHEET)).astype(float)
SHARES = np.abs(SHEET) / np.abs(SHEET).sum(axis=1, keepdims=True)
FLAGS = (SHEET > 0).astype(float)


def fitted(data, n=4, cls=Autoencoder, **settings):
    settings = {"max_iter": 60, "random_state": 0, "n_threads": 1, **SMALL, **settings}
    model = cls(n, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(NonFiniteLossError):
            model.fit(data)
    return model


def names(report):
    return [finding.name for finding in report.findings]


# --- losses of counts and shares ------------------------------------------------------------------

OF_COUNTS = [
    ("poisson", {}),
    ("poisson", {"size_factors": "row_sum"}),
    ("negative_binomial", {}),
    ("multinomial", {}),
]


@pytest.mark.parametrize(("loss", "more"), OF_COUNTS)
def test_a_trial_measures_what_the_report_does(loss, more):
    model = fitted(COUNTS, n=3, loss=loss, alpha=1e5, **more)
    report = model.diagnose(COUNTS, budget=2.0)
    assert report.trials.loss == pytest.approx(report.loss, rel=0.03)
    own = report.trials.references.table()
    assert own == pytest.approx(report.baselines, rel=0.03)
    assert report.findings[0].advice.startswith("alpha=0 instead of 100000: the loss fell from")


OF_OFFSETS = [
    ("negative_binomial", Autoencoder, 3, 1.0),
    ("negative_binomial", VariationalAutoencoder, 2, 4.0),
    ("poisson", VariationalAutoencoder, 3, 0.5),
]


@pytest.mark.parametrize(("loss", "cls", "n", "depth"), OF_OFFSETS)
def test_a_trial_of_rows_with_offsets_judges_rates_as_the_report_does(loss, cls, n, depth):
    random = np.random.default_rng(21)
    sizes = random.lognormal(0, 0.8, (len(SHEET), 1))  # rows of very different sizes
    counts = random.poisson(depth * sizes * np.exp(0.5 * SHEET) + 0.1).astype(float)
    model = fitted(counts, n=n, cls=cls, loss=loss, size_factors="row_sum", alpha=1e5)
    report = model.diagnose(counts, budget=2.0)
    assert report.trials.loss == pytest.approx(report.loss, rel=0.03)
    assert report.trials.references.table() == pytest.approx(report.baselines, rel=0.03)


@pytest.mark.parametrize(("loss", "more"), OF_COUNTS)
def test_of_counts_that_are_learned_nothing_is_said(loss, more):
    model = fitted(COUNTS, n=3, loss=loss, alpha=1e-4, max_iter=150, **more)
    report = model.diagnose(COUNTS)
    # Shares are not the counts that they are compared with: the output does reach them.
    assert report.ok, str(report)


def test_a_default_that_holds_a_fit_back_is_named_by_its_value():
    # Of counts 'auto' is a strong penalty, for noise; here it is too strong.
    random = np.random.default_rng(0)
    few = random.poisson(np.exp(0.5 * sheet(300, 12, 2) - 0.5)).astype(float)
    report = fitted(few[:150], n=3, loss="negative_binomial").diagnose(few[:150], budget=2.0)
    assert report.findings[0].advice.startswith("alpha=0 instead of 10: the loss fell from")


def test_the_least_loss_of_a_likelihood_is_in_the_table():
    report = fitted(COUNTS, n=3, loss="negative_binomial", alpha=1e-4).diagnose(COUNTS)
    least = report.baselines["least possible (of these dispersions)"]
    assert 0 < least < report.loss
    assert (
        "least possible (the data's entropy)"
        in fitted(SHARES, n=3, loss="softmax_cross_entropy", scale=None)
        .diagnose(SHARES, trials=False)
        .baselines
    )


def test_warning_and_report_say_the_same():
    # The dispersions that were learned belong to the loss, of the constant as of the network.
    model = Autoencoder(
        3, loss="negative_binomial", alpha=1e5, max_iter=30, random_state=0, **SMALL
    )
    with pytest.warns(NotLearningWarning) as caught:
        model.fit(COUNTS)
    report = model.diagnose(COUNTS, trials=False)
    (message,) = [str(w.message) for w in caught if w.category is NotLearningWarning]
    assert f"its loss is {report.loss:.3g}, " in message
    assert f"has {report.baselines['column mean']:.3g}, PCA" in message


SPOILED = [
    ("alpha", 1e3, SHARES, {"loss": "softmax_cross_entropy", "scale": None}),
    ("learning_rate_init", 1e-7, SHARES, {"loss": "softmax_cross_entropy", "scale": None}),
    ("learning_rate_init", 1e-7, FLAGS, {"loss": "binary_cross_entropy", "scale": None}),
    ("learning_rate_init", 1e-7, COUNTS, {"loss": "multinomial", "alpha": 1e-4}),
    ("dropout", 0.97, COUNTS, {"loss": "negative_binomial", "alpha": 1e-4}),
    ("alpha_l1", 100.0, SHEET, {"loss": "huber"}),
    ("dropout", 0.97, SHEET, {"loss": "absolute_error"}),
    ("beta_1", 0.99999, SHEET, {}),
    ("beta_2", 0.0, SHEET, {}),
    ("decoder_layer_sizes", (1,), SHEET, {}),
    ("clip_norm", 1e-7, SHEET, {"cls": VariationalAutoencoder, "solver": "sgd"}),
    ("dropout", 0.97, SHEET, {"cls": VariationalAutoencoder}),
    ("alpha", 30.0, SHEET, {"scale": "minmax"}),
]


@pytest.mark.parametrize(
    ("name", "value", "data", "others"), SPOILED, ids=[f"{s[0]}-{i}" for i, s in enumerate(SPOILED)]
)
def test_the_first_advice_names_what_spoils_it(name, value, data, others):
    others = {"n": 3, **others}
    if others.get("solver") == "sgd":
        others["learning_rate_init"] = 0.01
    report = fitted(data, **{**others, name: value}).diagnose(data, budget=2.0)
    assert report.findings[0].advice.startswith(f"{name}="), str(report)


RATES_OF_RATINGS = [(1e-8, "larger"), (1e-6, "larger"), (3.0, "smaller")]


@pytest.mark.parametrize(("rate", "direction"), RATES_OF_RATINGS)
@pytest.mark.parametrize("kind", ["ratings", "counts"])
def test_the_usual_penalty_of_noisy_tables_is_not_blamed_for_a_rate(rate, direction, kind):
    random = np.random.default_rng(0)
    if kind == "ratings":
        R = 3 + random.normal(size=(200, 3)) @ random.normal(size=(3, 30))
        X = scipy.sparse.csr_matrix(np.where(random.random(R.shape) < 0.4, R, 0))
        more = {"missing_values": "implicit"}
    else:
        X, more = COUNTS, {"loss": "poisson"}
    report = fitted(X, learning_rate_init=rate, **more).diagnose(X, trials=False)
    said = " ".join(finding.advice for finding in report.findings)
    assert "alpha" not in said, str(report)
    tried = [float(r) for r in re.findall(r"learning_rate_init=\S+: try (\S+)\.", said)]
    assert tried, str(report)
    assert all((new > rate) == (direction == "larger") for new in tried)


# --- nothing to learn --------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("shape", "n"), [((500, 20), 3), ((300, 12), 2)])
def test_a_drawn_code_is_right_to_say_nothing_of_noise(seed, shape, n):
    X = np.random.default_rng(seed).normal(size=shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = VariationalAutoencoder(n, max_iter=60, random_state=0, **SMALL).fit(X)
    report = model.diagnose(X)
    assert report.ok, str(report)
    assert not fitted(SHEET, n=3, cls=VariationalAutoencoder, beta=1e3).diagnose(SHEET).ok


@pytest.mark.parametrize(("shape", "n"), [((60, 30), 3), ((40, 30), 8), ((200, 80), 2)])
def test_noise_that_pca_learns_by_heart_is_no_structure(shape, n):
    X = np.random.default_rng(3).normal(size=shape)
    assert fitted(X, n=n, max_iter=100).diagnose(X).ok


# --- the words of findings ----------------------------------------------------------------------


def test_a_loss_that_hardly_falls_is_shown_with_as_many_digits_as_it_takes():
    message = {
        f.name: f.message
        for f in fitted(SHEET, learning_rate_init=1e-8).diagnose(SHEET, trials=False).findings
    }["still_falling"]
    before, after = re.match(r"The loss fell from (\S+) to (\S+), ", message).groups()
    assert float(before) > float(after)


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (sheet(240, 10, 3, 0), {"solver": "rmsprop", "learning_rate_init": 100.0}),
        (SHEET, {"beta_2": 0.0}),
    ],
)
def test_a_loss_beyond_float32_is_not_said_to_be_no_number(data, settings):
    report = fitted(data, **settings).diagnose(data, budget=2.0)
    assert report.loss > 1e10
    assert "no finite number" not in str(report)
    assert f"fell from {report.trials.loss:.3g} to" in report.findings[0].advice


def test_units_that_a_penalty_has_silenced_can_come_back():
    report = fitted(SHEET, alpha=1e3, solver="lbfgs").diagnose(SHEET, trials=False)
    message = {f.name: f.message for f in report.findings}["dead_units"]
    assert "do not come back" not in message
    stuck = fitted(SHEET, learning_rate_init=30.0, activation="relu").diagnose(SHEET, trials=False)
    assert "do not come back" in {f.name: f.message for f in stuck.findings}["dead_units"]


def test_a_code_that_varies_a_little_is_not_said_to_be_ignored():
    def message(**settings):
        report = fitted(SHEET, **settings).diagnose(SHEET, trials=False)
        return {f.name: f.message for f in report.findings}["column_mean"]

    assert "it is the decoder that ignores it" not in message(alpha=100.0)
    assert "Nor does the code say anything of a row" in message(
        n=3, cls=VariationalAutoencoder, beta=1e3
    )


def test_a_loss_that_rises_under_noise_is_not_blamed_on_the_steps_alone():
    model = fitted(SHEET, n=3, cls=VariationalAutoencoder, dropout=0.97)
    (finding, *_) = model.diagnose(SHEET, trials=False).findings
    assert finding.name == "diverged"
    assert "or there is too much noise" in finding.message


# --- how training ended --------------------------------------------------------------------------


def stop_after(n):
    return [lambda progress: progress.n_iter == n]


@pytest.mark.parametrize(("n", "max_iter"), [(2, 60), (4, 100)])
def test_a_fit_that_was_stopped_is_told_to_train_on(n, max_iter):
    model = Autoencoder(4, max_iter=max_iter, random_state=0, **SMALL)
    report = model.fit(SHEET, callbacks=stop_after(n)).diagnose(SHEET, budget=2.0)
    advice = report.findings[0].advice
    assert f"stopped after {n} of {max_iter} epochs, as the callback asked for it" in advice
    assert "reach a loss of" in advice
    assert "random_state" not in advice
    assert advice.endswith("train on.")


def test_a_fit_that_was_interrupted_is_told_to_train_on():
    def interrupt(progress):
        if progress.n_iter == 2:
            raise KeyboardInterrupt

    model = Autoencoder(4, max_iter=60, random_state=0, **SMALL)
    with pytest.raises(KeyboardInterrupt):
        model.fit(SHEET, callbacks=[interrupt])
    assert "of 60 epochs, as it was interrupted" in model.diagnose(SHEET).findings[0].advice


def test_a_fit_in_parts_is_told_to_train_on():
    model = Autoencoder(4, random_state=0, max_iter=60, **SMALL)
    for _ in range(3):
        model.partial_fit(SHEET)
    advice = model.diagnose(SHEET).findings[0].advice
    assert advice.startswith("It was fitted in parts (partial_fit), 3 epochs so far")


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_a_fit_that_got_back_its_best_epoch_has_not_learned_by_heart(seed):
    X = np.random.default_rng(seed).normal(size=(60, 20))
    settings = {"max_iter": 300, "n_iter_no_change": 300, "validation_fraction": 0.3}
    settings["hidden_layer_sizes"] = (128,)
    model = fitted(X[:40], n=10, early_stopping=True, **settings)
    assert "overfitting" not in names(model.diagnose(X[:40], trials=False))
    rows, history = model._rows(X[:40]), model.history_
    if seed == 2:  # by the curves alone nobody knows of it
        assert "overfitting" in names(diagnose(model.network_, rows, history=history))


STATIC = [
    ({"contraction": 100.0}, SHEET, "contraction=100: try 0."),
    ({"momentum": 0.9999, "solver": "sgd", "learning_rate_init": 0.01}, SHEET, "momentum=0.9999"),
    ({"epsilon": 100.0}, SHEET, "epsilon=100: try 1e-8."),
    ({"averaging": 0.999999, "max_iter": 20}, SHEET, "averaging=0.999999: try None."),
    ({"hidden_layer_sizes": (2,)}, SHEET, "A layer of 2 is narrower than the code of 4"),
    ({"tol": 10.0, "n_iter_no_change": 2}, SHEET, "tol=10 with n_iter_no_change=2 ended it"),
    ({"scale": None}, SHEET + 1e4, "scale=None: try 'standard'."),
    ({"scale": None}, SHEET * 1e-4, "scale=None: try 'standard'."),
    ({"cls": VariationalAutoencoder, "noise_variance": 300.0}, SHEET, "noise_variance=300: try"),
    ({"corruption": "gaussian", "corruption_level": 100.0}, SHEET, "corruption_level=100"),
    ({"solver": "sgd", "learning_rate_init": 1e-4}, SHEET, "learning_rate_init=0.0001: try 0.1."),
]


@pytest.mark.parametrize(("settings", "data", "advice"), STATIC)
def test_without_trials_what_the_settings_show_is_named_and_nothing_else(settings, data, advice):
    report = fitted(data, **settings).diagnose(data, trials=False)
    assert report.findings[0].advice.startswith(advice), str(report)


# --- tables --------------------------------------------------------------------------------------


def test_the_columns_of_one_flag_do_not_repeat_each_other():
    table = pd.DataFrame(SHEET[:, :5], columns=list("abcde"))
    table["flag"] = (SHEET[:, 5] > 0).astype(object)
    table.loc[::7, "flag"] = None
    model = fitted(table, columns="mixed", missing_values="mask", max_iter=150)
    assert "duplicate_columns" not in names(model.diagnose(table))
    again = table.assign(again=table["a"])
    model = fitted(again, columns="mixed", missing_values="mask", max_iter=150)
    assert "'a' and 'again'" in str(model.diagnose(again))


def test_zeros_of_a_fit_stand_for_nothing():
    random = np.random.default_rng(0)
    X = random.random((300, 3)) @ random.random((3, 20))
    X = np.where(X > 1, X, 0)
    assert "sentinels" not in names(fitted(X, max_iter=100).diagnose(X, trials=False))


# --- a detector ----------------------------------------------------------------------------------


def detected(X, **settings):
    return AutoencoderOutlierDetector(random_state=0, n_threads=1, **settings).fit(X)


@pytest.mark.parametrize(
    ("name", "value", "data"),
    [
        ("learning_rate_init", 1e-7, WINE),
        ("learning_rate_init", 10.0, WINE),
        ("learning_rate_init", 1e-5, SHEET),
        ("n_steps", 1, SHEET),
        ("n_steps", 3, WINE),
    ],
)
def test_a_detector_that_has_not_learned_says_by_what(name, value, data):
    report = detected(data, **{name: value}).diagnose(data, budget=2.0)
    assert names(report)[0] == "not_learned"
    assert report.findings[0].advice.startswith(f"{name}="), str(report)
    assert "the mean loss fell from" in report.findings[0].advice


@pytest.mark.parametrize("data", [WINE, SHEET, np.random.default_rng(0).normal(size=(300, 8))])
def test_of_a_healthy_detector_nothing_is_said(data):
    assert detected(data).diagnose(data).ok


@pytest.mark.parametrize("size", [1e3, 1e6, 1e20])
def test_what_a_detector_is_for_is_no_fault_of_it(size):
    X = SHEET.copy()
    X[5] = size
    X[40, 2] = -size
    report = detected(X).diagnose(X)
    assert report.ok, str(report)
    assert "without 2 rows ten times as far out as usual" in " ".join(str(report).split())


def test_a_detector_names_a_sentinel_and_no_setting_that_it_has_not():
    X = WINE.copy()
    X[::9, 2] = -999
    report = detected(X).diagnose(X)
    assert names(report) == ["sentinels"]
    assert "Column '2' is -999 in 11.2 % of the rows" in report.findings[0].message
    assert "scale=" not in str(report)
