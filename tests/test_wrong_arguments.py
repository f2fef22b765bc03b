"""Every argument of what is public, given values that are wrong: errors name it, in our words."""

import inspect

import numpy as np
import pytest
from messages import VALUES, faults_of

import ae_core
from ae_core import (
    SGD,
    Adam,
    AdamW,
    Architecture,
    AutoencoderOutlierDetector,
    Checkpoint,
    Network,
    RMSprop,
    VariationalAutoencoder,
    diagnose,
    reference,
    train,
)
from ae_core.data.rows import Rows
from ae_core.formulas.schedules import Schedule

X = np.random.default_rng(0).random((12, 4))
PLAIN = Architecture((4, 3, 4))
NOISY = Architecture.symmetrical((4, 3), code_activation="identity", variational=True)

COUNTS, STRENGTHS, SHARES = (
    ("one",),
    ("zero", "one", "half", "one and a half", "huge"),
    ("zero", "half"),
)
SEEDS = ("None", "zero", "one", "huge", "endless")
OPTIONAL_COUNT = ("None", "one")


def of_network(method, **more):
    """Calls of a method of both twins."""

    def call(**arguments):
        for network_class in (reference.Network, Network):
            network = network_class(NOISY, random_state=0)
            getattr(network, method)(**{**more, **arguments})

    return call


def steps(network_class):
    def call(**arguments):
        network, solver = network_class(PLAIN, random_state=0), Adam()
        whole = {
            "X": X,
            "order": np.arange(12),
            "batch_size": 12,
            "solver": solver,
            "state": solver.start(network.params),
            "rates": [0.1],
        }
        network.train_steps(**{**whole, **arguments})

    return call


def of_estimator(method, **more):
    def call(**arguments):
        model = VariationalAutoencoder(2, max_iter=1, random_state=0)
        if method != "fit":
            model.fit(X)
        getattr(model, method)(**{**more, **arguments})

    return call


