"""What `diagnose` and the warnings say is so: cases in which an explanation was wrong, and their like.

Each was wrong once. With trials the first advice names what is wrong, by a figure that is true.
"""

import contextlib
import re
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

from ae_core import Autoencoder, NonFiniteLossError, NotLearningWarning, VariationalAutoencoder

BC = load_breast_cancer().data
WINE = load_wine().data
IRIS = load_iris().data
DIABETES = load_diabetes().data


def sheet(n_rows=240, n_columns=10, n_dimensions=3, seed=0, size=1.0):
    """Rows near a curved sheet of so many dimensions."""
    random = np.random.default_rng(seed)
    t = random.standard_normal((n_rows, n_dimensions))
    A, B = random.standard_normal((2, n_dimensions, n_columns))
    return size * (np.tanh(t @ A) + t @ B + 0.05 * random.standard_normal((n_rows, n_columns)))


SHEET = sheet()
GREY = np.random.default_rng(5).random((300, 5))


def fitted(data, n=4, cls=Autoencoder, **settings):
    """A fit, whether it warns or not."""
    settings = {"max_iter": 60, "random_state": 0, "n_threads": 1, **settings}
    model = cls(n, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotLearningWarning)
        with contextlib.suppress(NonFiniteLossError):
            model.fit(data)
    return model


def names(report):
    return [finding.name for finding in report.findings]


def rates(report):
    """The learning rates that are said to be worth a try."""
    said = " ".join(finding.advice for finding in report.findings)
    tried = re.findall(r"learning_rate_init=(\S+) instead", said)
    return [
        float(rate) for rate in tried + re.findall(r"learning_rate_init=\S+: try (\S+)\.", said)
    ]


def check_consistent(report, rate):
    """No two opposites, and nothing that the fit has already."""
    directions = {np.sign(np.log(tried / rate)) for tried in rates(report)}
    assert len(directions) <= 1, str(report)
    assert 0 not in directions


# --- the setting that spoils a fit is named first --------------------------------------------------

SGD = {"solver": "sgd", "learning_rate_init": 0.01}
VAE = {"cls": VariationalAutoencoder}
SMALL = {"hidden_layer_sizes": (24,)}

CASES_GIVEN = [
    ("alpha", 1e3, BC, {}),
    ("alpha_l1", 100.0, BC, {}),
    ("dropout", 0.95, BC, {}),
    ("clip_norm", 1e-6, BC, {"solver": "sgd", "learning_rate_init": 0.1}),
    ("corruption_level", 50.0, BC, {"corruption": "gaussian"}),
    ("beta", 100.0, BC, VAE),
]
MORE_CASES = [
    ("alpha", 3e3, WINE, SMALL),
    ("alpha", 300.0, SHEET, {"hidden_layer_sizes": ()}),
    ("alpha", 10.0, SHEET, {**SMALL, "solver": "adamw"}),  # its weight decay
    ("alpha_l1", 50.0, WINE, SMALL),
    ("alpha_l1", 30.0, SHEET, {**SMALL, "activation": "tanh"}),
    ("alpha_l1", 200.0, DIABETES, {**SMALL, "loss": "absolute_error"}),
    ("dropout", 0.9, SHEET, SMALL),
    ("dropout", 0.97, WINE, {"hidden_layer_sizes": (40,)}),
    ("dropout", 0.9, IRIS, {**SMALL, "n": 1, "max_iter": 200}),
    ("clip_norm", 1e-5, WINE, {**SMALL, **SGD}),
    ("clip_norm", 1e-4, SHEET, {**SMALL, **SGD}),
    ("clip_norm", 1e-6, IRIS, {**SMALL, **SGD, "n": 2, "momentum": 0.5}),
    ("corruption_level", 20.0, SHEET, {**SMALL, "corruption": "gaussian"}),
    ("corruption_level", 0.97, WINE, {**SMALL, "corruption": "masking"}),
    ("corruption_level", 0.95, SHEET, {**SMALL, "corruption": "salt_and_pepper"}),
    ("beta", 300.0, SHEET, {**VAE, **SMALL}),
    ("beta", 50.0, WINE, {**VAE, **SMALL}),
    ("beta", 1000.0, DIABETES, {**VAE, **SMALL, "n": 3}),
    ("noise_variance", 100.0, SHEET, {**VAE, **SMALL}),
    ("code_l1", 30.0, SHEET, SMALL),
    ("contraction", 30.0, SHEET, SMALL),
    ("sparsity", 100.0, SHEET, {**SMALL, "code_activation": "logistic", "max_iter": 200}),
    ("k_sparse", 1, SHEET, {**SMALL, "max_iter": 100}),
    ("learning_rate_init", 1e-6, WINE, SMALL),
    ("learning_rate_init", 3.0, SHEET, SMALL),
    ("learning_rate_init", 1e-6, SHEET, {**SMALL, "solver": "rmsprop"}),
    ("max_iter", 1, SHEET, SMALL),
    ("batch_size", 240, SHEET, {**SMALL, "max_iter": 30}),
    ("solver", "sgd", DIABETES, {**SMALL, "n": 6, "learning_rate_init": 1e-4}),
    ("averaging", 0.99999, SHEET, {**SMALL, "max_iter": 20}),
    ("averaging", 0.999999, WINE, {**SMALL, "max_iter": 40}),
    ("epsilon", 1e3, SHEET, SMALL),
    ("momentum", 0.9999, SHEET, {**SMALL, **SGD}),
    ("power_t", 2.0, SHEET, {**SMALL, "learning_rate": "invscaling"}),
    ("tol", 10.0, SHEET, {**SMALL, "n_iter_no_change": 2}),
    ("tol", 10.0, BC, {**SMALL, "n_iter_no_change": 3}),
    ("momentum", 0.999, WINE, {**SMALL, **SGD}),
    ("hidden_layer_sizes", (1,), SHEET, {}),
    ("output_activation", "relu", SHEET, SMALL),
    ("code_activation", "relu", sheet(seed=4), {**SMALL, "n": 3}),
    ("code_activation", "relu", WINE, {**SMALL, "n": 3}),
    ("activation", "logistic", SHEET, {"hidden_layer_sizes": (32, 16, 8)}),
]
ALSO = {"power_t": "learning_rate", "solver": "learning_rate_init"}
"""Settings that spoil the fit together with the other: either is the reason."""


