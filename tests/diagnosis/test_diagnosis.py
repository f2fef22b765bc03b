"""Diagnosis: every finding on a case planted for it, and none on healthy fits."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from ae_core import SGD, Adam, Architecture, History, Network, reference, train
from ae_core.data.rows import Rows
from ae_core.diagnosis.baselines import principal_components
from ae_core.diagnosis.diagnose import CHECKS, diagnose
from ae_core.diagnosis.findings import not_learning
from ae_core.diagnosis.measures import reach
from ae_core.diagnosis.reconstruction import evenly
from ae_core.diagnosis.units import CHUNK_ROWS
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.losses import LOSSES

TWO_ROWS = np.array([[0.37853141, 1.0], [0.59747807, 1.0]])  # of examples/column_mean.py


def curve_of_rows(n_rows=300, n_columns=6, seed=0):
    """Standardised rows near a two-dimensional sheet in n_columns dimensions."""
    random = np.random.default_rng(seed)
    t = random.standard_normal((n_rows, 2))
    X = np.tanh(t @ random.standard_normal((2, n_columns))) + t @ random.standard_normal(
        (2, n_columns)
    )
    X += 0.05 * random.standard_normal(X.shape)
    return (X - X.mean(axis=0)) / X.std(axis=0)


def sheet_network(
    network_class=Network, activation="tanh", hidden=12, n_code=2, seed=0, n_columns=6, **kwargs
):
    kwargs.setdefault("code_activation", "identity")
    architecture = Architecture.symmetrical(
        (n_columns, hidden, n_code), activation=activation, **kwargs
    )
    return network_class(architecture, random_state=seed)


def fit(network, X, rate=0.01, max_iter=100, schedule="cosine", X_val=None, batch_size=32, **extra):
    """Train; the history, and the settings as an estimator would hand them on."""
    batch_size = None if batch_size is None else min(batch_size, len(X))
    history = train(
        network,
        X,
        solver=extra.get("solver", Adam(rate)),
        learning_rate=schedule,
        batch_size=batch_size,
        max_iter=max_iter,
        random_state=0,
        X_val=X_val,
    )
    told = {
        "learning_rate_init": rate,
        "learning_rate": schedule,
        "max_iter": max_iter,
        "solver": "adam" if "solver" not in extra else "sgd",
    }
    return {"history": history, "settings": told, "X_val": X_val}


def found(report):
    return {finding.name: finding for finding in report.findings}


def words(report, name):
    """Message and advice of one finding, which has to be there."""
    by_name = found(report)
    assert name in by_name, f"{name} not among {sorted(by_name)}:\n{report}"
    check_presentable(report)
    return by_name[name].message + " " + by_name[name].advice


def check_presentable(report):
    """Text, dict and HTML hold together."""
    text = str(report)
    assert all(len(line) < 100 for line in text.splitlines()), text
    assert not re.search(r"\b(nan|inf)\b", text), text
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["ok"] == report.ok
    html = report._repr_html_()
    assert not re.search(r"\b(nan|inf)\b", html)
    assert "<script" not in html
    assert WellFormed().is_closed(html)
    for finding in report.findings:
        assert finding.severity in ("warning", "note")
        assert finding.name in text
        assert finding.message.endswith(".")
        assert finding.advice.endswith(".")


class WellFormed(HTMLParser):
    def is_closed(self, html):
        self.open = []
        self.feed(html)
        return not self.open

    def handle_starttag(self, tag, attributes):
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


# --- planted: training ---------------------------------------------------------------------------


def test_the_column_mean_of_the_question(network_class):
    # The right derivative, and a rate a thousand times too small: examples/column_mean.py, part 3.
    architecture = Architecture((2, 1, 2, 2), "logistic", biases=False)
    network = network_class(
        architecture, initialization="uniform", random_state=np.random.RandomState(0)
    )
    history = train(network, TWO_ROWS, solver=SGD(0.001), max_iter=4000)
    told = {"learning_rate_init": 0.001, "solver": "sgd"}
    text = words(diagnose(network, TWO_ROWS, history=history, settings=told), "column_mean")
    assert "returns the column mean, whatever it is given" in text
    assert "The code does vary" in text
    assert "learning_rate_init=0.001: try 0.1" in text


def test_a_far_too_small_rate_is_the_column_mean_and_still_falling(network_class):
    architecture = Architecture((2, 1, 2, 2), "logistic", biases=False)
    network = network_class(
        architecture, initialization="uniform", random_state=np.random.RandomState(0)
    )
    history = train(network, TWO_ROWS, solver=SGD(1e-6), max_iter=2000)
    told = {"learning_rate_init": 1e-6, "solver": "adam", "learning_rate": "constant"}
    report = diagnose(network, TWO_ROWS, history=history, settings=told)
    assert "not even the column mean" in words(report, "column_mean")
    assert "learning_rate_init=1e-06: try 0.001" in words(report, "still_falling")


def test_a_code_that_does_not_vary_is_told_from_one_that_is_ignored():
    X = curve_of_rows()
    for layer, sentence in (("W1", "code hardly varies either"), ("W4", "code does vary")):
        network = sheet_network()
        network.weights[layer][...] = 0
        assert sentence in words(diagnose(network, X), "column_mean")


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
def test_steps_too_small_to_arrive(network_class, schedule):
    X = curve_of_rows()
    network = sheet_network(network_class)
    text = words(diagnose(network, X, **fit(network, X, 1e-5, 100, schedule)), "still_falling")
    assert "the steps are too small to arrive" in text
    assert "learning_rate_init=1e-05: try 0.001" in text


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_too_few_epochs(network_class, solver):
    X = curve_of_rows()
    network = sheet_network(network_class)
    if solver == "adam":
        report = diagnose(network, X, **fit(network, X, 0.003, 12, "constant"))
    else:
        history = train(network, X, solver="lbfgs", max_iter=12)
        told = {"solver": solver, "max_iter": 12, "learning_rate_init": 0.003}
        report = diagnose(network, X, history=history, settings=told)
    text = words(report, "still_falling")
    assert "max_iter=12: try 60" in text
    assert ("Or learning_rate_init=0.009" in text) == (solver == "adam")


def test_untrained_is_worse_than_the_mean(network_class):
    X = curve_of_rows()
    network = sheet_network(network_class)
    network.params *= 2
    report = diagnose(network, X, settings={"solver": "lbfgs"})
    assert set(found(report)) == {"worse_than_mean"}
    text = words(report, "worse_than_mean")
    assert "returning the column mean" in text
    assert "more iterations" in text


def test_worse_than_pca(network_class):
    X = curve_of_rows(n_columns=8)
    network = sheet_network(
        network_class, hidden=1, n_code=3, n_columns=8
    )  # a neck before the code
    report = diagnose(network, X, **fit(network, X))
    text = words(report, "worse_than_pca")
    assert "PCA with 3 components" in text
    assert found(report)["worse_than_pca"].severity == "note"
    assert report.warnings == ()


def test_oscillating(network_class):
    X = curve_of_rows()
    network = sheet_network(network_class, activation="elu")
    told = fit(network, X, 0.2, 60, "constant", batch_size=None, solver=SGD(0.2))
    text = words(diagnose(network, X, **told), "oscillating")
    assert "learning_rate_init=0.2: try 0.02" in text


def test_steps_so_large_that_all_units_die():
    X = curve_of_rows()
    network = sheet_network(activation="relu")
    report = diagnose(network, X, **fit(network, X, 1.0, 60, "constant"))
    assert "learning_rate_init=1: try 0.1" in words(report, "column_mean")
    assert re.search(r"of 12 units in layer \d \(relu\)", words(report, "dead_units"))


def test_oscillating_by_the_curve_alone():
    X = curve_of_rows()
    network = sheet_network()
    fit(network, X)
    jumpy = History(loss_curve=[3.0, 2.0] + [1.0, 1.2] * 10)
    assert "it rose, by 20 % or so" in words(diagnose(network, X, history=jumpy), "oscillating")


def test_small_rises_are_shuffling():
    X = curve_of_rows()
    network = sheet_network()
    fit(network, X)
    assert diagnose(network, X, history=History(loss_curve=[3.0, 2.5] + [2.0, 2.09] * 10)).ok


@pytest.mark.parametrize(("end", "is_found"), [(1.2, False), (1.4, True)])
def test_overfitting_by_the_curves_alone(end, is_found):
    X = curve_of_rows()
    network = sheet_network()
    fit(network, X)
    training = [3.0, 2.0, 1.0, *np.linspace(0.9, 0.8, 17).tolist()]
    validation = [3.0, 2.0, 1.0, *np.linspace(1.0, end, 17).tolist()]
    report = diagnose(network, X, history=History(training, validation))
    assert ("overfitting" in found(report)) == is_found


def test_diverged(network_class):
    X = curve_of_rows()
    network = sheet_network(network_class, activation="tanh", code_activation="tanh")
    first = fit(network, X, 0.01, 20)["history"].loss_curve
    second = fit(network, X, 3.0, 20, "constant")
    second["history"].loss_curve = first + second["history"].loss_curve
    text = words(diagnose(network, X, **second), "diverged")
    assert "of 40" in text
    assert "learning_rate_init=3: try 0.3" in text


@pytest.mark.parametrize("size", [np.inf, np.nan, 1e30])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parameters_beyond_all_numbers(size, dtype):
    X = curve_of_rows().astype(dtype)
    network = Network(sheet_network().architecture, dtype=dtype, random_state=0)
    network.params[...] = size
    report = diagnose(network, X, history=History(loss_curve=[1.0, 2.0, np.nan]))
    assert "not a finite number in epoch 3" in words(report, "diverged")
    check_presentable(diagnose(network, X))


def test_overfitting(network_class):
    X = curve_of_rows(n_rows=120, n_columns=10, seed=3)
    X = X + 0.7 * np.random.default_rng(0).standard_normal(X.shape)
    network = sheet_network(network_class, hidden=60, n_code=2, n_columns=10)
    told = fit(network, X[:20], 0.01, 300, "constant", X_val=X[20:])
    text = words(diagnose(network, X[:20], **told), "overfitting")
    assert "early_stopping=True" in text
    least = int(np.argmin(told["history"].validation_loss_curve)) + 1
    assert f"least in epoch {least} of 300" in text
    # A fit that gave back the parameters of the best epoch is not blamed for what came after.
    best = sheet_network(network_class, hidden=60, n_code=2, n_columns=10)
    fit(best, X[:20], 0.01, least, "constant")
    assert "overfitting" not in found(diagnose(best, X[:20], **told))


# --- planted: units ------------------------------------------------------------------------------


def test_dead_units_are_found_in_their_layer(network_class):
    X = curve_of_rows()
    network = sheet_network(network_class, activation="relu")
    fit(network, X)
    network.weights["b3"][...] = -100
    report = diagnose(network, X)
    assert "12 of 12 units in layer 3 (relu)" in words(report, "dead_units")
    assert "layer 1" not in words(report, "dead_units")
    assert [layer.dead for layer in report.layers] == [report.layers[0].dead, 0, 12, 0]
    assert report.layers[0].dead < 6


@pytest.mark.parametrize("activation", ["elu", "selu", "softplus"])
def test_units_stuck_at_their_lower_bound_are_dead(activation):
    X = curve_of_rows()
    network = sheet_network(activation=activation)
    network.weights["b1"][:8] = -100
    assert f"8 of 12 units in layer 1 ({activation})" in words(diagnose(network, X), "dead_units")


def test_units_without_variance_are_dead():
    X = curve_of_rows()
    network = sheet_network(activation="leaky_relu")
    network.weights["W1"][:, :7] = 0
    network.weights["b1"][:7] = 0.3
    assert "7 of 12 units in layer 1" in words(diagnose(network, X), "dead_units")


@pytest.mark.parametrize("activation", ["logistic", "tanh", "softsign"])
def test_saturated_units_are_found_in_their_layer(network_class, activation):
    X = curve_of_rows()
    network = sheet_network(network_class, activation=activation)
    fit(network, X)
    network.weights["W1"][...] *= 1000
    network.weights["b1"][...] *= 1000
    text = words(diagnose(network, X), "saturated_units")
    assert re.search(rf"\d+ of 12 units in layer 1 \({activation}\)", text)
    assert "layer 3" not in text


def test_a_saturated_code_is_named_as_the_code():
    X = curve_of_rows()
    network = sheet_network(code_activation="tanh")
    network.weights["b2"][...] = 50
    report = diagnose(network, X)
    assert "2 of 2 units in layer 2 (the code, tanh)" in words(report, "saturated_units")


def test_idle_code_units(network_class):
    X = curve_of_rows()
    network = sheet_network(network_class, n_code=6)
    fit(network, X)
    assert "idle_code_units" not in found(diagnose(network, X))
    network = sheet_network(network_class, n_code=6)
    network.weights["W3"][[1, 4]] = 0
    architecture = network.architecture
    # Not trained further at those units: what they would say never reaches the decoder.
    for _ in range(30):
        train(network, X, solver=Adam(0.01), batch_size=32, max_iter=3, random_state=0)
        architecture.views(network.params)["W3"][[1, 4]] = 0
    report = diagnose(network, X)
    text = words(report, "idle_code_units")
    assert "Code units 1, 4 of 6 (counted from 0) carry nothing" in text
    assert "n_components=4 would do" in text
    assert np.abs(report.code.share[[1, 4]]).max() < 1e-6
    assert report.code.share[[0, 2, 3, 5]].min() > 0.01


def test_a_code_unit_that_repeats_another(network_class):
    X = curve_of_rows()
    network = sheet_network(network_class, n_code=3)
    network.weights["W2"][:, 2] = -network.weights["W2"][:, 0]
    network.weights["W3"][2] = -network.weights["W3"][0]
    text = words(diagnose(network, X, **fit(network, X)), "idle_code_units")
    assert "repeat each other (correlation): 0 and 2 (-1.0000)" in text
    assert "n_components=2 would do" in text


# --- planted: data -------------------------------------------------------------------------------


def test_constant_columns():
    X = curve_of_rows()
    X[:, 3] = 0  # as a scaled constant is
    raw = X * 7 + 20
    network = sheet_network()
    told = fit(network, X)
    names = ["a", "b", "c", "unit_price", "e", "f"]
    report = diagnose(network, X, raw=raw, feature_names=names, **told)
    assert set(found(report)) == {"constant_columns"}
    text = words(report, "constant_columns")
    assert "Column 'unit_price' has the same value in every row, always 20:" in text
    assert np.isnan(report.explained[3])
    assert report.to_dict()["explained"][3] is None
    assert "Column '3'" in words(diagnose(network, X, **told), "constant_columns")


def test_pixels_that_are_never_lit_are_no_fault():
    X = np.random.default_rng(0).integers(0, 5, (100, 6)) / 4.0
    X[:, [0, 5]] = 0
    network = sheet_network()
    assert "constant_columns" not in found(diagnose(network, X))
    X[:, 5] = 0.7
    assert "Column '5'" in words(diagnose(network, X), "constant_columns")


def test_badly_scaled_columns():
    X = curve_of_rows()
    X[:, 2] *= 1e4
    network = sheet_network()
    names = ["a", "b", "salary", "d", "e", "f"]
    text = words(diagnose(network, X, feature_names=names), "badly_scaled_columns")
    assert "Column 'salary' has up to 1e+08 times the variance" in text
    assert "scale='standard'" in text
    # What the user has it in does not matter, only what the network sees.
    assert "badly_scaled_columns" not in found(diagnose(network, curve_of_rows(), raw=X))


def test_columns_far_from_zero():
    X = curve_of_rows()
    X[:, 4] += 2000
    text = words(diagnose(sheet_network(), X), "badly_scaled_columns")
    assert "Column '4' lies up to 2000 standard deviations away from zero" in text


def test_heavy_outliers():
    X = curve_of_rows()
    X[17] *= 100
    text = words(diagnose(sheet_network(), X), "heavy_outliers")
    assert "farthest 3 rows of 300" in text


@pytest.mark.parametrize(
    ("activation", "ends"),
    [("logistic", "[0, 1]"), ("tanh", "[-1, 1]"), ("relu", "[0, ∞)"), ("elu", "[-1, ∞)")],
)
def test_an_output_that_cannot_reach_the_data(network_class, activation, ends):
    X = curve_of_rows()
    X[5, 1] = -9
    network = sheet_network(network_class, output_activation=activation)
    text = words(diagnose(network, X, **fit(network, X)), "bounded_output")
    assert f"output_activation='{activation}'" in text
    assert ends in text
    assert "column '1' (-9 to " in text


def test_reach_of_every_activation():
    z = np.linspace(-50, 50, 201)
    for name, activation in ACTIVATIONS.items():
        low, high = reach(name)
        a = activation.function(z)
        assert low <= a.min()
        assert a.max() <= high
        assert np.isinf(low) or a.min() - low < 0.03
        assert np.isinf(high) or high - a.max() < 0.03


# --- healthy -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def healthy_data():
    datasets = pytest.importorskip("sklearn.datasets")

    def standardised(X):
        return (X - X.mean(axis=0)) / X.std(axis=0)

    return {
        "digits": datasets.load_digits().data / 16,
        "wine": standardised(datasets.load_wine().data),
        "breast_cancer": standardised(datasets.load_breast_cancer().data),
        "iris": standardised(datasets.load_iris().data),
    }


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize(("schedule", "rate"), [("cosine", 0.01), ("constant", 0.003)])
@pytest.mark.parametrize(
    ("name", "sizes", "max_iter"),
    [
        ("digits", (64, 32, 8), 200),
        ("wine", (13, 8, 3), 150),
        ("breast_cancer", (30, 24, 6), 150),
        ("iris", (4, 8, 2), 300),
    ],
)
def test_healthy_fits_give_no_finding(
    healthy_data, name, sizes, max_iter, schedule, rate, validated
):
    for seed in range(1 if name == "digits" else 3):
        rows = np.random.default_rng(seed).permutation(len(healthy_data[name]))
        n_val = len(rows) // 5 if validated else 0
        X, X_val = healthy_data[name][rows[n_val:]], healthy_data[name][rows[:n_val]]
        output = "logistic" if name == "digits" else "identity"
        network = Network(
            Architecture.symmetrical(
                sizes, activation="tanh", code_activation="identity", output_activation=output
            ),
            random_state=seed,
        )
        told = fit(network, X, rate, max_iter, schedule, X_val=X_val if validated else None)
        report = diagnose(network, X, **told)
        assert report.ok, f"seed {seed}\n{report}"
        check_presentable(report)
        del told["settings"]  # the curve alone has to do, too
        assert diagnose(network, X, **told).ok


@pytest.mark.parametrize("loss", list(LOSSES))
def test_healthy_in_every_loss_and_twin(network_class, loss):
    X = curve_of_rows()
    if LOSSES[loss].from_logits:
        X = (X - X.min(axis=0)) / (X.max(axis=0) - X.min(axis=0))
    if LOSSES[loss].from_logits == "exp":
        X = 1 + 9 * X  # as large as counts are
    network = sheet_network(network_class, loss=loss)
    report = diagnose(network, X, **fit(network, X, 0.01, 200))
    assert report.ok, report
    assert report.loss == pytest.approx(network.loss(X), rel=1e-9)
    assert report.loss < report.baselines["PCA, 2 components"] < report.baselines["column mean"]
    assert "nothing found" in str(report)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_healthy_with_every_activation(activation):
    X = curve_of_rows()
    network = sheet_network(activation=activation)
    history = train(network, X, solver=Adam(0.01), batch_size=32, max_iter=200, random_state=0,
                    learning_rate="cosine")  # fmt: skip
    report = diagnose(network, X, history=history)
    assert report.ok, report


def test_a_constant_column_in_a_single_row_is_no_constant():
    network = sheet_network()
    assert diagnose(network, curve_of_rows()[:1]).ok


# --- the numbers of the report -------------------------------------------------------------------


def test_baselines_and_explained_by_hand(network_class):
    X = curve_of_rows()
    network = sheet_network(network_class)
    fit(network, X)
    report = diagnose(network, X, n_components=3)
    assert report.baselines["column mean"] == pytest.approx(X.var(axis=0).sum() / 2)
    s = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    assert report.baselines["PCA, 3 components"] == pytest.approx((s[3:] ** 2).sum() / 2 / len(X))
    residual = X - network.forward(X)
    np.testing.assert_allclose(report.explained, 1 - residual.var(axis=0) / X.var(axis=0))
    np.testing.assert_allclose(
        report.code.standard_deviation, network.encode(X).std(axis=0), rtol=1e-6
    )


def test_the_penalty_is_left_out_of_the_comparison():
    X = curve_of_rows()
    plain = sheet_network()
    told = fit(plain, X)
    architecture = Architecture.from_json(
        json.dumps({**json.loads(plain.architecture.to_json()), "alpha": 1e6})
    )
    punished = Network(architecture, plain.params)
    assert diagnose(punished, X, **told).loss == diagnose(plain, X, **told).loss


def test_the_share_of_a_code_unit_by_hand():
    X = curve_of_rows()
    network = sheet_network()
    fit(network, X)
    report = diagnose(network, X)
    code = network.encode(X)
    code[:, 1] = code[:, 1].mean()
    without = 0.5 * ((network.decode(code) - X) ** 2).sum(axis=1).mean()
    gain = report.baselines["column mean"] - report.loss
    assert report.code.share[1] == pytest.approx((without - report.loss) / gain)


def test_longer_tables_are_seen_evenly(network_class):
    X = curve_of_rows(n_rows=2 * CHUNK_ROWS + 500)
    network = sheet_network(network_class)
    few = diagnose(network, X, max_rows=100)
    assert few.n_rows == 100
    assert few.loss == pytest.approx(network.loss(X[evenly(len(X), 100)]))
    assert few.loss == pytest.approx(diagnose(network, Rows(X), max_rows=100).loss)
    whole = diagnose(network, X)  # in several chunks
    assert whole.loss == pytest.approx(network.loss(X))
    assert evenly(10, 3).tolist() == [0, 4, 9]
    network.weights["b1"][:3] = 50
    assert diagnose(network, X).layers[0].saturated == 3


def test_rows_are_diagnosed_as_the_network_sees_them():
    X = curve_of_rows()
    network = sheet_network()
    told = fit(network, X)
    rows = Rows(X * 50 + 3, shift=np.full(6, 3.0), factor=np.full(6, 1 / 50))
    assert diagnose(network, rows, **told).loss == pytest.approx(diagnose(network, X, **told).loss)


def test_not_learning():
    assert not_learning(0.5, 1.0) is None
    assert not_learning(0.0, 0.0) is None  # constant data: nothing to learn
    finding = not_learning(0.99, 1.0)
    assert finding.severity == "warning"
    assert "loss is 0.99" in finding.message
    assert "diagnose(X)" in finding.advice
    assert not_learning(np.nan, 1.0).name == "not_learning"
    assert "finite" in not_learning(np.inf, 1.0).message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"feature_names": ["a"]}, "feature_names has 1 names"),
        ({"max_rows": 0}, "max_rows=0"),
        ({"n_components": 1.5}, "n_components=1.5"),
        ({"raw": np.zeros((3, 2))}, "raw has 2 features"),
        ({"X_val": np.zeros((3, 2))}, "X_val has 2 features"),
    ],
)
def test_errors_name_the_argument(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        diagnose(sheet_network(), curve_of_rows(), **arguments)


# --- how it is shown -----------------------------------------------------------------------------


def test_names_are_escaped_and_kept_short():
    X = curve_of_rows()
    X[:, 0] *= 1e4
    X[:, 1] = 3
    names = ["<script>alert(1)</script>", "x" * 500, "a\nb\t\x1b[31m", "&amp;", "ünï", 7]
    report = diagnose(sheet_network(), X, feature_names=names)
    check_presentable(report)
    assert "&lt;script&gt;" in report._repr_html_()
    assert "\x1b" not in str(report)
    assert report.to_dict()["feature_names"][1] == "x" * 500
    assert all(len(f.message) < 300 for f in report.findings)
    assert {"badly_scaled_columns", "constant_columns"} <= set(found(report))


def test_the_text_is_a_screenful():
    X = curve_of_rows()
    network = sheet_network()
    lines = str(diagnose(network, X, **fit(network, X, 1e-5, 100))).splitlines()
    assert 10 <= len(lines) <= 30
    assert any("PCA, 2 components" in line for line in lines)
    assert any("what to try" in line for line in lines)
    deep = Network(Architecture((3,) * 40), random_state=0)
    assert len(str(diagnose(deep, curve_of_rows(n_columns=3))).splitlines()) < 45


# --- PCA that scales -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(50, 8), (8, 50), (20, 20), (1, 5), (5, 1), (2, 2)])
@pytest.mark.parametrize("n_components", [1, 3, 100])
@pytest.mark.parametrize("size", [1.0, 1e-200, 1e200])
def test_principal_components_are_those_of_the_svd(shape, n_components, size):
    random = np.random.default_rng(0)
    X = size * (random.standard_normal(shape) + 5)
    new = size * (random.standard_normal((7, shape[1])) + 5)
    mean = X.mean(axis=0)
    _, s, Vt = np.linalg.svd((X - mean) / size, full_matrices=False)
    V = Vt[:n_components][s[:n_components] > 1e-6]
    expected = mean / size + (new - mean) / size @ V.T @ V
    np.testing.assert_allclose(principal_components(X, new, n_components) / size, expected, 1e-8)


def test_principal_components_of_bytes_and_constants():
    X = np.full((6, 4), 200, dtype=np.uint8)
    np.testing.assert_array_equal(principal_components(X, X, 2), X)


# --- the family ----------------------------------------------------------------------------------


def with_holes(X, share=0.2):
    return np.where(np.random.default_rng(1).random(X.shape) < share, np.nan, X)


def test_baselines_are_of_what_is_seen():
    X = with_holes(curve_of_rows() + 5)
    network = sheet_network(n_code=2)
    report = diagnose(network, Rows(X, missing="mask"))
    unseen = np.isnan(X)
    n_whole = (~unseen).sum() / X.shape[1]
    mean = np.nanmean(X, axis=0)
    of_mean = 0.5 * np.nansum((X - mean) ** 2) / n_whole
    assert report.baselines["column mean"] == pytest.approx(of_mean)
    filled = np.where(unseen, mean, X)
    pca = principal_components(filled, filled, 2)
    of_pca = 0.5 * np.nansum((X - pca) ** 2) / n_whole
    assert report.baselines["PCA, 2 components"] == pytest.approx(of_pca)
    own = X - network.forward(Rows(X, missing="mask"))
    assert report.loss == pytest.approx(0.5 * np.nansum(own**2) / n_whole)
    np.testing.assert_allclose(
        report.explained, 1 - np.nanvar(own, axis=0) / np.nanvar(X, axis=0), rtol=1e-9
    )


def test_a_healthy_fit_of_a_table_with_holes_is_healthy():
    X = Rows(with_holes(curve_of_rows()), missing="mask")
    network = sheet_network()
    told = fit(network, X)
    report = diagnose(network, X, **{**told, "X_val": X})
    assert not report.warnings, str(report)
    check_presentable(report)


def test_units_that_are_seldom_among_the_largest_are_not_saturated():
    network = sheet_network(n_code=40, k_sparse=1, code_activation="logistic")
    report = diagnose(network, curve_of_rows())
    assert [layer.saturated for layer in report.layers] == [0, 0, 0, 0]


@pytest.mark.parametrize("sparsity", [0.0, 0.1])
def test_a_code_that_is_meant_to_be_sparse_is_not_saturated(sparsity):
    X = curve_of_rows()
    network = sheet_network(n_code=4, code_activation="logistic", sparsity=sparsity)
    code = network.encode(X)
    Z = np.log(code / (1 - code))
    # A unit is on for the upper 3 % of rows, and off for the others.
    network.weights["W2"][...] *= 100
    network.weights["b2"][...] = -100 * np.quantile(Z, 0.97, axis=0)
    assert ("saturated_units" in found(diagnose(network, X))) == (sparsity == 0)


def test_a_unit_of_few_rows_is_not_idle():
    X = curve_of_rows(1000)
    network = sheet_network(n_code=4, k_sparse=1)
    told = fit(network, X)
    # The last unit is lowered until it is the largest in two rows only, and says little there.
    network.weights["W3"][3] *= 0.01
    sums = np.tanh(X @ network.weights["W1"] + network.weights["b1"]) @ network.weights["W2"]
    sums += network.weights["b2"]
    ahead = np.sort(sums[:, 3] - sums[:, :3].max(axis=1))
    network.weights["b2"][3] -= (ahead[-3] + ahead[-2]) / 2
    report = diagnose(network, X, **told)
    assert (network.encode(X)[:, 3] != 0).sum() == 2
    assert abs(report.code.share[3]) < 0.01 / 4  # by the measure of other codes
    never = [unit for unit in range(3) if report.code.standard_deviation[unit] == 0]
    said = found(report).get("idle_code_units")
    assert (f"n_components={4 - len(never)} " in said.advice) if never else said is None


def test_a_k_sparse_unit_that_never_is_among_the_largest_is_idle():
    network = sheet_network(n_code=4, k_sparse=2)
    X = curve_of_rows()
    told = fit(network, X)
    network.weights["b2"][3] = -1e3
    text = words(diagnose(network, X, **told), "idle_code_units")
    assert "Code unit 3 of 4" in text


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_member_of_the_family_is_too_much(data):
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    kind = data.draw(st.sampled_from(["k_sparse", "sparsity", "variational", "noise", "mixed"]))
    options = {
        "k_sparse": {"k_sparse": 1},
        "sparsity": {"sparsity": 0.1, "code_activation": "logistic", "contraction": 0.1},
        "variational": {"variational": True, "code_activation": "identity"},
        "noise": {"corruption": "salt_and_pepper", "dropout": 0.5, "code_l1": 1.0},
        "mixed": {"loss": [("squared_error", 2), ("softmax_cross_entropy", 3)]},
    }[kind]
    architecture = Architecture.symmetrical((5, 4, 2), activation="tanh", **options)
    X = random.random((data.draw(st.integers(2, 30)), 5))
    if kind == "mixed":
        X[:, 2:] = np.eye(3)[random.integers(0, 3, len(X))]
    form = data.draw(st.sampled_from(["dense", "sparse", "mask", "implicit"]))
    if form == "mask":
        X = with_holes(X, data.draw(st.floats(0, 0.6)))
        X[0, :2] = 0.5
    if form in ("sparse", "implicit"):
        X = scipy.sparse.csr_array(np.where(X < 0.4, 0, X) if kind != "mixed" else X)
        X.data[:1] = 0.5 if kind != "mixed" else X.data[:1]
    rows = Rows(X, missing=None if form in ("dense", "sparse") else form)
    if rows.seen is not None and not rows.seen.any():
        return
    network = data.draw(st.sampled_from([Network, reference.Network]))(architecture, random_state=0)
    history = train(network, rows, max_iter=2, random_state=0)
    raw = Rows(X, missing=rows.missing) if data.draw(st.booleans()) else None
    check_presentable(diagnose(network, rows, history=history, X_val=rows, raw=raw))
    if form == "sparse":
        check_presentable(diagnose(network, X))


# --- whatever comes ------------------------------------------------------------------------------

finite = st.floats(-1e6, 1e6, allow_subnormal=False)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_it_never_raises_and_always_prints(data):
    n_rows = data.draw(st.integers(1, 40))
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=2, max_size=4))
    loss = data.draw(st.sampled_from(sorted(LOSSES)))
    logits = LOSSES[loss].from_logits
    names = st.sampled_from(sorted(ACTIVATIONS))
    hidden = [data.draw(names) for _ in sizes[1:]]
    n_columns = sizes[0]
    architecture = Architecture(
        (*sizes, n_columns),
        (*hidden, logits or data.draw(names)),
        loss=loss,
        biases=data.draw(st.booleans()),
    )
    random = np.random.default_rng(data.draw(st.integers(0, 9)))
    kind = data.draw(st.sampled_from(["normal", "constant", "bytes", "huge", "tiny", "duplicates"]))
    X = {
        "normal": random.standard_normal((n_rows, n_columns)),
        "constant": np.full((n_rows, n_columns), 0.1),
        "bytes": random.integers(0, 3, (n_rows, n_columns)).astype(float),
        "huge": 1e150 * random.standard_normal((n_rows, n_columns)),
        "tiny": 1e-200 * random.standard_normal((n_rows, n_columns)),
        "duplicates": np.repeat(random.standard_normal((1, n_columns)), n_rows, axis=0),
    }[kind]
    if logits:
        X = np.clip(X, 0, 1)
    dtype = data.draw(st.sampled_from(["float32", "float64"])) if kind != "huge" else "float64"
    cls = data.draw(st.sampled_from([Network, reference.Network]))
    network = cls(architecture, dtype=dtype, random_state=0)
    network.params *= data.draw(st.sampled_from([0.0, 1.0, 1e3, 1e30]))
    n_epochs = data.draw(st.integers(0, 12))
    losses = st.lists(
        st.one_of(st.floats(0, 10), st.sampled_from([np.nan, np.inf, 1e300])),
        min_size=n_epochs,
        max_size=n_epochs,
    )
    history = History(data.draw(losses), data.draw(losses), n_epochs, "reached max_iter=12")
    told = data.draw(
        st.sampled_from(
            [{}, {"learning_rate_init": 1e-5, "learning_rate": "cosine", "max_iter": 12}]
        )
    )
    X_val = X if data.draw(st.booleans()) else None
    raw = data.draw(st.sampled_from([None, X * 3]))
    report = diagnose(network, X, history=history, settings=told, X_val=X_val, raw=raw)
    check_presentable(report)


def test_every_finding_has_its_case():
    here = Path(__file__).read_text(encoding="utf-8")
    others = ("test_word.py", "test_premises_of_fits.py")
    of_words = "".join((Path(__file__).parent / n).read_text(encoding="utf-8") for n in others)
    for check in CHECKS:
        assert f'"{check.__name__}")' in here or f'"{check.__name__}"' in of_words