ARRAY = ("array",)  # is one, if of another shape
CALLS = {
    "Architecture": (
        lambda **a: Architecture(**{"layer_sizes": (4, 3, 4), **a}),
        {
            "layer_sizes": (),
            "activations": (),
            "loss": (),
            "code_layer": OPTIONAL_COUNT,
            "biases": ("True",),
            "tied": ("True",),
            "alpha": STRENGTHS,
            "alpha_l1": STRENGTHS,
            "feature_weights": ("None",),
            "corruption": ("None",),
            "corruption_level": STRENGTHS,
            "dropout": SHARES,
            "k_sparse": OPTIONAL_COUNT,
            "code_l1": STRENGTHS,
            "sparsity": STRENGTHS,
            "sparsity_target": ("half",),
            "contraction": STRENGTHS,
            "variational": ("True",),
            "beta": STRENGTHS,
            "input_mask": ("True",),
            "n_covariates": ("zero", "one"),
            "input_transform": ("None",),
        },
    ),
    "Architecture.symmetrical": (
        lambda **a: Architecture.symmetrical(**{"sizes": (4, 3), **a}),
        {
            "sizes": (),
            "activation": (),
            "code_activation": ("None",),
            "output_activation": ("None",),
            "loss": (),
        },
    ),
    "Architecture.from_json": (
        Architecture.from_json,
        {"text": ("text", "bytes", "no text", "long text")},
    ),
    **{
        f"{network_class.__module__}.Network": (
            lambda network_class=network_class, **a: network_class(**{"architecture": PLAIN, **a}),
            {
                "architecture": (),
                "params": ("None",),
                "dtype": ("None",),  # NumPy's default
                "initialization": (),
                "random_state": SEEDS,
                "n_threads": OPTIONAL_COUNT,
            },
        )
        for network_class in (reference.Network, Network)
    },
    "Network.forward": (of_network("forward"), {"X": ()}),
    "Network.encode": (of_network("encode"), {"X": ()}),
    "Network.decode": (of_network("decode"), {"code": ()}),
    "Network.bound": (
        of_network("bound", X=X),
        {"X": (), "n_draws": COUNTS, "noise_key": ("zero", "one")},
    ),
    "Network.loss": (
        of_network("loss", X=X),
        {"X": (), "params": ("None",), "noise_key": ("zero", "one")},
    ),
    "Network.loss_and_gradient": (
        of_network("loss_and_gradient", X=X),
        {"X": (), "params": ("None",), "noise_key": ("zero", "one")},
    ),
    "Network.decoding_errors": (
        of_network("decoding_errors", X=X, code=np.zeros((12, 3))),
        {"X": (), "code": ()},
    ),
    **{
        f"{network_class.__module__}.train_steps": (
            steps(network_class),
            {
                "X": (),
                "order": ("empty list",),  # no steps, and so another error
                "batch_size": ("one", "huge", "endless"),
                "solver": (),
                "state": (),
                "rates": ("empty list", *ARRAY),
                "noise_keys": ("None",),
                "annealing": ("None",),
            },
        )
        for network_class in (reference.Network, Network)
    },
    "train": (
        lambda **a: train(
            **{"network": Network(PLAIN, random_state=0), "X": X, "max_iter": 1, **a}
        ),
        {
            "network": (),
            "X": (),
            "solver": (),
            "batch_size": OPTIONAL_COUNT,
            "max_iter": COUNTS,
            "learning_rate": (),
            "power_t": STRENGTHS,
            "shuffle": ("True",),
            "tol": ("None", "infinity", *STRENGTHS),
            "n_iter_no_change": ("one", "infinity"),
            "random_state": SEEDS,
            "X_val": ("None",),
            "keep_best": ("True",),
            "max_fun": OPTIONAL_COUNT,
            "kl_warm_up": ("zero", "one"),
            "callback": ("None", "class", "function"),
            "resume": ("None",),
            "history": ("None",),
        },
    ),
    **{
        solver.__name__: (
            solver,
            {
                "learning_rate_init": STRENGTHS,
                "clip_norm": ("None", *STRENGTHS),
                "averaging": ("None", *SHARES),
                **own,
            },
        )
        for solver, own in (
            (SGD, {"momentum": SHARES, "nesterovs_momentum": ("True",)}),
            (Adam, {"beta_1": SHARES, "beta_2": SHARES, "epsilon": STRENGTHS}),
            (
                AdamW,
                {
                    "beta_1": SHARES,
                    "beta_2": SHARES,
                    "epsilon": STRENGTHS,
                    "weight_decay": STRENGTHS,
                },
            ),
            (RMSprop, {"rho": SHARES, "epsilon": STRENGTHS}),
        )
    },
    "Schedule": (
        lambda **a: (
            Schedule(**{"learning_rate": "constant", **a})
            if "name" in a
            else Schedule("constant", 0.1, 1, 1, **a)
        ),
        {"power_t": STRENGTHS},
    ),
    "Rows": (
        lambda **a: Rows(**{"X": X, **a}),
        {
            "X": (),
            "shift": ("None",),
            "factor": ("None",),
            "sample_weight": ("None",),
            "clip": ("True",),
            "missing": ("None",),
            "n_covariates": ("zero", "one"),
        },
    ),
    "Checkpoint": (
        lambda **a: Checkpoint(**{"path": "c", **a}),
        {"path": ("text", "bytes", "long text"), "every": COUNTS},
    ),
    "load": (ae_core.load, {"path": ("text", "bytes", "long text")}),
    "save": (of_estimator("save"), {"path": ("text", "bytes", "long text")}),
    "diagnose": (
        lambda **a: diagnose(**{"network": Network(PLAIN, random_state=0), "X": X, **a}),
        {"X": (), "n_components": OPTIONAL_COUNT, "max_rows": COUNTS, "X_val": ("None",)},
    ),
    "fit": (
        of_estimator("fit", X=X),
        {
            "X": (),
            "sample_weight": ("None", "one", "half", "one and a half", "huge"),
            "X_val": ("None",),
            "callbacks": ("None", "empty list", "no text"),
            "resume_from": ("None", "text", "bytes", "long text"),
        },
    ),
    "transform": (of_estimator("transform"), {"X": ()}),
    "inverse_transform": (of_estimator("inverse_transform"), {"X": ()}),
    "reconstruct": (of_estimator("reconstruct"), {"X": ()}),
    "score_samples": (of_estimator("score_samples", X=X), {"X": (), "n_draws": COUNTS}),
    "score": (
        of_estimator("score", X=X),
        {"X": (), "sample_weight": ("None", "one", "half", "one and a half", "huge")},
    ),
    "feature_errors": (of_estimator("feature_errors"), {"X": ()}),
    "sample": (
        of_estimator("sample"),
        {"n_samples": COUNTS, "random_state": ("None", "zero", "one")},
    ),
    "sample_posterior": (
        of_estimator("sample_posterior", X=X),
        {"X": (), "random_state": ("None", "zero", "one")},
    ),
    "detector.fit": (
        lambda **a: AutoencoderOutlierDetector().fit(**{"X": X, **a}),
        {"X": (), "sample_weight": ("None", "one", "half", "one and a half", "huge")},
    ),
}

EVERY_ARGUMENT = [
    pytest.param(call, name, right, id=f"{label}-{name}")
    for label, (call, arguments) in CALLS.items()
    for name, right in arguments.items()
]


@pytest.fixture
def in_a_new_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


ARRAYS = {"sample_weight", "shift", "factor", "feature_weights", "params", "order", "rates"}
TABLES = {"X", "X_val", "code", "noise_keys", "annealing"} | ARRAYS
"""Arguments that are arrays: of these an error shows what is wrong with it rather than all of it."""


@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
@pytest.mark.parametrize(("call", "name", "right"), EVERY_ARGUMENT)
def test_every_wrong_value_is_named(call, name, right, in_a_new_folder):
    faults = {}
    for key, value in VALUES.items():
        if key not in right:
            faults[key] = faults_of(
                lambda value=value: call(**{name: value}), name, value, is_table=name in TABLES
            )
    assert not any(faults.values()), {key: found for key, found in faults.items() if found}


@pytest.mark.parametrize(
    "function", [Architecture, train, Network, SGD, Adam, AdamW, RMSprop], ids=lambda f: f.__name__
)
def test_no_argument_is_left_out(function):
    assert set(inspect.signature(function).parameters) == set(
        CALLS.get(function.__name__, CALLS.get(f"{function.__module__}.Network"))[1]
    )
