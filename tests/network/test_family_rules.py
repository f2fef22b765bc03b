"""What the family forbids, and says so; what its steps do; and that old descriptions still load."""

import json
import re
from dataclasses import asdict, replace
from itertools import combinations

import numpy as np
import pytest
from families import Table
from test_family import of
from test_twins import STEADY

from ae_core import SGD, Adam, Architecture, train
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.corruption import CORRUPTIONS
from ae_core.formulas.solvers import Solver

FEATURES = {
    **{f"corruption={name!r}": {"corruption": name} for name in CORRUPTIONS},
    "dropout=": {"dropout": 0.3},
    "k_sparse=": {"k_sparse": 2},
    "code_l1=": {"code_l1": 0.1},
    "sparsity=": {"sparsity": 0.1},
    "contraction=": {"contraction": 0.1},
    "variational=": {"variational": True},
    "tied=": {"tied": True},
    "alpha_l1=": {"alpha_l1": 0.1},
    "feature_weights": {"feature_weights": [1, 2, 3, 4, 5]},
    "loss=": {"loss": (("squared_error", 3), ("softmax_cross_entropy", 2))},
    "input_mask=": {"input_mask": True},
    "n_covariates=": {"n_covariates": 2},
    "input_transform=": {"input_transform": "log1p"},
}
FORBIDDEN = {
    ("k_sparse=", "sparsity="): ("sparsity=0.1", "k_sparse=2"),
    ("k_sparse=", "variational="): ("variational=True", "k_sparse=2"),
    # The one needs a logistic code, the other one an identity.
    ("sparsity=", "variational="): ("sparsity=0.1", "code activation 'identity'"),
    ("tied=", "input_mask="): ("tied=True", "input_mask=True"),
    ("tied=", "n_covariates="): ("tied=True", "n_covariates=2"),
}


def sentence_of(call):
    """The one sentence with which a call is refused; None when it is not."""
    try:
        call()
    except ValueError as error:
        message = str(error)
        assert not re.search(r"[.!?]\s", message), message
        return message
    return None


@pytest.mark.parametrize("pair", list(combinations(FEATURES, 2)), ids=" ".join)
def test_features_combine_or_a_sentence_names_both(pair):
    options = {key: value for name in pair for key, value in FEATURES[name].items()}
    activation = "logistic"
    if "variational" in options:
        activation = "identity"
    sentence = sentence_of(
        lambda: Architecture.symmetrical((5, 4, 3), code_activation=activation, **options)
    )
    if "corruption" in pair[0] and "corruption" in pair[1]:
        return  # the same argument
    assert (sentence is not None) == (pair in FORBIDDEN), sentence
    for words in FORBIDDEN.get(pair, ()):
        assert words in sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *(
            ({"activation": name, "sparsity": 0.5}, ("sparsity=0.5", f"activation {name!r}"))
            for name in ACTIVATIONS
            if name != "logistic"
        ),
        *(
            ({"activation": name, "variational": True}, ("variational=True", f"{name!r}"))
            for name in ACTIVATIONS
            if name != "identity"
        ),
        ({"k_sparse": 0}, ("k_sparse=0", "1 to 3")),
        ({"k_sparse": 4}, ("k_sparse=4", "1 to 3")),
        ({"k_sparse": 1.5}, ("k_sparse=1.5", "integer")),
        ({"k_sparse": True}, ("k_sparse=True", "integer")),
        ({"corruption": "rain"}, ("corruption='rain'", *CORRUPTIONS)),
        *(
            ({"corruption": name, "corruption_level": 1.0}, ("corruption_level=1.0", name))
            for name in ("masking", "salt_and_pepper")
        ),
        ({"corruption_level": -0.1}, ("corruption_level=-0.1",)),
        ({"dropout": 1.0}, ("dropout=1.0", "below 1")),
        ({"dropout": -0.1}, ("dropout=-0.1",)),
        ({"sparsity_target": 0.0}, ("sparsity_target=0.0", "between 0 and 1")),
        ({"sparsity_target": 1.0}, ("sparsity_target=1.0", "below 1")),
        *(
            ({name: -1.0}, (f"{name}=-1.0", "at least 0"))
            for name in ("alpha_l1", "code_l1", "sparsity", "contraction", "beta")
        ),
        ({"variational": 1}, ("variational=1", "True or False")),
        ({"input_mask": 1}, ("input_mask=1", "True or False")),
        ({"n_covariates": -1}, ("n_covariates=-1", "at least 0")),
        ({"n_covariates": 1.0}, ("n_covariates=1.0", "integer")),
        ({"n_covariates": True}, ("n_covariates=True", "integer")),
        ({"input_transform": "sqrt"}, ("input_transform='sqrt'", "log1p")),
        ({"feature_weights": [1, 2]}, ("feature_weights has 2", "5")),
        ({"feature_weights": [0] * 5}, ("feature_weights", "zero")),
        ({"feature_weights": [1, 1, 1, 1, -1]}, ("feature_weights entry=-1.0",)),
        ({"loss": [("squared_error", 3)]}, ("3 columns", "5")),
        ({"loss": [("squared_error", 5), ("huber", 0)]}, ("('huber', 0)", "at least one")),
        ({"loss": [("squared", 5)]}, ("loss entry='squared'", "squared_error")),
        ({"loss": [("squared_error",)]}, ("('squared_error',)", "number of columns")),
        ({"loss": [("huber", 5)], "output_activation": "tanh"}, ("'tanh'", "'mixed'")),
        ({"loss": "softmax_cross_entropy", "output_activation": "tanh"}, ("'tanh'", "'softmax'")),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(options, words):
    sentence = sentence_of(lambda: Architecture.symmetrical((5, 4, 3), **options))
    for word in words:
        assert word in sentence