@pytest.mark.parametrize(
    ("name", "value", "data", "others"),
    CASES_GIVEN + MORE_CASES,
    ids=[f"{name}-{i}" for i, (name, *_) in enumerate(CASES_GIVEN + MORE_CASES)],
)
def test_the_first_advice_names_what_spoils_the_fit(name, value, data, others, capsys):
    model = fitted(data, **{**others, name: value})
    report = model.diagnose(data, budget=3.0)
    assert report.trials is not None, str(report)
    assert "diagnose tries" in capsys.readouterr().err
    advice = report.findings[0].advice
    best = report.trials.helped[0]
    assert advice.startswith((f"{name}=", f"{ALSO.get(name, name)}=")), str(report)
    assert re.search(r"fell from \S+ to \S+ when tried|no finite number, is \S+ when", advice)
    assert best.loss < 0.9 * report.trials.loss
    assert set(best.settings) <= {name, ALSO.get(name), "learning_rate_init"}
    assert f"{best.loss:.3g}" in str(report)
    check_consistent(report, model.learning_rate_init)
    if getattr(model, "activation", "") == "elu":
        assert "activation='elu'" not in " ".join(f.advice for f in report.findings)


@pytest.mark.parametrize("spread", [3, 5, 7])
def test_columns_of_very_different_size_want_to_be_scaled(spread):
    # The loss is that of the largest columns, which come back well: no other setting is at fault.
    data = sheet(size=np.logspace(-2, spread - 2, 10))
    model = fitted(data, scale=None, learning_rate_init=0.03, **SMALL)
    report = model.diagnose(data, budget=3.0)
    assert "scale='standard'" in report.findings[0].advice, str(report)


@pytest.mark.parametrize(
    ("name", "value", "off"), [("alpha", 1e3, 0.0), ("dropout", 0.95, 0.0), ("k_sparse", 1, None)]
)
def test_the_figure_is_that_of_a_fit_without_it(name, value, off):
    model = fitted(SHEET, **SMALL, **{name: value})
    (trial, *_) = model.diagnose(SHEET, budget=3.0).trials.helped
    assert dict(trial.settings) == {name: off}
    own = fitted(SHEET, **SMALL, **{name: off}, dtype="float32")
    X = (SHEET - own.shift_) * own.factor_
    X_hat = (own.reconstruct(SHEET) - own.shift_) * own.factor_
    assert trial.loss == pytest.approx(0.5 * ((X - X_hat) ** 2).sum(axis=1).mean(), rel=1e-4)


