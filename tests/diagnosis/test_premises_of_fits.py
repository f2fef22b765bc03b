"""What a report is about: the rows of the fit, their weights and covariates, one setting or two."""

import contextlib
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

import ae_core
from ae_core import (
    Adam,
    Architecture,
    Autoencoder,
    AutoencoderOutlierDetector,
    Network,
    NonFiniteLossError,
    VariationalAutoencoder,
    train,
)
from ae_core.diagnosis.diagnose import diagnose

WINE, BC, DIABETES = load_wine().data, load_breast_cancer().data, load_diabetes().data
SMALL = {"hidden_layer_sizes": (24,)}


def factors(m=300, n=8, k=3, seed=5, noise=0.2):
    """Rows near a plane of so many dimensions."""
    random = np.random.default_rng(seed)
    t = random.normal(size=(m, k))
    return t @ random.normal(size=(k, n)) + noise * random.normal(size=(m, n))


X = factors()


def fitted(data, n=3, cls=Autoencoder, *, given=None, **settings):
    settings = {"max_iter": 60, "random_state": 3, "n_threads": 1, **SMALL, **settings}
    model = cls(n, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.suppress(NonFiniteLossError):
            model.fit(data, **(given or {}))
    return model


def names(report):
    return [finding.name for finding in report.findings]


def finding(report, name):
    return {f.name: f for f in report.findings}[name]


# --- other rows than those of the fit --------------------------------------------------------------

OTHER = {
    "columns in another order": lambda X: X[:, np.random.default_rng(1).permutation(X.shape[1])],
    "another unit": lambda X: X * 100,
    "another origin": lambda X: X + 50,
    "one column in grams": lambda X: X * np.r_[1000, np.ones(X.shape[1] - 1)],
    "other numbers": lambda X: factors(len(X), X.shape[1], 3, seed=77) * 3,
}


@pytest.mark.parametrize("change", OTHER.values(), ids=OTHER)
@pytest.mark.parametrize("data", [X, WINE, BC], ids=["factors", "wine", "cancer"])
def test_rows_that_are_not_those_of_the_fit(data, change):
    report = fitted(data).diagnose(change(data), trials=False)
    first = report.findings[0]
    assert first.name == "other_data", str(report)
    assert "is this the data that it was fitted to?" in first.advice
    # What such rows make of the network says nothing of its settings.
    assert not {"worse_than_mean", "worse_than_pca", "badly_scaled_columns"} & set(names(report))


@pytest.mark.parametrize("change", [OTHER["another unit"], OTHER["another origin"]])
def test_a_detector_of_other_rows_is_not_said_to_have_learned_nothing(change):
    model = AutoencoderOutlierDetector(random_state=0, n_threads=1).fit(X)
    first = model.diagnose(change(X)).findings[0]
    assert first.message.startswith("The networks do not know rows like these")
    assert "is this the data that it was fitted to?" in first.advice
    assert "0 epochs" not in first.advice


@pytest.mark.parametrize("change", [OTHER["another unit"], OTHER["another origin"]])
def test_rows_beyond_the_range_that_was_scaled(change):
    model = fitted(X, scale="minmax")
    first = model.diagnose(change(X), trials=False).findings[0]
    assert "which went from 0 to 1 when scaled, goes from" in first.message
    assert "other_data" not in names(model.diagnose(X, trials=False))


def test_what_is_not_as_it_was_is_named():
    frame = pd.DataFrame(WINE, columns=load_wine().feature_names)
    other = frame.assign(proline=frame["proline"] + 9e4)
    message = finding(fitted(frame).diagnose(other, trials=False), "other_data").message
    assert "column 'proline' was 0 when scaled, and lies" in message


SAME = {
    "the same": lambda X: X,
    "in another order": lambda X: X[np.random.default_rng(0).permutation(len(X))],
    "a part": lambda X: X[::3],
    "a few": lambda X: X[:5],
    "one": lambda X: X[:1],
    "a little warmer": lambda X: X + 0.1 * X.std(axis=0),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
@pytest.mark.parametrize("data", [X, WINE], ids=["factors", "wine"])
def test_rows_of_the_same_kind_are_no_other_data(data, change):
    assert "other_data" not in names(fitted(data).diagnose(change(data), trials=False))


@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate_init": 3.0},
        {"corruption": "masking", "corruption_level": 0.97},
        {"learning_rate_init": 1e-6},
        {"alpha": 1e3},
        {"solver": "sgd", "learning_rate_init": 0.3},
        {"max_iter": 1},
    ],
    ids=str,
)
def test_a_poor_fit_is_not_said_to_be_of_other_data(settings):
    report = fitted(WINE, **settings).diagnose(WINE, trials=False)
    assert report.findings
    assert "other_data" not in names(report)


