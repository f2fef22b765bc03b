"""Solvers and the training loop."""

import math

import numpy as np
import pytest
from conftest import random_data
from hypothesis import given
from hypothesis import strategies as st

from ae_core import SGD, Adam, AdamW, Architecture, History, NonFiniteLossError, RMSprop, train
from ae_core.diagnosis.baselines import column_mean, principal_components
from ae_core.formulas.schedules import Schedule
from ae_core.formulas.solvers import SOLVERS, as_solver
from ae_core.training.watch import Watch

ARCHITECTURE = Architecture.symmetrical((6, 4, 2), activation="tanh")
SOLVERS_TO_TRY = [
    SGD(0.05),
    SGD(0.05, momentum=0.9),
    SGD(0.05, momentum=0.9, nesterovs_momentum=True),
    Adam(0.01),
    AdamW(0.01),
    RMSprop(0.005),
    "lbfgs",
]


@pytest.mark.parametrize("solver", SOLVERS_TO_TRY, ids=str)
def test_every_solver_reduces_the_loss(network_class, solver):
    X = random_data(ARCHITECTURE, 50)
    network = network_class(ARCHITECTURE, random_state=0)
    before = network.loss(X)
    history = train(network, X, solver=solver, max_iter=100, random_state=0)
    assert network.loss(X) < 0.8 * before
    assert history.loss_curve[-1] < history.loss_curve[0]
    assert len(history.loss_curve) == history.n_iter <= 100


def quadratic_steps(solver, n_steps, rate):
    """Parameters after each step on ½ Σ c p², whose gradient is c p."""
    c, p = np.array([1.0, 4.0]), np.array([2.0, -3.0])
    state, path = solver.start(p), []
    for _ in range(n_steps):
        p = solver.step(p, c * p, state, rate)
        path.append(p)
    return np.array(path)


def test_solvers_follow_their_papers_by_hand():
    c, p0, rate = np.array([1.0, 4.0]), np.array([2.0, -3.0]), 0.1
    p1 = p0 - rate * c * p0
    np.testing.assert_allclose(quadratic_steps(SGD(), 1, rate), [p1])
    # Polyak: the second step adds μ times the first.
    p2 = p1 + 0.9 * (p1 - p0) - rate * c * p1
    np.testing.assert_allclose(quadratic_steps(SGD(momentum=0.9), 2, rate)[1], p2)
    # Nesterov in Sutskever's form: the gradient is taken at the point looked ahead to, and the
    # parameters that are kept are those points: θ̃ = θ + μ v.
    theta, v = p0.copy(), np.zeros(2)
    for _ in range(5):
        v = 0.9 * v - rate * c * (theta + 0.9 * v)
        theta = theta + v
    ahead = quadratic_steps(SGD(momentum=0.9, nesterovs_momentum=True), 5, rate)[-1]
    np.testing.assert_allclose(ahead, theta + 0.9 * v)
    # Adam's first step is the learning rate in every direction, whatever the gradient's size.
    np.testing.assert_allclose(
        quadratic_steps(Adam(), 1, rate)[0], p0 - rate * np.sign(p0), rtol=1e-7
    )
    np.testing.assert_allclose(
        quadratic_steps(AdamW(weight_decay=0.5), 1, rate)[0],
        p0 * (1 - rate * 0.5) - rate * np.sign(p0),
        rtol=1e-7,
    )
    np.testing.assert_allclose(
        quadratic_steps(RMSprop(rho=0.75), 1, rate)[0], p0 - 2 * rate * np.sign(p0), rtol=1e-7
    )


def test_updates_are_pure():
    params, gradient = np.ones(3), np.full(3, 0.5)
    for name in SOLVERS:
        solver = as_solver(name)
        state = solver.start(params)
        memory = [m.copy() for m in state.memory]
        solver.update(params, gradient, 1, 0.1, *state.memory)
        assert (params == 1).all()
        assert (gradient == 0.5).all()
        for before, after in zip(memory, state.memory, strict=True):
            np.testing.assert_array_equal(before, after)


def test_history_and_parameters_are_reproducible(network_class):
    X = random_data(ARCHITECTURE, 37)

    def fit(seed):
        network = network_class(ARCHITECTURE, random_state=0)
        history = train(network, X, batch_size=8, max_iter=5, random_state=seed)
        return history.loss_curve, network.params

    curve, params = fit(1)
    again, same = fit(1)
    assert curve == again
    np.testing.assert_array_equal(params, same)
    assert not np.array_equal(params, fit(2)[1])


