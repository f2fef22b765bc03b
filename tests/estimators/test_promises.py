"""What scikit-learn's conventions promise: warnings of fits that did not converge, true tags."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import check_estimator

from ae_core import Autoencoder, VariationalAutoencoder

X = load_iris().data
QUICK = {"hidden_layer_sizes": (6,), "random_state": 0}

ASKED_AND_NOT_REACHED = [
    ({"solver": "lbfgs", "tol": 0.0, "max_fun": 10}, "max_fun=10"),
    ({"solver": "lbfgs", "max_fun": 5}, "max_fun=5"),
    ({"solver": "lbfgs", "max_iter": 5}, "max_iter=5"),
    ({"solver": "lbfgs", "max_iter": 15, "n_iter_no_change": 3}, "max_iter=15"),
    ({"tol": 0.0, "max_iter": 15}, "max_iter=15"),
    ({"tol": 1e-4, "max_iter": 3}, "max_iter=3"),
    ({"tol": 1e-4, "max_iter": 20, "learning_rate": "adaptive"}, "max_iter=20"),
    ({"tol": 1e-6, "max_iter": 5, "early_stopping": True, "n_iter_no_change": 30}, "max_iter=5"),
    ({"tol": 1e-3, "max_iter": 12, "n_iter_no_change": np.inf, "solver": "sgd"}, "max_iter=12"),
]


def warnings_of(model, X=X, **arguments):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, **arguments)
    return [str(w.message) for w in caught if w.category is ConvergenceWarning]


@pytest.mark.parametrize(("parameters", "limit"), ASKED_AND_NOT_REACHED, ids=str)
def test_a_fit_that_was_to_converge_and_did_not_says_so(parameters, limit):
    (message,) = warnings_of(Autoencoder(2, **QUICK, **parameters))
    assert f"reached {limit} " in message
    assert f"tol={parameters.get('tol', 1e-4):g}" in message
    assert len(message) < 300


def test_a_variational_fit_says_so_too():
    (message,) = warnings_of(VariationalAutoencoder(2, tol=1e-5, max_iter=3, **QUICK))
    assert "max_iter=3" in message


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "lbfgs", "max_iter": 60, "hidden_layer_sizes": (), "n_iter_no_change": 3},
        {"solver": "lbfgs", "tol": 0.1, "max_iter": 200},
        {"tol": 0.5},
        {"tol": np.inf, "max_iter": 30},
        {"tol": 0.05, "learning_rate": "constant", "max_iter": 400},
    ],
    ids=str,
)
def test_a_fit_that_converged_is_silent(parameters):
    assert warnings_of(Autoencoder(2, **QUICK | parameters), X[::3]) == []


@pytest.mark.parametrize("load", [load_breast_cancer, load_diabetes, load_iris, load_wine])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"early_stopping": True},
        {"learning_rate": "adaptive", "max_iter": 30},
        {"learning_rate": "constant", "max_iter": 5},
        {"max_iter": 1},
    ],
    ids=str,
)
def test_who_did_not_ask_is_not_told(load, parameters):
    assert warnings_of(Autoencoder(2, **QUICK, **parameters), load().data) == []


def test_what_ends_on_request_is_no_failure():
    model = Autoencoder(2, tol=0.0, **QUICK)
    assert warnings_of(model, callbacks=[lambda progress: progress.n_iter == 3]) == []
    model.set_params(max_iter=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            model.partial_fit(X)


def test_lbfgs_that_ends_at_rounding_is_said_in_our_words():
    model = Autoencoder(1, solver="lbfgs", max_iter=1000, hidden_layer_sizes=(), random_state=0)
    assert warnings_of(model, X[:4, :2]) == []
    assert model.history_.stopped_because == "L-BFGS: no step makes the loss any smaller"


# --- tags ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [Autoencoder, VariationalAutoencoder])
@pytest.mark.parametrize(
    ("parameters", "takes"),
    [
        ({}, "array"),
        ({"missing_values": "mask"}, "array"),
        ({"scale": None}, "array"),
        ({"columns": "mixed"}, "frame"),
        ({"columns": "mixed", "missing_values": "mask"}, "frame"),
        ({"missing_values": "implicit"}, "sparse"),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
def test_tags_say_what_is_taken(cls, parameters, takes):
    model = cls(2, max_iter=1, **QUICK, **parameters)
    tags = model.__sklearn_tags__().input_tags
    assert tags.two_d_array == (takes == "array")
    assert tags.string == tags.categorical == (takes == "frame")
    given = {
        "array": X,
        "frame": pd.DataFrame(X, columns=list("abcd")),
        "sparse": scipy.sparse.csr_array(X),
    }
    model.fit(given[takes])
    if takes != "array":
        with pytest.raises((ValueError, TypeError)):
            model.fit(X)


@pytest.mark.parametrize("parameters", [{"columns": "mixed"}, {"missing_values": "implicit"}])
@pytest.mark.filterwarnings("ignore:Can't test estimator")
def test_scikit_learns_checks_pass_where_they_can_be_made(parameters):
    check_estimator(Autoencoder(**parameters))