def test_removing_a_penalty_is_not_credited_with_the_penalty():
    # It is in the loss that training sees, and large; but it does not keep this fit from learning.
    model = fitted(SHEET, n=3, code_l1=1e-3, hidden_layer_sizes=(2,))
    report = model.diagnose(SHEET, budget=3.0)
    assert "code_l1" not in " ".join(f.advice for f in report.findings)
    tried = {next(iter(t.settings)): t.loss for t in report.trials.tried}
    assert tried["code_l1"] == pytest.approx(report.trials.loss, rel=0.1)


def test_trials_are_the_same_each_time():
    model = fitted(WINE, **SMALL, alpha=1e3)
    first, second = (model.diagnose(WINE, budget=3.0) for _ in range(2))
    assert str(first) == str(second)
    assert first.to_dict()["trials"] == second.to_dict()["trials"]


def test_without_trials_nothing_is_fitted(capsys):
    model = fitted(WINE, **SMALL, alpha=1e3)
    report = model.diagnose(WINE, trials=False)
    assert report.trials is None
    assert capsys.readouterr().err == ""
    assert "alpha=1000: try 0" in report.findings[0].advice
    healthy = fitted(WINE, **SMALL, max_iter=200)
    assert healthy.diagnose(WINE).trials is None


@pytest.mark.parametrize("budget", [0, -1, "5", None, True])
def test_a_budget_is_a_number_of_seconds(budget):
    model = fitted(IRIS, n=2, **SMALL)
    with pytest.raises(ValueError, match="budget="):
        model.diagnose(IRIS, budget=budget)


def test_a_small_budget_leaves_out_what_is_suspected_least():
    model = fitted(SHEET, **SMALL, alpha=1e3)
    few = model.diagnose(SHEET, budget=0.05)
    assert few.trials.n_left_out > 0
    assert "not tried: the budget of 0.05 s was too small" in " ".join(str(few).split())
    assert few.findings[0].advice.startswith("alpha=0")


def test_other_data_than_it_was_fitted_to():
    model = fitted(SHEET, **SMALL, max_iter=200)
    other = sheet(seed=7, size=30.0)
    report = model.diagnose(other)
    assert not report.trials.is_reproduced
    assert "is this the data that it was fitted to?" in report.findings[0].advice


def test_settings_that_only_help_together_are_the_defaults():
    data = np.random.default_rng(0).random((100, 4))
    model = fitted(
        data,
        hidden_layer_sizes=(),
        code_activation="relu",
        output_activation="relu",
        scale=None,
        solver="sgd",
        learning_rate_init=0.1,
        max_iter=300,
    )
    advice = model.diagnose(data, budget=3.0).findings[0].advice
    # With biases that start at the mean the first of them is enough.
    assert advice.startswith(("the defaults of code_activation, ", "code_activation="))
    assert "the loss fell from" in advice


# --- without trials: what is guessed is no contradiction ---------------------------------------------

WITHOUT = [
    ({"scale": None, "learning_rate_init": 1.0}, BC),
    ({"scale": None, "learning_rate_init": 3.0, "hidden_layer_sizes": (24,)}, WINE),
    ({"scale": None, "learning_rate_init": 0.5, "activation": "relu"}, BC[:200]),
    ({"learning_rate_init": 30.0, "activation": "relu", "hidden_layer_sizes": (24,)}, SHEET),
]