def test_a_fit_that_ended_by_chance_is_not_asked_for_its_data():
    model = fitted(X, max_iter=80)
    report = model.diagnose(X, trials=False)
    assert report.ok
    # As if it had ended in a worse place: its curve says that it was fitted to these rows.
    model.network_.weights["W3"][...] = 0
    model.network_.weights["W4"][...] *= 0.1
    poor = model.diagnose(X, trials=False).loss
    model.history_.loss_curve[-30:] = [poor] * 30
    advice = model.diagnose(X, budget=1.0).findings[0].advice
    assert "is this the data" not in advice
    assert advice.endswith("fit again with another random_state.")


# --- a few values, rows or weights that everything goes by -----------------------------------------


def with_far(data, column, value, rows=(7,)):
    data = data.copy()
    data[list(rows), column] = value
    return data


@pytest.mark.parametrize(
    ("data", "column", "value"),
    [(X, 2, 1e6), (WINE, 0, 1e9), (BC, 3, -1e8), (X, 7, 1e4)],
    ids=["factors", "wine", "cancer", "nearer"],
)
@pytest.mark.parametrize("scale", ["standard", None])
def test_one_value_that_scales_a_column_is_named(data, column, value, scale):
    data = with_far(data if scale else (data - data.mean(0)) / data.std(0), column, value)
    report = fitted(data, scale=scale).diagnose(data, trials=False)
    far = finding(report, "heavy_outliers")
    assert f"column '{column}'" in far.message
    assert "all others are nearly equal" in far.message
    # Scaling by that value is no help.
    assert "badly_scaled_columns" not in names(report)


def test_a_far_value_that_the_fit_had_not_is_named_as_such():
    report = fitted(X).diagnose(with_far(X, 2, 1e6), trials=False)
    assert "other_data" not in names(report)
    assert "column '2'" in finding(report, "heavy_outliers").message


@pytest.mark.parametrize("loss", ["huber", "absolute_error"])
def test_a_robust_loss_is_not_told_to_be_one(loss):
    data = X.copy()
    data[:3] = 1e3
    far = finding(fitted(data, loss=loss).diagnose(data, trials=False), "heavy_outliers")
    assert far.message.endswith("columns are scaled by them.")
    assert "huber" not in far.advice


@pytest.mark.parametrize("seed", [0, 1])
def test_a_code_is_not_too_long_because_of_one_row(seed):
    data = np.vstack([factors(seed=seed), np.full((1, 8), 1e4)])
    report = fitted(data).diagnose(data, trials=False)
    assert names(report) == ["heavy_outliers"]
    assert "The farthest 3 rows of 301" in report.findings[0].message


@pytest.mark.parametrize("heavy", [1e6, 1e4])
@pytest.mark.parametrize("data", [X, WINE], ids=["factors", "wine"])
def test_weights_that_a_few_rows_have(data, heavy):
    weights = np.r_[heavy, np.ones(len(data) - 1)]
    model = fitted(data, given={"sample_weight": weights})
    report = model.diagnose(data, sample_weight=weights, trials=False)
    assert "of all sample_weight" in finding(report, "concentrated_weights").message


@pytest.mark.parametrize("make", [lambda r, m: r.random(m), lambda r, m: r.integers(0, 2, m)])
def test_usual_weights_of_rows_are_no_finding(make):
    weights = make(np.random.default_rng(0), len(X)).astype(float)
    model = fitted(X, given={"sample_weight": weights}, max_iter=100)
    assert model.diagnose(X, sample_weight=weights).ok


@pytest.mark.parametrize("weight", [1e3, 1e5])
def test_a_column_that_is_given_a_weight_is_not_badly_scaled(weight):
    weights = [weight] + [1.0] * 7
    model = fitted(X, feature_weights=weights, max_iter=100)
    assert "badly_scaled_columns" not in names(model.diagnose(X, trials=False))


@pytest.mark.parametrize("loss", ["poisson", "negative_binomial", "multinomial"])
def test_counts_are_not_told_to_be_scaled(loss):
    random = np.random.default_rng(0)
    counts = random.poisson(np.exp(0.5 * X) * np.r_[300.0, 200.0, np.ones(6)]).astype(float)
    report = fitted(counts, loss=loss).diagnose(counts, trials=False)
    assert "scale='standard'" not in str(report)