def test_loss_curve_is_the_mean_over_rows_even_with_a_short_last_batch(network_class):
    X = random_data(ARCHITECTURE, 10)
    network = network_class(ARCHITECTURE, random_state=0)
    expected = network.loss(X)
    history = train(network, X, solver=SGD(0.0), batch_size=4, max_iter=2, random_state=0)
    assert history.loss_curve == pytest.approx([expected, expected], rel=1e-12)
    assert history.n_steps == 6


def test_full_batch_ignores_shuffling_and_counts_epochs_across_calls(network_class):
    X = random_data(ARCHITECTURE, 5)
    curves = []
    for callback in (None, lambda progress: None):  # without and with a look at every epoch
        network = network_class(ARCHITECTURE, random_state=0)
        history = train(network, X, solver=SGD(0.1), max_iter=12_000 // 40, callback=callback)
        curves.append(history.loss_curve)
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-13)


def test_stops_when_nothing_improves(network_class):
    X = random_data(ARCHITECTURE, 20)
    network = network_class(ARCHITECTURE, random_state=0)
    history = train(network, X, solver=SGD(0.0), max_iter=100, tol=1e-6, n_iter_no_change=3)
    assert history.n_iter == 4  # the first epoch is the best, three more bring nothing
    assert "did not improve by more than tol=1e-06 in 3 epochs" in history.stopped_because


def test_validation_loss_is_of_the_parameters_after_the_epoch(network_class):
    X, X_val = random_data(ARCHITECTURE, 20), random_data(ARCHITECTURE, 7, seed=1)
    network = network_class(ARCHITECTURE, random_state=0)
    seen = []
    history = train(
        network,
        X,
        max_iter=3,
        X_val=X_val,
        callback=lambda progress: seen.append((progress.n_iter, progress.validation_loss)),
    )
    assert seen == list(enumerate(history.validation_loss_curve, start=1))
    assert history.validation_loss_curve[-1] == network.loss(X_val)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callback_can_stop(network_class, solver):
    X = random_data(ARCHITECTURE, 20)
    network = network_class(ARCHITECTURE, random_state=0)
    history = train(network, X, solver=solver, callback=lambda progress: progress.n_iter == 3)
    assert history.n_iter == 3
    assert history.stopped_because == "the callback asked for it"


@pytest.mark.filterwarnings("ignore:overflow")
def test_divergence_says_where_and_what_to_try_and_gives_back_good_parameters(network_class):
    X = 10 * random_data(ARCHITECTURE, 20)
    network = network_class(Architecture((6, 2, 6), "identity"), random_state=0)
    after_epochs = [network.params.copy()]

    def remember(progress):
        after_epochs.append(progress.network.params.copy())

    with pytest.raises(NonFiniteLossError) as caught:
        train(
            network,
            X,
            solver=SGD(10.0),
            batch_size=5,
            max_iter=200,
            random_state=0,
            callback=remember,
        )
    for word in ("at step", "epoch", "learning rate 10 is probably too large; try 1"):
        assert word in str(caught.value)
    np.testing.assert_array_equal(network.params, after_epochs[-1])
    assert np.isfinite(network.params).all()


def test_a_start_that_cannot_work_is_told_apart():
    from ae_core.reference import Network

    network = Network(Architecture((2, 1, 2), "identity"), np.full(7, 1e200))
    with pytest.raises(NonFiniteLossError, match="before anything was learned"):
        train(network, np.ones((3, 2)), max_iter=2)


def test_cosine_schedule_warms_up_and_falls_to_nothing():
    rates = Schedule("cosine", 0.5, 10, 100).rates(0, 1000)
    assert len(rates) == 1000
    assert rates.max() == 0.5 == rates[49]
    assert rates[0] == 0.01
    assert rates[-1] < 1e-5
    assert (np.diff(rates[50:]) < 0).all()
    assert len(Schedule("cosine", 0.5, 1, 1).rates(0, 1)) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"solver": "adamm"}, ["solver='adamm'", "adamw", "lbfgs"]),
        ({"batch_size": 21}, ["batch_size=21", "only 20 rows"]),
        ({"batch_size": 0}, ["batch_size=0", "at least 1"]),
        ({"batch_size": 2.5}, ["batch_size=2.5", "integer"]),
        ({"batch_size": 5, "solver": "lbfgs"}, ["batch_size=5", "all rows at once"]),
        ({"max_iter": 0}, ["max_iter=0", "at least 1"]),
        ({"tol": -1.0}, ["tol=-1.0"]),
        ({"tol": math.nan}, ["tol=nan"]),
        ({"n_iter_no_change": 0}, ["n_iter_no_change=0"]),
        ({"learning_rate": "linear"}, ["learning_rate='linear'", "cosine"]),
        ({"random_state": "x", "batch_size": 2}, ["random_state='x'"]),
        ({"X_val": np.ones((2, 5))}, ["X_val has 5 features"]),
    ],
)
def test_wrong_arguments_are_named_and_change_nothing(network_class, arguments, words):
    network = network_class(ARCHITECTURE, random_state=0)
    before = network.params.copy()
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        train(network, random_data(ARCHITECTURE, 20), **arguments)
    for word in words:
        assert word in str(caught.value)
    np.testing.assert_array_equal(network.params, before)