def test_the_limits_of_what_is_allowed():
    for options in (
        {"k_sparse": 1},
        {"k_sparse": 3},
        {"corruption": "gaussian", "corruption_level": 7.0},
        {"corruption": "masking", "corruption_level": 0.999},
        {"dropout": 0.999},
        {"sparsity": 1.0, "sparsity_target": 0.999},
        {"feature_weights": [0, 0, 0, 0, 1]},
    ):
        Architecture.symmetrical((5, 4, 3), **options)


def test_a_description_from_before_the_family_loads():
    old = {
        "layer_sizes": [6, 4, 2, 4, 6],
        "activations": ["tanh", "tanh", "tanh", "identity"],
        "loss": "squared_error",
        "code_layer": 2,
        "biases": True,
        "tied": False,
        "alpha": 0.5,
    }
    architecture = Architecture.symmetrical((6, 4, 2), activation="tanh", alpha=0.5)
    assert Architecture.from_json(json.dumps(old)) == architecture
    assert set(old) < set(asdict(architecture))


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_goes_through_json(name):
    options = FEATURES[name]
    activation = "identity" if "variational" in options else "logistic"
    architecture = Architecture.symmetrical((5, 4, 3), code_activation=activation, **options)
    again = Architecture.from_json(architecture.to_json())
    assert again == architecture
    assert hash(again) == hash(architecture)
    assert again != replace(architecture, biases=False)


# --- steps ---------------------------------------------------------------------------------------


def run(network_class, solver, n_steps=20, rates=None, **options):
    """Steps on 30 rows: the network, its solver's state, and the parameters after each step."""
    family = of((6, 5, 3), Table(n_samples=30), **options)
    net, rows = family.network(network_class), family.rows()
    rates = np.full(n_steps, 0.05) if rates is None else rates
    state, path = solver.start(net.params), [net.params.copy()]
    for rate in rates:
        net.train_steps(rows, np.arange(30), 30, solver, state, np.array([rate]))
        path.append(net.params.copy())
    return net, state, np.stack(path)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("solver", STEADY, ids=str)
def test_the_average_is_the_weighted_mean_of_the_steps(network_class, solver, decay):
    net, state, path = run(network_class, replace(solver, averaging=decay))
    weights = decay ** np.arange(20)[::-1]
    expected = np.average(path[1:], axis=0, weights=weights)
    np.testing.assert_allclose(state.average, expected, rtol=1e-11, atol=1e-13)
    alone = run(network_class, solver)[0]
    np.testing.assert_allclose(net.params, alone.params, rtol=1e-10)  # it only looks on