@pytest.mark.parametrize(("settings", "data"), WITHOUT)
@pytest.mark.parametrize("trials", [True, False])
def test_one_direction_only(settings, data, trials):
    model = fitted(data, **settings)
    report = model.diagnose(data, trials=trials, budget=2.0)
    assert report.warnings
    check_consistent(report, settings["learning_rate_init"])
    assert all(rate < settings["learning_rate_init"] for rate in rates(report))


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (BC, {"hidden_layer_sizes": (64, 32, 16, 8), "learning_rate_init": 0.1}),
        (WINE, {"hidden_layer_sizes": (32, 16, 8), "learning_rate_init": 0.1}),
        (SHEET, {"hidden_layer_sizes": (20, 20, 20), "learning_rate_init": 0.1, "n": 3}),
        (DIABETES, {"hidden_layer_sizes": (32, 16, 8), "learning_rate_init": 0.05, "n": 5}),
    ],
)
@pytest.mark.parametrize("trials", [True, False])
def test_a_deep_logistic_network_wants_another_activation_or_solver(data, settings, trials):
    model = fitted(data, activation="logistic", solver="sgd", **settings)
    report = model.diagnose(data, trials=trials, budget=3.0)
    advice = report.findings[0].advice
    assert re.search(r"\b(activation|solver)=", advice), str(report)
    assert all(rate < settings["learning_rate_init"] for rate in rates(report))


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (BC, {"scale": None, "solver": "sgd", "learning_rate_init": 0.1}),
        (WINE, {"scale": None, "solver": "sgd", "learning_rate_init": 0.01, **SMALL}),
        (SHEET * 100, {"scale": None, "solver": "sgd", "learning_rate_init": 0.3, **SMALL}),
        (SHEET, {"solver": "sgd", "learning_rate_init": 30.0, **SMALL}),
    ],
)
@pytest.mark.parametrize("trials", [True, False])
def test_a_fit_that_diverged_is_said_to_be_by_error_and_report(data, settings, trials):
    model = Autoencoder(4, max_iter=60, random_state=0, n_threads=1, **settings)
    rate = settings["learning_rate_init"]
    with pytest.raises(ArithmeticError, match=f"learning_rate_init={rate:g}:") as raised:
        model.fit(data)
    assert f"try {rate / 10:g}" in str(raised.value)
    report = model.diagnose(data, trials=trials, budget=3.0)
    assert names(report)[0] == "diverged"
    assert "Training ended because the loss is" in report.findings[0].message
    advice = report.findings[0].advice
    assert "learning_rate_init=" in advice or "scale='standard'" in advice
    assert all(tried < rate for tried in rates(report))


# --- what it is measured by -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "counted", "n"), [(BC, [0], 4), (WINE, [3], 2), (WINE, [0, 6], 3), (SHEET, [9], 2)]
)
def test_columns_without_weight_do_not_count(data, counted, n):
    weights = np.zeros(data.shape[1])
    weights[counted] = 1.0
    model = fitted(data, n=n, feature_weights=weights.tolist(), max_iter=100, **SMALL)
    report = model.diagnose(data)
    assert report.ok, str(report)
    assert report.loss < 0.05 * report.baselines["column mean"]
    assert np.isfinite(report.explained).sum() == len(counted)
    assert "constant or without weight" in str(report)


def test_pca_goes_by_the_weights_of_columns():
    weights = np.array([100.0, 1.0, 1.0, 1e-3])
    X = np.random.default_rng(0).standard_normal((300, 4))
    model = fitted(X, n=1, feature_weights=weights.tolist(), scale=None, max_iter=1)
    report = model.diagnose(X, trials=False)
    # The best single direction is the column that counts a hundred times.
    without = 0.5 * (weights[1:] * X[:, 1:].var(axis=0)).sum()
    assert report.baselines["PCA, 1 component"] == pytest.approx(without, rel=0.02)


def test_weights_of_rows_count():
    X = np.concatenate([SHEET, sheet(seed=9) + 8])
    weights = np.repeat([1.0, 0.0], 240)
    model = Autoencoder(3, max_iter=100, random_state=0, **SMALL).fit(X, sample_weight=weights)
    report = model.diagnose(X, sample_weight=weights)
    assert report.ok
    assert report.n_rows == 240
    alone = model.diagnose(SHEET)
    assert report.loss == pytest.approx(alone.loss)
    assert report.baselines == pytest.approx(alone.baselines)
    assert not model.diagnose(X, trials=False).ok


@pytest.mark.parametrize(
    ("shape", "n"), [((2000, 200), 2), ((300, 60), 2), ((1500, 40), 1), ((100, 100), 1)]
)
@pytest.mark.parametrize("alpha", [1e-4, 1e4])
def test_where_there_is_nothing_to_learn_nothing_is_said(shape, n, alpha):
    X = np.random.default_rng(1).normal(size=shape)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Autoencoder(n, max_iter=20, random_state=0, alpha=alpha, **SMALL).fit(X)
    if shape[1] > 100:  # PCA of this table gains less than 2 %
        assert not model.diagnose(X).warnings


@pytest.mark.parametrize(
    ("loss", "data", "what"),
    [
        ("absolute_error", np.random.default_rng(0).lognormal(0, 2, (1000, 5)), "column median"),
        ("absolute_error", np.abs(sheet(seed=4)) ** 3, "column median"),
        ("huber", np.abs(sheet(seed=5)) ** 3, "best constant"),
        ("squared_error", sheet(seed=6), "column mean"),
    ],
)
def test_a_constant_output_is_noticed_under_every_loss(loss, data, what):
    model = Autoencoder(4, loss=loss, alpha=1e5, max_iter=60, random_state=0, n_threads=1, **SMALL)
    with pytest.warns(NotLearningWarning, match=f"returning the {what} for every row has"):
        model.fit(data)
    report = model.diagnose(data, budget=2.0)
    assert report.constant == what
    assert report.baselines[what] <= report.baselines["column mean"] * (1 + 1e-12)
    assert f"returns the {what}, whatever it is given" in report.findings[0].message
    assert f"of the {what.split()[1]}'s" in str(report)
    assert report.findings[0].advice.startswith("alpha=0 instead of 100000")