@pytest.mark.parametrize(
    ("solver", "arguments", "words"),
    [
        (SGD, {"momentum": 1.0}, "momentum=1.0: must be at least 0 and below 1"),
        (Adam, {"learning_rate_init": -1.0}, "learning_rate_init=-1.0: must be finite"),
        (Adam, {"beta_2": "x"}, "beta_2='x': must be a number"),
        (RMSprop, {"epsilon": math.inf}, "epsilon=inf"),
    ],
)
def test_wrong_hyperparameters_are_named(solver, arguments, words):
    with pytest.raises(ValueError, match=words):
        solver(**arguments)


def test_linear_autoencoder_reaches_pca(network_class):
    """Baldi & Hornik 1989: the optimum spans the principal subspace."""
    datasets = pytest.importorskip("sklearn.datasets")
    X = datasets.load_digits().data[::4] / 16.0
    network = network_class(Architecture((64, 8, 64), "identity"), random_state=0)
    history = train(network, X, solver="lbfgs", max_iter=2000)
    pca = 0.5 * ((X - principal_components(X, X, 8)) ** 2).sum(axis=1).mean()
    assert network.loss(X) == pytest.approx(pca, rel=1e-3)
    assert network.loss(X) >= pca * (1 - 1e-12)  # nothing linear can be better
    assert history.n_iter <= 2000


def test_pca_baseline_is_scikit_learns():
    decomposition = pytest.importorskip("sklearn.decomposition")
    random = np.random.default_rng(0)
    X_train, X = (
        random.normal(size=(50, 6)) @ random.normal(size=(6, 6)),
        random.normal(size=(9, 6)),
    )
    pca = decomposition.PCA(2).fit(X_train)
    expected = pca.inverse_transform(pca.transform(X))
    np.testing.assert_allclose(principal_components(X_train, X, 2), expected, atol=1e-10)
    np.testing.assert_allclose(column_mean(X_train, X), [X_train.mean(axis=0)] * 9)


def test_schedules_are_scikit_learns():
    inverse = Schedule(
        "invscaling", 0.5, steps_per_epoch=2, n_epochs=3, rows_per_epoch=8, power_t=0.5
    )
    expected = [0.5, 0.5, 0.5 / 9**0.5, 0.5 / 9**0.5, 0.5 / 17**0.5]
    np.testing.assert_allclose(inverse.rates(0, 5), expected)
    np.testing.assert_allclose(inverse.rates(3, 2), expected[3:])
    np.testing.assert_allclose(Schedule("adaptive", 0.5, 1, 1).rates(7, 2, n_cuts=2), [0.02, 0.02])


def test_adaptive_rate_is_cut_where_training_would_stop_and_ends_when_tiny(network_class):
    X = random_data(ARCHITECTURE, 20)
    network = network_class(ARCHITECTURE, random_state=0)
    history = train(
        network,
        X,
        solver=SGD(1e-4),
        learning_rate="adaptive",
        max_iter=100,
        tol=10.0,  # nothing improves by so much
        n_iter_no_change=2,
    )
    # 1e-4 → 2e-5 → 4e-6 → 8e-7: three cuts of two epochs each, the first epoch being the best.
    assert history.n_iter == 1 + 4 * 2
    assert "tol=10" in history.stopped_because


def test_best_parameters_are_given_back(network_class):
    X, X_val = random_data(ARCHITECTURE, 20), random_data(ARCHITECTURE, 20, seed=1)
    network = network_class(ARCHITECTURE, random_state=0)
    history = train(
        network,
        X,
        solver=Adam(0.3),
        batch_size=5,
        max_iter=30,
        X_val=X_val,
        keep_best=True,
        random_state=0,
    )
    best = min(history.validation_loss_curve)
    assert best < history.validation_loss_curve[-1]  # else there is nothing to see
    assert network.reconstruction_errors(X_val).mean() == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("learning_rate", ["constant", "cosine", "invscaling", "adaptive"])