def test_steps_in_one_call_have_the_same_average(network_class):
    solver = Adam(0.05, averaging=0.8, clip_norm=0.1)
    _, stepwise, path = run(network_class, solver)
    family = of((6, 5, 3), Table(n_samples=30))
    net = family.network(network_class)
    state, order = solver.start(net.params), np.tile(np.arange(30), 20)
    net.train_steps(family.rows(), order, 30, solver, state, np.full(20, 0.05))
    np.testing.assert_allclose(net.params, path[-1], rtol=1e-12)
    np.testing.assert_allclose(state.average, stepwise.average, rtol=1e-12)


def test_training_ends_with_the_average(network_class):
    X = of((6, 5, 3), Table(n_samples=30)).rows()
    ends = []
    for averaging in (None, 0.0, 0.9):
        net = network_class(of((6, 5, 3)).architecture, random_state=0)
        seen = []
        solver = Adam(0.05, averaging=averaging)
        options = {"solver": solver, "batch_size": 10, "max_iter": 4, "random_state": 0}
        train(net, X, callback=lambda p, seen=seen: seen.append(p.network.params.copy()), **options)
        np.testing.assert_array_equal(net.params, seen[-1])
        ends.append(net.params)
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-12)
    assert np.linalg.norm(ends[2] - ends[0]) > 0.01


@pytest.mark.parametrize("clip_norm", [0.01, 0.1])
def test_clipping_bounds_the_step_and_keeps_its_direction(network_class, clip_norm):
    rates = np.linspace(0.05, 0.5, 20)
    _, _, path = run(network_class, SGD(clip_norm=clip_norm), rates=rates)
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    np.testing.assert_allclose(steps, rates * clip_norm, rtol=1e-9)  # all were longer
    family = of((6, 5, 3), Table(n_samples=30))
    gradient = family.network(network_class).loss_and_gradient(family.rows())[1]
    np.testing.assert_allclose(
        (path[0] - path[1]) / rates[0], gradient * clip_norm / np.linalg.norm(gradient), atol=1e-12
    )


@pytest.mark.parametrize(("share", "is_clipped"), [(0.99, True), (1.01, False)])
def test_the_longest_gradient_that_is_not_clipped(network_class, share, is_clipped):
    family = of((6, 5, 3), Table(n_samples=30))
    gradient = family.network(network_class).loss_and_gradient(family.rows())[1]
    length = np.linalg.norm(gradient)
    _, _, path = run(network_class, SGD(clip_norm=share * length), n_steps=1)
    expected = 0.05 * length * (share if is_clipped else 1)
    assert np.linalg.norm(path[1] - path[0]) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("solver", STEADY, ids=str)
def test_a_gradient_that_is_short_enough_is_not_clipped(network_class, solver):
    path, free = (run(network_class, replace(solver, clip_norm=clip))[2] for clip in (1e6, None))
    np.testing.assert_allclose(path, free, rtol=1e-10)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"clip_norm": -1.0}, "clip_norm=-1.0: must be finite and not negative"),
        ({"clip_norm": np.inf}, "clip_norm=inf"),
        ({"clip_norm": "1"}, "clip_norm='1': must be a number"),
        ({"averaging": 1.0}, "averaging=1.0: must be at least 0 and below 1"),
        ({"averaging": True}, "averaging=True: must be a number"),
    ],
)
def test_clipping_and_averaging_are_checked(options, words):
    for solver in (SGD, Adam):
        with pytest.raises(ValueError, match=words):
            solver(**options)
    assert Solver.clipping(SGD(), np.ones(4)) == 1.0


@pytest.mark.parametrize(
    ("keys", "annealing", "words"),
    [
        (np.zeros(3, np.uint64), None, r"noise_keys has shape \(3,\): one per step, \(2,\)"),
        (None, np.ones((2, 1)), r"annealing has shape \(2, 1\): one per step, \(2,\)"),
    ],
)
def test_keys_and_factors_are_one_for_each_step(network_class, keys, annealing, words):
    family = of(corruption="masking")
    net, solver = family.network(network_class), SGD()
    before, state, rates = net.params.copy(), solver.start(net.params), np.full(2, 0.1)
    with pytest.raises(ValueError, match=words):
        net.train_steps(family.rows(), np.arange(4), 2, solver, state, rates, keys, annealing)
    np.testing.assert_array_equal(net.params, before)
    assert state.n_steps == 0