# --- two settings at once --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "data", "first", "second"),
    [
        ({"alpha": 1e3, "dropout": 0.9, "hidden_layer_sizes": "auto"}, BC, "alpha=0", "dropout=0"),
        (
            {"output_activation": "relu", "learning_rate_init": 1e-6},
            WINE,
            "learning_rate_init=",
            "output_activation=None",
        ),
        ({"alpha": 1e3, "output_activation": "relu"}, X, "alpha=0", "output_activation=None"),
        ({"code_l1": 100.0, "k_sparse": 1}, DIABETES, "code_l1=0", "k_sparse=None"),
    ],
    ids=["penalty and dropout", "output and rate", "penalty and output", "two of the code"],
)
def test_two_settings_that_are_wrong_at_once(settings, data, first, second):
    report = fitted(data, n=4, **settings).diagnose(data)
    advice = report.findings[0].advice
    trials = report.trials
    both = trials.helped_together
    assert both is not None, str(report)
    assert first in advice
    assert second in advice
    assert both.label == f"with {second} as well" or both.label.startswith("the defaults of")
    assert both.loss < trials.helped[0].loss
    assert both.label in str(report)
    assert both.label in report._repr_html_()
    assert report.to_dict()["trials"]["together"]


@pytest.mark.parametrize(("name", "value"), [("alpha", 1e3), ("learning_rate_init", 1e-6)])
def test_of_one_setting_no_second_is_named(name, value):
    trials = fitted(X, **{name: value}).diagnose(X).trials
    assert trials.helped[0].settings.keys() == {name}
    assert trials.helped_together is None
    assert " as well" not in trials.advice


@pytest.mark.parametrize("data", [DIABETES, WINE], ids=["diabetes", "wine"])
def test_an_output_that_cannot_reach_the_data_is_told_what_helps(data):
    # Such a fit is hardly worse than PCA, but would be better than it.
    report = fitted(data, n=4, output_activation="tanh", max_iter=100).diagnose(data)
    first = report.findings[0]
    assert first.name == "bounded_output"
    assert first.advice.startswith("output_activation=None instead of 'tanh': the loss fell from")


# --- covariates ------------------------------------------------------------------------------------


def batches(m=300, seed=0, strong=3.0):
    """Rows of four batches, and these with an age that says nothing."""
    random = np.random.default_rng(seed)
    batch = random.integers(0, 4, m)
    data = factors(m, 9, 3, seed=seed + 1) + strong * random.normal(size=(4, 9))[batch]
    names = np.array(list("abcd"))[batch]
    return data, pd.DataFrame({"batch": pd.Categorical(names), "age": random.normal(50, 10, m)})


Y, C = batches()
FORMS = {
    "frame": C,
    "array": pd.get_dummies(C).to_numpy(float),
    "series": C["batch"],
}