@pytest.mark.parametrize("solver", [SGD(0.1, momentum=0.9), Adam(0.05), RMSprop(0.01)], ids=str)
def test_resumed_training_ends_at_the_same_bits(network_class, solver, learning_rate):
    X, X_val = random_data(ARCHITECTURE, 23), random_data(ARCHITECTURE, 9, seed=1)

    def fit(resume=None, stop_after=None):
        network = network_class(ARCHITECTURE, random_state=0)
        states = []

        def watch(progress):
            states.append(progress.state())
            return progress.n_iter == stop_after

        history = train(
            network,
            X,
            solver=solver,
            learning_rate=learning_rate,
            batch_size=5,
            max_iter=12,
            tol=0.005,
            n_iter_no_change=2,
            random_state=3,
            X_val=X_val,
            keep_best=True,
            callback=watch,
            resume=resume,
        )
        return network.params, history, states[-1:]

    params, history, _ = fit()
    for epoch in range(1, history.n_iter + 1):
        resumed, record, _ = fit(resume=fit(stop_after=epoch)[2][0])
        np.testing.assert_array_equal(resumed, params)
        assert record == history


def test_a_state_of_something_else_is_refused(network_class):
    states = []
    network = network_class(ARCHITECTURE, random_state=0)
    X = random_data(ARCHITECTURE, 20)
    train(network, X, max_iter=1, callback=lambda progress: states.append(progress.state()))
    for arguments in ({"solver": "sgd"}, {"solver": "lbfgs"}):
        with pytest.raises(ValueError, match="resume"):
            train(network, X, resume=states[0], **arguments)
    other = network_class(Architecture.symmetrical((6, 5, 2)), random_state=0)
    with pytest.raises(ValueError, match="another network"):
        train(other, X, resume=states[0])
    with pytest.raises(ValueError, match="SciPy"):
        train(network, X, solver="lbfgs", callback=lambda progress: progress.state() and None)


def test_rows_of_weight_zero_are_not_visited(network_class):
    from ae_core.data.rows import Rows

    X = random_data(ARCHITECTURE, 20)
    weights = np.repeat([0, 1], 10)
    fits = []
    for data in (Rows(X, sample_weight=weights), X[10:]):
        network = network_class(ARCHITECTURE, random_state=0)
        history = train(network, data, batch_size=4, max_iter=3, random_state=0)
        fits.append((history.n_steps, history.loss_curve, network.params))
    assert fits[0][0] == fits[1][0] == 9
    np.testing.assert_allclose(fits[0][1], fits[1][1], rtol=0.1)


# --- many epochs in one call -------------------------------------------------------------------


@pytest.mark.parametrize("learning_rate", ["constant", "adaptive", "invscaling"])
@pytest.mark.parametrize("tol", [None, 1e-4, 1e-2, 0.5])
@pytest.mark.parametrize("options", [{}, {"corruption": "masking"}, {"alpha": 1.0}], ids=str)
def test_whoever_looks_changes_nothing(network_class, tol, learning_rate, options):
    if learning_rate == "adaptive" and tol is None:
        tol = 0.0  # it needs one
    X = np.random.default_rng(0).random((20, 3))
    ends = []
    for callback in (None, lambda progress: False):
        network = network_class(Architecture((3, 2, 3), "tanh", **options), random_state=0)
        history = train(
            network,
            X,
            solver=SGD(0.3, averaging=0.9),
            learning_rate=learning_rate,
            max_iter=150,
            tol=tol,
            n_iter_no_change=4,
            random_state=0,
            callback=callback,
        )
        ends.append((network.params.tolist(), vars(history)))
    assert ends[0] == ends[1]


def test_a_fit_that_diverges_ends_at_the_same_step(network_class):
    X = np.random.default_rng(0).normal(size=(20, 3)) * 5
    ends = []
    for callback in (None, lambda progress: False):
        network = network_class(Architecture((3, 2, 3), "identity"), random_state=0)
        history = History()
        with pytest.raises(NonFiniteLossError) as error:
            train(network, X, solver=SGD(0.5), max_iter=5000, callback=callback, history=history)
        assert 3 < history.n_iter < 5000
        assert np.isfinite(network.params).all()
        ends.append((network.params.tolist(), history.loss_curve, str(error.value)))
    assert ends[0] == ends[1]


@given(
    st.lists(st.floats(-10, 10, width=16), max_size=12),
    st.lists(st.floats(-10, 10, width=16), max_size=12),
    st.sampled_from([None, 0.0, 0.5]),
)
def test_epochs_that_nobody_looks_at_are_judged_as_if_one_by_one(before, losses, tol):
    at_once, in_turn = (Watch(None, None, tol, 3, None, False) for _ in range(2))
    for some in (before, losses):
        at_once._note(np.array(some))
        for loss in some:
            in_turn._judge(loss)
    assert (at_once.best, at_once.n_stale) == (in_turn.best, in_turn.n_stale)
    assert at_once.history.loss_curve == before + losses
