"""partial_fit: each part is gone through, at constant cost; files keep the place; errors change nothing."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.exceptions import NotFittedError

import ae_core
from ae_core import Autoencoder, NonFiniteLossError, VariationalAutoencoder
from ae_core.data.running_scaling import ENOUGH
from ae_core.data.scaling import learn_scaling
from ae_core.training import stream as streams

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

SMALL = {"hidden_layer_sizes": (6,), "random_state": 0}


@pytest.fixture(scope="module")
def wine():
    return load_wine().data


def params_of(model):
    return model.network_.params.copy()


def assert_same(model, known):
    np.testing.assert_array_equal(model.network_.params, known.network_.params)
    for name in ("shift_", "factor_"):
        ours, theirs = getattr(model, name), getattr(known, name)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_array_equal(ours, theirs)
    assert model.loss_curve_ == known.loss_curve_
    assert model.n_iter_ == known.n_iter_
    assert model.history_.n_steps == known.history_.n_steps


# --- every part is gone through ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        Autoencoder(2, tol=0.1, n_iter_no_change=3, **SMALL),
        Autoencoder(2, tol=1e9, n_iter_no_change=1, solver="sgd", **SMALL),
        Autoencoder(2, learning_rate="adaptive", n_iter_no_change=1, tol=1e9, **SMALL),
        Autoencoder(2, learning_rate="adaptive", solver="sgd", n_iter_no_change=2, **SMALL),
        VariationalAutoencoder(2, tol=1e9, n_iter_no_change=1, kl_warm_up=5, **SMALL),
        VariationalAutoencoder(2, learning_rate="adaptive", n_iter_no_change=1, **SMALL),
        Autoencoder(2, learning_rate="invscaling", tol=0.5, averaging=0.9, **SMALL),
        Autoencoder(2, max_iter=1, tol=1e9, n_iter_no_change=1, **SMALL),
    ],
    ids=range(8),
)
def test_no_call_is_in_vain(wine, model):
    model, before = clone(model), None
    for i in range(40):
        model.partial_fit(wine)
        assert model.n_iter_ == i + 1
        assert before is None or (params_of(model) != before).any()
        before = params_of(model)


def test_adaptive_cuts_the_rate_and_goes_on(wine):
    model = Autoencoder(2, learning_rate="adaptive", n_iter_no_change=2, tol=1e9, **SMALL)
    moved = []
    for _ in range(30):
        before = params_of(model) if moved else 0
        model.partial_fit(wine)
        moved.append(np.abs(params_of(model) - before).max())
    assert model._stream.n_cuts == 5  # to 1e-6 of 3e-3, and no further
    assert 0 < moved[-1] < 1e-2 * moved[3]


def test_the_rate_of_invscaling_follows_the_rows_seen(wine):
    models = [
        Autoencoder(2, solver="sgd", momentum=0, learning_rate=rate, shuffle=False, **SMALL)
        for rate in ("invscaling", "constant")
    ]
    for model in models:
        for part in (wine[:60], wine[60:160]):
            model.partial_fit(part, sample_weight=np.ones(len(part)))
    assert models[0]._stream.n_counted == 160
    start = params_of(models[0])
    for model in models:
        model.network_.params[:] = start
        model.partial_fit(wine[:50])
    moves = [params_of(model) - start for model in models]
    np.testing.assert_allclose(moves[0], moves[1] / np.sqrt(161), rtol=1e-6, atol=1e-12)


def test_noise_differs_from_part_to_part(wine):
    model = Autoencoder(2, corruption="masking", solver="sgd", learning_rate_init=1e-9, **SMALL)
    losses = [model.partial_fit(wine[:n]).loss_curve_[-1] for n in (150, 150, 150, 40, 40)]
    assert len(set(losses)) == 5


# --- at constant cost --------------------------------------------------------------------------------


def test_the_history_is_bounded_and_says_what_it_dropped(wine, monkeypatch, tmp_path):
    known = [Autoencoder(2, **SMALL) for _ in range(2)]
    for _ in range(30):
        known[0].partial_fit(wine)
    monkeypatch.setattr(streams, "LONGEST_CURVE", 8)
    model = known[1]
    for i in range(30):
        model.partial_fit(wine)
        assert len(model.loss_curve_) <= 8
        assert model.n_iter_ == i + 1 == model.history_.n_dropped + len(model.loss_curve_)
    assert model.loss_curve_ == known[0].loss_curve_[-len(model.loss_curve_) :]
    np.testing.assert_array_equal(model.network_.params, known[0].network_.params)
    assert model.history_.n_dropped > 20
    model.save(tmp_path / "m")
    assert_same(ae_core.load(tmp_path / "m"), model)
    assert model.diagnose(wine)
    model.fit(wine)
    assert model.history_.n_dropped == 0


def test_a_call_copies_no_history(wine):
    model = Autoencoder(2, **SMALL).partial_fit(wine)
    curve = model.loss_curve_
    for _ in range(3):
        model.partial_fit(wine)
        assert model.loss_curve_ is curve


# --- the first part says little ----------------------------------------------------------------------


def table(n, seed=0):
    return np.random.default_rng(seed).normal([3, -1, 100], [1, 1e-3, 40], (n, 3))


@pytest.mark.parametrize("scale", ["standard", "minmax"])
@pytest.mark.parametrize("sizes", [(1, 99), (1, 1, 1, 97), (2, 200), (30, 30, 40), (99, 1)])
def test_scaling_goes_on_until_enough_rows_were_seen(scale, sizes):
    X = table(sum(sizes))
    model = Autoencoder(1, scale=scale, **SMALL)
    for part in np.split(X, np.cumsum(sizes)[:-1]):
        model.partial_fit(part)
    shift, factor = learn_scaling(X, scale)
    np.testing.assert_allclose(model.shift_, shift, rtol=1e-9)
    np.testing.assert_allclose(model.factor_, factor, rtol=1e-9)
    for _ in range(3):  # and stays
        model.partial_fit(1000 * table(50, seed=1))
        np.testing.assert_allclose(model.factor_, factor, rtol=1e-9)


def test_the_first_hundred_rows_are_enough():
    X = table(2 * ENOUGH)
    model = Autoencoder(1, **SMALL).partial_fit(X[:ENOUGH])
    shift, factor = learn_scaling(X[:ENOUGH], "standard")
    for _ in range(2):
        np.testing.assert_array_equal(model.shift_, shift)
        np.testing.assert_array_equal(model.factor_, factor)
        model.partial_fit(X[ENOUGH:])


@pytest.mark.parametrize("begin", ["fit", "partial_fit"])
@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_columns_that_were_constant_are_scaled_when_they_change(scale, begin):
    first, later = table(300), table(150, seed=1)
    first[:, 1] = 7.0
    model = Autoencoder(1, scale=scale, max_iter=3, **SMALL)
    getattr(model, begin)(first)
    shift, factor = model.shift_.copy(), model.factor_.copy()
    assert (shift[1], factor[1]) == (7, 1)
    for _ in range(2):
        model.partial_fit(first)  # nothing new
        np.testing.assert_array_equal(model.factor_, factor)
    model.partial_fit(later)
    others = [0, 2]
    np.testing.assert_array_equal(model.shift_[others], shift[others])
    np.testing.assert_array_equal(model.factor_[others], factor[others])
    known = learn_scaling(np.append(later[:, [1]], [[7.0]], axis=0), scale)
    assert model.shift_[1] == pytest.approx(known[0][0], rel=1e-9)
    assert model.factor_[1] == pytest.approx(known[1][0], rel=1e-9)
    model.partial_fit(100 * later)
    assert model.factor_[1] == pytest.approx(known[1][0], rel=1e-9)


def test_weights_of_rows_while_scaling_goes_on():
    X, weights = table(90), np.random.default_rng(0).integers(1, 4, 90).astype(float)
    weights[::9] = 0
    weights[1:4] = 1, 2, 3
    model = Autoencoder(1, **SMALL)
    for rows in (slice(0, 4), slice(4, 30), slice(30, 90)):
        model.partial_fit(X[rows], sample_weight=weights[rows])
    shift, factor = learn_scaling(X, "standard", weights)
    np.testing.assert_allclose(model.factor_, factor, rtol=1e-9)
    np.testing.assert_allclose(model.shift_, shift, rtol=1e-9)


@pytest.mark.parametrize("missing", [None, "mask", "implicit"])
def test_scaling_of_sparse_parts_goes_on(missing):
    X = np.abs(table(80))
    X[np.random.default_rng(0).random(X.shape) < 0.5] = 0
    X = scipy.sparse.csr_array(X)
    model = Autoencoder(1, missing_values=missing, **SMALL)
    for rows in (slice(0, 20), slice(20, 80)):
        model.partial_fit(X[rows])
    shift, factor = learn_scaling(X, "standard", missing=missing)
    np.testing.assert_allclose(model.factor_, factor, rtol=1e-9)
    assert (model.shift_ is None) == (shift is None)


def test_columns_of_which_the_first_parts_have_nothing():
    X = table(300)
    X[:120, 2] = np.nan
    model = Autoencoder(1, missing_values="mask", **SMALL).partial_fit(X[:60])
    assert (model.shift_[2], model.factor_[2]) == (0, 1)
    with pytest.warns(UserWarning, match="column 2"):
        assert np.isnan(model.impute(X[:60])[:, 2]).all()
    model.partial_fit(X[60:120]).partial_fit(X[120:])
    assert model.shift_[2] == pytest.approx(X[120:, 2].mean())
    assert model.factor_[2] == pytest.approx(1 / X[120:, 2].std())
    assert np.isfinite(model.impute(X)).all()


def test_flags_and_categories_are_never_scaled():
    pd = pytest.importorskip("pandas")
    random = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"size": table(80)[:, 2], "old": random.random(80) < 0.5, "kind": ["a", "b"] * 40}
    )
    frame.loc[:39, "old"] = False
    model = Autoencoder(1, columns="mixed", **SMALL)
    model.partial_fit(frame[:3]).partial_fit(frame[3:40]).partial_fit(frame[40:])
    is_number = model.encoding_.is_number
    assert (model.factor_[~is_number] == 1).all()
    assert (model.shift_[~is_number] == 0).all()
    assert model.factor_[is_number] == pytest.approx(1 / frame["size"].std(ddof=0))


def test_the_noise_of_a_variational_one_is_learned_from_more_than_one_row():
    X = np.random.default_rng(0).normal(size=(400, 6)) @ np.random.default_rng(1).normal(
        size=(6, 6)
    )
    known = VariationalAutoencoder(2, **SMALL).partial_fit(X)
    model = VariationalAutoencoder(2, **SMALL).partial_fit(X[:1]).partial_fit(X)
    assert model.noise_variance_ == pytest.approx(known.noise_variance_, rel=0.05)
    variance = model.noise_variance_
    assert model.partial_fit(10 * X).noise_variance_ == variance
    own = VariationalAutoencoder(2, noise_variance=0.3, **SMALL).partial_fit(X[:1]).partial_fit(X)
    assert own.noise_variance_ == 0.3


# --- files keep where it was -------------------------------------------------------------------------

KINDS = [
    Autoencoder(2, batch_size=16, **SMALL),
    Autoencoder(2, solver="sgd", averaging=0.9, batch_size=16, **SMALL),
    Autoencoder(2, solver="adamw", learning_rate="invscaling", clip_norm=0.1, **SMALL),
    Autoencoder(
        2, solver="rmsprop", learning_rate="adaptive", n_iter_no_change=1, tol=9.0, **SMALL
    ),
    Autoencoder(2, corruption="gaussian", dropout=0.2, batch_size=16, dtype="float32", **SMALL),
    VariationalAutoencoder(2, kl_warm_up=6, batch_size=16, **SMALL),
    VariationalAutoencoder(2, averaging=0.99, learning_rate="adaptive", **SMALL),
    Autoencoder(2, missing_values="mask", scale="minmax", shuffle=False, batch_size=16, **SMALL),
    Autoencoder(2, scale=None, hidden_layer_sizes=(6,)),
]


def through_file(model, tmp_path):
    model.save(tmp_path / "m")
    return ae_core.load(tmp_path / "m")


@pytest.mark.parametrize("way", ["file", "pickle", "deepcopy"])
@pytest.mark.parametrize("kind", KINDS, ids=range(len(KINDS)))
def test_a_stream_goes_on_to_the_same_bits(wine, kind, way, tmp_path):
    parts = [wine[:1], wine[1:40], wine[40:], wine[::2], wine[:30]]
    known = clone(kind)
    for part in parts:
        if known.random_state is None and not hasattr(known, "network_"):
            np.random.seed(3)
        known.partial_fit(part)
    model = clone(kind)
    for part in parts:
        if model.random_state is None and not hasattr(model, "network_"):
            np.random.seed(3)
        model.partial_fit(part)
        if way == "file":
            model = through_file(model, tmp_path)
        else:
            model = pickle.loads(pickle.dumps(model)) if way == "pickle" else copy.deepcopy(model)
    assert_same(model, known)


def test_a_stream_begun_with_fit_goes_on_to_the_same_bits(wine, tmp_path):
    X = wine.copy()
    X[:, 3] = 5.0
    model = Autoencoder(2, max_iter=2, **SMALL).fit(X)
    loaded = through_file(model, tmp_path)
    for part in (X, wine, wine[:50]):
        assert_same(loaded.partial_fit(part), model.partial_fit(part))
    assert loaded.factor_[3] != 1


def test_files_of_streams_that_were_changed_are_refused(wine, tmp_path):
    from ae_core.files.model_file import read_file, write_file

    Autoencoder(2, averaging=0.9, **SMALL).partial_fit(wine[:3]).save(tmp_path / "m")
    file = read_file(tmp_path / "m")
    stream = file.description["stream"]
    changes = [
        ({**stream, "n_steps": -1}, {}),
        ({**stream, "random": {"state": 1}}, {}),
        ({**stream, "remembers": ["mean"] * 3}, {}),
        ({**stream, "remembers": 7}, {}),
        ({**stream, "best": "x"}, {}),
        ([1], {}),
        (stream, {"stream_memory_0": np.full(3, 1.0)}),
        (stream, {"stream_params": None}),
        (stream, {"running_scaling": np.full((6, 13), -1.0)}),
        (stream, {"running_scaling": np.full((6, 13), np.nan)}),
        (stream, {"running_scaling": np.ones((6, 12))}),
    ]
    for changed, arrays in changes:
        arrays = {**file.arrays, **arrays}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        write_file(tmp_path / "c", file.kind, {**file.description, "stream": changed}, arrays)
        with pytest.raises(ae_core.ModelFileError) as caught:
            ae_core.load(tmp_path / "c")
        assert len(str(caught.value)) < 400


def test_another_solver_can_not_go_on(wine):
    model = Autoencoder(2, **SMALL).partial_fit(wine)
    for changes in ({"solver": "sgd"}, {"averaging": 0.9}, {"solver": "rmsprop"}):
        changed = copy.deepcopy(model).set_params(**changes)
        with pytest.raises(ValueError, match="set them as they were"):
            changed.partial_fit(wine)
        assert_same(changed, model)
    model.set_params(solver="adamw", learning_rate_init=1e-2).partial_fit(wine)
    assert model.n_iter_ == 2
    model.set_params(solver="sgd").fit(wine).partial_fit(wine)
    assert model.n_iter_ == 1


# --- what fails changes nothing ----------------------------------------------------------------------

WRONG = {
    "width": lambda X: (X[:, :5], {}),
    "NaN": lambda X: (np.where(X == X[0, 0], np.nan, X), {}),
    "infinity": lambda X: (np.where(X == X[0, 0], np.inf, X), {}),
    "one row as a vector": lambda X: (X[0], {}),
    "no rows": lambda X: (X[:0], {}),
    "text": lambda X: (X.astype(str), {}),
    "too large": lambda X: (1e200 * X, {}),
    "diverges": lambda X: (1e160 * X, {}),
    "too few weights": lambda X: (X, {"sample_weight": [1.0]}),
    "negative weights": lambda X: (X, {"sample_weight": -np.ones(len(X))}),
    "weights of zero": lambda X: (X, {"sample_weight": np.zeros(len(X))}),
    "nothing": lambda X: (None, {}),
}
WRONG_PARAMETERS = [
    {"learning_rate_init": -1.0},
    {"learning_rate_init": 1e300, "solver": "adam"},
    {"batch_size": 0},
    {"learning_rate": "fast"},
    {"n_components": 3},
    {"dropout": 2.0},
]
ERRORS = (ValueError, TypeError, NonFiniteLossError)


@pytest.mark.parametrize("when", ["first", "later"])
@pytest.mark.parametrize("what", WRONG)
def test_a_call_that_fails_changes_nothing(wine, what, when):
    known, model = (Autoencoder(2, averaging=0.9, **SMALL) for _ in range(2))
    X, options = WRONG[what](wine)
    if when == "later":
        known.partial_fit(wine[:50])
        model.partial_fit(wine[:50])
    if not (when == "first" and what in ("diverges", "width")):  # a first part like any
        with pytest.raises(ERRORS):
            model.partial_fit(X, **options)
    if when == "first":
        with pytest.raises(NotFittedError):
            model.transform(wine)
    for part in (wine[50:], wine):
        assert_same(model.partial_fit(part), known.partial_fit(part))


@pytest.mark.parametrize("parameters", WRONG_PARAMETERS, ids=range(len(WRONG_PARAMETERS)))
def test_a_call_with_wrong_parameters_changes_nothing(wine, parameters):
    known, model = (Autoencoder(2, **SMALL).partial_fit(wine) for _ in range(2))
    before = model.get_params()
    with pytest.raises(ERRORS):
        model.set_params(**parameters).partial_fit(wine)
    model.set_params(**before)
    assert_same(model.partial_fit(wine), known.partial_fit(wine))


def test_ctrl_c_in_a_call_changes_nothing(wine, monkeypatch):
    known, model = (Autoencoder(2, **SMALL).partial_fit(wine) for _ in range(2))

    def interrupted(self, *arguments):
        self.params[:3] = 7
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ae_core.Network, "train_steps", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.partial_fit(wine)
    assert_same(model.partial_fit(wine), known.partial_fit(wine))


@pytest.mark.parametrize("what", sorted(set(WRONG) - {"diverges"}))
def test_a_fit_that_does_not_begin_changes_nothing(wine, what):
    X, options = WRONG[what](wine)
    model = Autoencoder(2, max_iter=2, **SMALL)
    wrong = (X, options) if what != "width" else (X, {"X_val": wine})
    with pytest.raises(ERRORS):
        model.fit(wrong[0], **wrong[1])
    with pytest.raises(NotFittedError):
        model.transform(wine)
    model.fit(wine)
    known = copy.deepcopy(model)
    for parameters in ({}, {"tol": -1.0}, {"batch_size": 0}):
        with pytest.raises(ERRORS):
            copy.copy(model).set_params(**parameters).fit(wrong[0], **wrong[1])
        assert_same(model, known)
        assert model.n_features_in_ == 13


# --- any sequence ------------------------------------------------------------------------------------

STEPS = st.one_of(
    st.tuples(st.just("part"), st.integers(0, 3)),
    st.tuples(st.just("fit"), st.integers(0, 3)),
    st.tuples(st.just("file"), st.just(0)),
    st.tuples(st.just("wrong"), st.sampled_from(sorted(WRONG))),
    st.tuples(st.just("use"), st.integers(0, 3)),
)
MODELS = [
    Autoencoder(2, max_iter=2, batch_size=20, averaging=0.5, **SMALL),
    Autoencoder(2, max_iter=2, solver="sgd", learning_rate="adaptive", n_iter_no_change=1, **SMALL),
    VariationalAutoencoder(2, max_iter=2, kl_warm_up=2, **SMALL),
]


def some_rows(which):
    X = load_wine().data
    X[:60, 4] = 11.0
    return (X[:1], X[:20], X[:60], X)[which]


@settings(max_examples=40)
@given(steps=st.lists(STEPS, max_size=12), which=st.integers(0, len(MODELS) - 1))
def test_any_sequence_is_as_if_files_and_errors_had_not_been(steps, which, tmp_path_factory):
    known, model = clone(MODELS[which]), clone(MODELS[which])
    folder = tmp_path_factory.mktemp("stream")
    for what, how in steps:
        if what == "part":
            known.partial_fit(some_rows(how))
            model.partial_fit(some_rows(how))
        elif what == "fit":
            known.fit(some_rows(how))
            model.fit(some_rows(how))
        elif what == "wrong":
            X, options = WRONG[how](some_rows(3))
            if how == "diverges" or not hasattr(model, "network_"):
                continue  # may be what the first part is scaled by
            with pytest.raises(ERRORS):
                model.partial_fit(X, **options)
        elif not hasattr(model, "network_"):
            with pytest.raises(NotFittedError):
                model.transform(some_rows(3))
        elif what == "file":
            model = through_file(model, folder)
        else:
            X = some_rows(how)
            np.testing.assert_array_equal(model.transform(X), known.transform(X))
            np.testing.assert_array_equal(model.score_samples(X), known.score_samples(X))
        if hasattr(known, "network_"):
            assert_same(model, known)
            assert np.isfinite(model.network_.params).all()
            assert np.isfinite(model.factor_).all()