@pytest.mark.parametrize("covariates", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("strong", [0.0, 3.0])
def test_a_healthy_fit_with_covariates_has_no_finding(covariates, strong):
    data, _ = batches(strong=strong)
    given = {"covariates": covariates}
    report = fitted(data, given=given, max_iter=150).diagnose(data, **given)
    assert report.ok, str(report)
    with_covariates = report.baselines["linear in the covariates"]
    assert report.baselines["PCA, 3 components, beside the covariates"] < with_covariates
    assert with_covariates <= report.baselines["column mean"]


def test_what_is_linear_in_covariates_by_hand():
    batch = FORMS["array"][:, 1:]  # the four batches
    report = fitted(Y, given={"covariates": batch}).diagnose(Y, covariates=batch, trials=False)
    Z = (Y - Y.mean(0)) / Y.std(0)
    means = batch @ np.linalg.lstsq(batch, Z, rcond=None)[0]
    left = Z - means
    values = np.linalg.svd(left, compute_uv=False) ** 2
    assert report.baselines["linear in the covariates"] == pytest.approx(
        (left**2).sum() / 2 / len(Y)
    )
    assert report.baselines["PCA, 3 components, beside the covariates"] == pytest.approx(
        values[3:].sum() / 2 / len(Y)
    )


@pytest.mark.parametrize(
    ("name", "value", "cls"),
    [
        ("alpha", 1e3, Autoencoder),
        ("dropout", 0.95, Autoencoder),
        ("learning_rate_init", 1e-6, Autoencoder),
        ("code_l1", 100.0, Autoencoder),
        ("beta", 1e3, VariationalAutoencoder),
    ],
)
def test_the_setting_that_spoils_a_fit_with_covariates_is_named(name, value, cls):
    given = {"covariates": C}
    model = fitted(Y, cls=cls, given=given, max_iter=100, **{name: value})
    report = model.diagnose(Y, **given)
    assert report.findings[0].advice.startswith(f"{name}="), str(report)
    # A trial is given the covariates of its rows.
    assert report.trials.loss == pytest.approx(report.loss, rel=0.05)
    assert report.trials.references.table() == pytest.approx(report.baselines, rel=0.02)


def test_a_network_that_returns_what_covariates_say_is_told_so():
    given = {"covariates": C}
    report = fitted(Y, given=given, dropout=0.95, max_iter=100).diagnose(Y, **given)
    assert finding(report, "column_mean").message.startswith(
        "The network returns what the covariates alone say, whatever the row is"
    )


def test_a_healthy_variational_fit_with_covariates_has_no_finding():
    given = {"covariates": C}
    model = fitted(Y, cls=VariationalAutoencoder, given=given, max_iter=200)
    assert model.diagnose(Y, **given).ok


def test_weights_and_stored_models_with_covariates(tmp_path):
    weights = np.random.default_rng(0).random(len(Y))
    given = {"covariates": C, "sample_weight": weights}
    model = fitted(Y, given=given, alpha=1e3)
    model.save(tmp_path / "model")
    report = ae_core.load(tmp_path / "model").diagnose(Y, **given, budget=2.0)
    assert report.findings[0].advice.startswith("alpha=0 instead of 1000")


def test_sparse_rows_and_missing_entries_with_covariates():
    sparse = scipy.sparse.csr_array(np.where(Y > 1, Y, 0))
    missing = np.where(np.random.default_rng(5).random(Y.shape) < 0.2, np.nan, Y)
    given = {"covariates": C}
    assert fitted(sparse, given=given, max_iter=150).diagnose(sparse, **given).ok
    model = fitted(missing, given=given, missing_values="mask", max_iter=150)
    report = model.diagnose(missing, **given)
    assert report.ok
    assert report.filled_in.network < report.filled_in.column_mean


@pytest.mark.parametrize("loss", ["poisson", "negative_binomial"])
def test_counts_with_covariates(loss):
    counts = np.random.default_rng(3).poisson(np.exp(0.3 * Y)).astype(float)
    given = {"covariates": C}
    model = fitted(counts, given=given, loss=loss, alpha=1e5)
    report = model.diagnose(counts, **given, budget=2.0)
    assert report.findings[0].advice.startswith("alpha=0 instead of 100000")


def test_covariates_are_asked_for():
    model = fitted(Y, given={"covariates": C}, max_iter=1)
    with pytest.raises(ValueError, match="covariates=None: the model was fitted with 2 columns"):
        model.diagnose(Y)


def test_a_network_with_covariates_of_its_own_rows():
    rows = np.c_[(Y - Y.mean(0)) / Y.std(0), FORMS["array"][:, 1:]]
    shape = Architecture.symmetrical((9, 24, 3), activation="elu", n_covariates=4)
    network = Network(shape, random_state=0)
    history = train(network, rows, solver=Adam(1e-2), max_iter=300, random_state=0)
    report = diagnose(network, rows, history=history)
    assert report.ok, str(report)
    with pytest.raises(ValueError, match="9 features and 4 covariates"):
        diagnose(network, rows[:, :9])


@pytest.mark.parametrize("max_iter", [20, 12])
def test_a_fit_that_is_only_just_poor_is_poor_again(max_iter):
    # Of fewer rows a trial falls short of PCA by 9.9 % where the fit, of 20 epochs, did by 10.1 %.
    random = np.random.default_rng(4700)
    t = random.standard_normal((810, 2))
    A, B = random.standard_normal((2, 2, 11))
    data = np.tanh(t @ A) + t @ B + 0.05 * random.standard_normal((810, 11))
    settings = {"hidden_layer_sizes": "auto", "random_state": 47, "batch_size": 810}
    report = fitted(data, max_iter=max_iter, **settings).diagnose(data)
    assert report.trials.is_reproduced
    assert report.findings[0].advice.startswith("batch_size='auto' instead of 810")