def test_the_best_constant_is_the_best():
    X = np.random.default_rng(3).lognormal(0, 1.5, (200, 3))
    weights = np.random.default_rng(4).uniform(0.1, 3, 200)
    for loss, value in (
        ("absolute_error", lambda d: np.abs(d)),
        ("squared_error", lambda d: d * d / 2),
        ("huber", lambda d: np.where(np.abs(d) < 1, d * d / 2, np.abs(d) - 0.5)),
    ):
        model = fitted(X, n=1, loss=loss, scale=None, max_iter=1, alpha=0.0, **SMALL)
        report = model.diagnose(X, sample_weight=weights, trials=False)

        def of(constant, value=value):
            return np.average(value(X - constant).sum(axis=1), weights=weights)

        grid = np.linspace(X.min(), np.quantile(X, 0.99), 4000)
        best = sum(min(np.average(value(x - c), weights=weights) for c in grid) for x in X.T)
        assert report.baselines[report.constant] == pytest.approx(best, rel=1e-3)
        assert report.baselines["column mean"] == pytest.approx(
            of(np.average(X, axis=0, weights=weights))
        )


@pytest.mark.parametrize(
    "data",
    [np.tile([1.0, 2, 3], (50, 1)), np.full((120, 2), -7.5), np.zeros((30, 6)), np.ones((21, 1))],
)
def test_of_constant_columns_nothing_else_is_said(data):
    report = fitted(data, n=1, max_iter=20).diagnose(data)
    assert names(report) == ["constant_columns"]


@pytest.mark.parametrize(
    ("data", "n"),
    [
        (np.random.default_rng(0).random((500, 6)), 6),
        (GREY, 5),
        (np.random.default_rng(1).beta(2, 5, (300, 4)), 4),
        (np.clip(np.abs(sheet(200, 5, 2)) / 6, 0, 1), 3),
    ],
)
def test_the_floor_of_a_cross_entropy_is_in_the_table(data, n):
    model = fitted(data, n=n, loss="binary_cross_entropy", scale=None, max_iter=100)
    report = model.diagnose(data, trials=False)
    p = np.clip(data, 1e-300, 1 - 1e-16)
    floor = -(p * np.log(p) + (1 - p) * np.log(1 - p)).sum(axis=1).mean()
    assert report.baselines["least possible (the data's entropy)"] == pytest.approx(floor, rel=1e-6)
    assert report.loss >= floor
    assert "least possible" in str(report)


def test_of_zeros_and_ones_there_is_no_floor():
    data = (np.random.default_rng(0).random((200, 5)) < 0.3).astype(float)
    model = fitted(data, n=3, loss="binary_cross_entropy", scale=None)
    assert "least possible" not in str(model.diagnose(data, trials=False))


def test_a_fit_at_the_floor_is_not_said_to_have_learned_nothing():
    # Nearly all of the constant's loss is the data's own entropy.
    random = np.random.default_rng(0)
    z = random.standard_normal((400, 1))
    data = 0.5 + 0.08 * np.tanh(z @ random.standard_normal((1, 6)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Autoencoder(
            1, loss="binary_cross_entropy", scale=None, max_iter=300, random_state=0, n_threads=1
        ).fit(data)
    report = model.diagnose(data)
    assert report.loss > 0.95 * report.baselines["column mean"]
    assert not report.warnings, str(report)


# --- units ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "n", "m"), [(0, 4, 100), (1, 4, 100), (3, 5, 150), (5, 3, 80)])
def test_a_dead_code_unit_is_dead_and_not_one_too_many(seed, n, m):
    data = np.random.default_rng(seed).random((m, n))
    model = fitted(
        data,
        n=n,
        hidden_layer_sizes=(),
        code_activation="relu",
        scale=None,
        solver="sgd",
        learning_rate_init=0.1,
        max_iter=150,
    )
    model.intercepts_[0][1] = -50.0  # as a step that was too large leaves it
    report = model.diagnose(data, trials=False)
    finding = {f.name: f for f in report.findings}["dead_code_units"]
    assert re.search(rf"Code units? (\d, )*1(, \d)* of {n} \(counted from 0\)", finding.message)
    assert "would do as well" not in str(report)


@pytest.mark.parametrize(
    ("data", "beta", "n"), [(BC, 100.0, 4), (WINE, 30.0, 3), (SHEET, 300.0, 4), (IRIS, 100.0, 2)]
)
def test_collapse_is_told_unit_by_unit(data, beta, n):
    model = fitted(data, n=n, cls=VariationalAutoencoder, beta=beta)
    report = model.diagnose(data, trials=False)
    assert "collapsed_units" in names(report)
    assert f"beta={beta:g}: try 1" in report.findings[0].advice
    in_use = int((report.code.information > 0.02).sum())
    assert f"{in_use} of {n} code units carry information about a row (nats: " in str(report)
    mean, log_variance = model.network_.posterior((data - model.shift_) * model.factor_)
    nats = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).mean(axis=0)
    np.testing.assert_allclose(report.code.information, nats, rtol=1e-6)


def test_a_healthy_variational_code_is_no_finding():
    model = fitted(SHEET, n=3, cls=VariationalAutoencoder, max_iter=200)
    report = model.diagnose(SHEET)
    assert report.ok, str(report)
    assert "3 of 3 code units carry information" in str(report)


# --- missing entries -------------------------------------------------------------------------------


def with_missing(data, share=0.3, seed=0):
    return np.where(np.random.default_rng(seed).random(data.shape) < share, np.nan, data)


COPIES = [(IRIS, 8, 0.3), (WINE, 16, 0.2), (sheet(300, 8, 2, seed=2), 12, 0.1), (BC[:200], 40, 0.2)]


@pytest.mark.parametrize(("data", "n", "share"), COPIES)
def test_masked_training_that_has_learned_to_copy(data, n, share):
    holes = with_missing(data, share)
    model = fitted(holes, n=n, missing_values="mask", corruption=None, max_iter=150)
    report = model.diagnose(holes, budget=3.0)
    assert report.loss < 0.05 * report.baselines["column mean"]
    finding = {f.name: f for f in report.findings}["learned_to_copy"]
    f = report.filled_in
    assert f.network > 0.8 * f.column_mean
    assert f"{f.network:.3g}" in finding.message
    assert finding.advice.startswith("corruption='masking' instead of None: the error on hidden")
    assert report.filling_trials.helped[0].loss < 0.9 * f.column_mean
    static = model.diagnose(holes, trials=False)
    assert "corruption='masking'" in {x.name: x for x in static.findings}["learned_to_copy"].advice


@pytest.mark.parametrize(
    ("data", "n"), [(sheet(300, 8, 2, seed=2), 2), (WINE, 2), (BC[:300], 3), (IRIS, 1)]
)
def test_masked_training_that_fills_in_well_is_no_finding(data, n):
    holes = with_missing(data, 0.15)
    model = fitted(holes, n=n, missing_values="mask", corruption="masking", corruption_level=0.2)
    report = model.diagnose(holes)
    assert "learned_to_copy" not in names(report)
    assert report.filled_in.network < 0.9 * report.filled_in.column_mean
    assert "seen entries that were hidden here, the network fills in with" in " ".join(
        str(report).split()
    )


def test_columns_that_say_nothing_about_each_other_cannot_be_filled_in():
    holes = with_missing(np.random.default_rng(0).normal(size=(300, 6)), 0.2)
    model = fitted(holes, n=10, missing_values="mask", max_iter=100)
    assert "learned_to_copy" not in names(model.diagnose(holes))


# --- how training ended -----------------------------------------------------------------------------


def test_a_report_says_by_what_a_fit_was_stopped():
    model = Autoencoder(3, max_iter=60, random_state=0, **SMALL)
    model.fit(SHEET, callbacks=[lambda progress: progress.n_iter == 4])
    assert "training ended because the callback asked for it" in str(model.diagnose(SHEET))

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(SHEET, callbacks=[interrupt])
    report = model.diagnose(SHEET, trials=False)
    assert report.stopped_because == "it was interrupted"
    assert "training ended because it was interrupted" in str(report)
    tol = fitted(SHEET, n=3, tol=10.0, **SMALL)
    assert "training ended because the loss did not improve" in " ".join(
        str(tol.diagnose(SHEET, trials=False)).split()
    )
    assert "training ended" not in str(fitted(SHEET, n=3, **SMALL).diagnose(SHEET))
