"""The family on the estimator: parameters, holes, sparse tables, weights, and what keeps them."""

import tracemalloc
from functools import partial

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import ae_core
from ae_core import Autoencoder, Checkpoint, NotLearningWarning
from ae_core.data.checks import row_slices
from ae_core.data.rows import Rows
from ae_core.data.scaling import learn_scaling
from ae_core.estimators.fit_warnings import warn_if_not_learning
from ae_core.estimators.parameters import architecture_of, solver_of
from ae_core.files.model_file import ModelFileError, read_file, write_file

QUICK = {"max_iter": 30, "random_state": 0}


def with_holes(X, share=0.3, seed=0):
    """X as floats, with NaN for that share of its entries; no row without any."""
    hidden = np.random.default_rng(seed).random(X.shape) < share
    hidden[:, 0] &= ~hidden.all(axis=1)
    return np.where(hidden, np.nan, X)


def implicit(X):
    """The CSR array that stores exactly what is not NaN, zeros included."""
    row, column = np.nonzero(~np.isnan(X))
    return scipy.sparse.csr_array((X[row, column], (row, column)), shape=X.shape)


@pytest.fixture(scope="module")
def wine():
    return load_wine().data


@pytest.fixture(scope="module")
def holes(wine):
    return with_holes(wine)


@pytest.fixture(scope="module")
def counts():
    """Digits as a sparse matrix: half of them are zeros."""
    return scipy.sparse.csr_matrix(load_digits().data[:400])


# --- parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters",
    [
        {"corruption": "gaussian", "corruption_level": 0.2, "dropout": 0.1},
        {"k_sparse": 2, "code_l1": 0.1, "alpha_l1": 0.01},
        {"sparsity": 0.5, "sparsity_target": 0.2, "code_activation": "logistic"},
        {"contraction": 0.1, "feature_weights": (1.0, 2.0, 3.0), "decoder_layer_sizes": (5,)},
    ],
    ids=str,
)
def test_parameters_are_those_of_the_architecture(parameters):
    architecture = architecture_of(Autoencoder(3, **parameters), 3)
    for name, value in parameters.items():
        if hasattr(architecture, name):
            assert getattr(architecture, name) == value


def test_defaults_change_nothing():
    plain = ae_core.Architecture.symmetrical(
        (5, 128, 2), activation="elu", code_activation="identity", alpha=1e-4
    )
    assert architecture_of(Autoencoder(), 5) == plain


@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_solver_clips_and_averages(solver, wine):
    model = Autoencoder(solver=solver, clip_norm=0.5, averaging=0.9, **QUICK)
    assert (solver_of(model).clip_norm, solver_of(model).averaging) == (0.5, 0.9)
    plain = clone(model).set_params(averaging=None).fit(wine)
    assert not np.array_equal(model.fit(wine).network_.params, plain.network_.params)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"corruption": "salt"}, "corruption='salt'.*gaussian"),
        ({"corruption": "masking", "corruption_level": 1.0}, "corruption_level=1.0"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"k_sparse": 3}, "k_sparse=3: must be 1 to 2"),
        ({"code_l1": -1}, "code_l1=-1"),
        ({"sparsity": 1.0}, "sparsity=1.0 with a code activation 'identity'"),
        ({"sparsity_target": 0.0}, "sparsity_target=0.0"),
        ({"contraction": np.inf}, "contraction=inf"),
        ({"alpha_l1": -1}, "alpha_l1=-1"),
        ({"feature_weights": [1, 2]}, "feature_weights has 2 entries.*13"),
        ({"clip_norm": -1}, "clip_norm=-1"),
        ({"averaging": 1.0}, "averaging=1.0"),
        ({"missing_values": "nan"}, "missing_values='nan': must be None, 'mask' or 'implicit'"),
        ({"missing_values": "implicit"}, "X is not sparse: missing_values='implicit'"),
        ({"solver": "lbfgs", "clip_norm": 1.0}, "clip_norm=1.0: solver='lbfgs'"),
        ({"solver": "lbfgs", "averaging": 0.9}, "averaging=0.9: solver='lbfgs'"),
        ({"solver": "lbfgs", "dropout": 0.1}, "dropout=0.1: solver='lbfgs' needs a loss that"),
        ({"solver": "lbfgs", "corruption": "masking"}, "corruption='masking': solver='lbfgs'"),
    ],
    ids=str,
)
def test_wrong_parameters_are_named(wine, parameters, words):
    with pytest.raises(ValueError, match=words):
        Autoencoder(**parameters).fit(wine)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # in 20 iterations
def test_lbfgs_takes_what_stays_the_same(wine):
    model = Autoencoder(8, k_sparse=3, contraction=1e-3, solver="lbfgs", max_iter=20)
    assert model.fit(wine).score(wine) > -0.5 * wine.shape[1] / 2


def test_k_sparse_codes_have_exactly_k_units(wine):
    code = Autoencoder(6, k_sparse=2, **QUICK).fit_transform(wine)
    assert ((code != 0).sum(axis=1) == 2).all()


def test_noise_is_for_training_only(wine):
    model = Autoencoder(2, corruption="gaussian", dropout=0.2, **QUICK).fit(wine)
    np.testing.assert_array_equal(model.transform(wine), model.transform(wine))
    np.testing.assert_array_equal(model.network_.params, clone(model).fit(wine).network_.params)
    other = clone(model).set_params(random_state=1).fit(wine)
    assert not np.array_equal(other.network_.params, model.network_.params)


def test_a_warm_start_may_change_what_is_asked_of_the_same_layers(wine):
    model = Autoencoder(2, warm_start=True, corruption="masking", **QUICK).fit(wine)
    before = model.network_.params.copy()
    model.set_params(corruption=None, contraction=1e-4, max_iter=1).fit(wine)
    assert model.network_.architecture.contraction == 1e-4
    assert np.abs(model.network_.params - before).max() < 0.1


# --- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("missing", [None, "mask"])
def test_integer_weights_are_repeated_rows(wine, holes, missing):
    X = wine if missing is None else holes
    weights = np.random.default_rng(1).integers(0, 4, len(X))
    model = Autoencoder(
        3,
        batch_size=10**6,
        missing_values=missing,
        corruption=None,  # noise is each row's own: of a repeated one, another each time
        feature_weights=np.linspace(0, 2, 13),
        **QUICK,
    )
    weighted = clone(model).fit(X, sample_weight=weights)
    repeated = clone(model).fit(np.repeat(X, weights, axis=0))
    for name in ("shift_", "factor_"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-12)
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-7)
    np.testing.assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-5, atol=1e-6)
    assert weighted.score(X, sample_weight=weights) == pytest.approx(
        weighted.score(np.repeat(X, weights, axis=0)), rel=1e-12
    )
    # The loss and its gradient, at the same place.
    network = weighted.network_
    rows = Rows(X, weighted.shift_, weighted.factor_, weights, missing=missing)
    many = Rows(np.repeat(X, weights, axis=0), weighted.shift_, weighted.factor_, missing=missing)
    results = [network.loss_and_gradient(each) for each in (rows, many)]
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-12)
    size = np.abs(results[1][1]).max()
    np.testing.assert_allclose(results[0][1], results[1][1], atol=1e-12 * max(1, size))


def test_a_column_of_weight_zero_is_not_learned(wine):
    weights = np.ones(13)
    weights[4] = 0
    model = Autoencoder(8, feature_weights=weights, max_iter=100, random_state=0).fit(wine)
    errors = model.feature_errors(wine)
    assert (errors[:, 4] == 0).all()
    residual = (model.reconstruct(wine) - wine).std(axis=0) / wine.std(axis=0)
    assert residual[4] > 2 * np.delete(residual, 4).mean()


# --- scaling of what is seen ---------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    share=st.floats(0, 0.9),
    weighted=st.booleans(),
    at_once=st.integers(1, 40),
)
def test_scaling_is_learned_from_what_is_seen(seed, share, weighted, at_once):
    random = np.random.default_rng(seed)
    X = with_holes(random.normal(5, 3, (40, 4)), share, seed)
    X[0] = X[1] = random.normal(size=4)  # so that something of each column is seen
    X[:, 3] = 0.1
    weights = random.integers(1, 4, 40).astype(float) if weighted else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ae_core.data.scaling.ENTRIES_AT_ONCE", at_once)
        results = [
            learn_scaling(X, "standard", weights, missing="mask"),
            learn_scaling(implicit(X), "standard", weights, missing="implicit"),
        ]
        limits = learn_scaling(X, "minmax", weights, missing="mask")
    known = StandardScaler().fit(X, sample_weight=weights)
    for shift, factor in results:
        np.testing.assert_allclose(shift, known.mean_, rtol=1e-9)
        np.testing.assert_allclose(factor, 1 / known.scale_, rtol=1e-9)
    known = MinMaxScaler().fit(X)
    np.testing.assert_allclose(limits[0], known.data_min_)
    np.testing.assert_allclose(limits[1], known.scale_)


@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_data_is_divided_and_not_shifted(counts, weighted):
    weights = np.random.default_rng(0).integers(0, 3, 400).astype(float) if weighted else None
    shift, factor = learn_scaling(counts, "standard", weights)
    known = StandardScaler(with_mean=False).fit(counts, sample_weight=weights)
    assert shift is None
    np.testing.assert_allclose(factor, 1 / known.scale_, rtol=1e-12)
    with pytest.raises(ValueError, match=r"scale='minmax': X is sparse.*'standard'.*None"):
        Autoencoder(scale="minmax").fit(counts)


def test_a_column_of_which_nothing_is_seen_is_left_alone(holes):
    X = holes.copy()
    X[:, 5] = np.nan
    for scale in ("standard", "minmax"):
        shift, factor = learn_scaling(X, scale, missing="mask")
        assert (shift[5], factor[5]) == (0, 1)
    model = Autoencoder(2, missing_values="mask", **QUICK).fit(X)
    with pytest.warns(UserWarning, match="column 5 had no entry in the fit"):
        filled = model.impute(X)
    assert np.isfinite(np.delete(filled, 5, axis=1)).all()
    assert np.isnan(filled[:, 5]).all()  # nothing is known of it


# --- holes ---------------------------------------------------------------------------------------


def test_nan_is_refused_unless_it_is_expected(holes):
    with pytest.raises(ValueError, match="NaN"):
        Autoencoder(**QUICK).fit(holes)
    with pytest.raises(ValueError, match="infinity"):
        Autoencoder(missing_values="mask", **QUICK).fit(np.where(np.isnan(holes), np.inf, holes))


def test_what_is_unseen_is_of_no_account(holes, wine):
    model = Autoencoder(3, missing_values="mask", **QUICK).fit(holes)
    unseen = np.isnan(holes)
    errors = model.feature_errors(holes)
    assert (errors[unseen] == 0).all()
    assert (errors[~unseen] > 0).all()
    scores = model.score_samples(holes)
    np.testing.assert_allclose(-scores, errors.sum(axis=1) / (~unseen).mean(axis=1), rtol=1e-12)
    assert model.score(holes) == pytest.approx(-errors.sum() / (~unseen).mean(axis=1).sum())
    assert np.isfinite(model.transform(holes)).all()
    assert np.isfinite(model.reconstruct(holes)).all()
    # Where nothing is hidden, it is a model like any other.
    np.testing.assert_array_equal(
        Autoencoder(3, missing_values="mask", corruption=None, scale=None, **QUICK).fit_transform(
            wine / 100
        ),
        Autoencoder(3, scale=None, **QUICK).fit_transform(wine / 100),
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_impute_fills_what_is_unseen_and_nothing_else(holes, scale, dtype):
    X = holes.astype(dtype)
    before = X.copy()
    model = Autoencoder(3, missing_values="mask", scale=scale, **QUICK).fit(X)
    filled, unseen = model.impute(X), np.isnan(X)
    np.testing.assert_array_equal(X, before)
    assert filled.dtype == dtype
    np.testing.assert_array_equal(filled[~unseen], X[~unseen])
    np.testing.assert_allclose(filled[unseen], model.reconstruct(X)[unseen])
    whole = np.arange(26).reshape(2, 13)
    assert model.impute(whole).dtype == whole.dtype


def test_impute_is_better_than_the_column_mean(wine, holes):
    model = Autoencoder(
        4, missing_values="mask", corruption="masking", corruption_level=0.2, random_state=0
    ).fit(holes)
    unseen = np.isnan(holes)

    def error(filled):
        return (((filled - wine) / wine.std(axis=0))[unseen] ** 2).mean()

    mean = np.where(unseen, np.nanmean(holes, axis=0), holes)
    assert error(model.impute(holes)) < 0.8 * error(mean)


@pytest.mark.parametrize("container", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
def test_implicit_holes_are_holes(holes, container):
    X = np.where(holes < 2, 0, holes)  # a stored zero is seen
    sparse = container(implicit(X))
    masked = Autoencoder(3, missing_values="mask", corruption=None, **QUICK).fit(X)
    as_masked = {"scale": "standard", "alpha": 1e-4, "activation": "elu"}
    stored = Autoencoder(3, missing_values="implicit", **as_masked, **QUICK).fit(sparse)
    np.testing.assert_allclose(stored.loss_curve_, masked.loss_curve_, rtol=1e-6)
    filled = stored.impute(sparse)
    assert isinstance(filled, np.ndarray)
    np.testing.assert_allclose(filled, masked.impute(X), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(filled[~np.isnan(X)], X[~np.isnan(X)])
    assert stored.impute(sparse.astype(np.int64)).dtype == np.float64
    with pytest.raises(ValueError, match="not sparse"):
        stored.transform(X)


def test_nan_in_sparse_data_is_filled_where_it_is_stored(counts, monkeypatch):
    in_parts = partial(row_slices, n_entries=1000)
    monkeypatch.setattr("ae_core.data.imputation.row_slices", in_parts)
    X = counts.copy()
    X.data[::7] = np.nan
    model = Autoencoder(4, missing_values="mask", **QUICK).fit(X)
    filled = model.impute(X)
    assert scipy.sparse.issparse(filled)
    assert filled.nnz == X.nnz
    unseen = np.isnan(X.toarray())
    np.testing.assert_array_equal(filled.toarray()[~unseen], X.toarray()[~unseen])
    np.testing.assert_allclose(filled.toarray()[unseen], model.reconstruct(X)[unseen])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_impute_gives_the_frame_it_was_given(holes, library):
    module = pytest.importorskip(library)
    columns = {f"x{i}": holes[:, i] for i in range(4)}
    columns |= {"n": np.arange(len(holes)), "half": holes[:, 4].astype(np.float32)}
    frame = module.DataFrame(columns)
    if library == "pandas":
        frame.index = [f"row {i}" for i in range(len(frame))]
    model = Autoencoder(2, missing_values="mask", **QUICK).fit(frame)
    filled = model.impute(frame)
    assert type(filled) is type(frame)
    assert list(filled.columns) == list(frame.columns)
    assert filled["n"].to_list() == frame["n"].to_list()
    assert str(filled["n"].dtype) == str(frame["n"].dtype)
    before, after = frame.to_numpy(), filled.to_numpy()
    reconstruction = np.asarray(model.reconstruct(frame))
    unseen = np.isnan(before)
    np.testing.assert_array_equal(after[~unseen], before[~unseen])
    np.testing.assert_allclose(after[unseen], reconstruction[unseen], rtol=1e-6)
    if library == "pandas":
        assert list(filled.index) == list(frame.index)
        assert filled["half"].dtype == np.float32


def test_impute_is_for_models_that_know_of_holes(wine):
    assert not hasattr(Autoencoder(), "impute")
    with pytest.raises(AttributeError, match="impute"):
        Autoencoder(**QUICK).fit(wine).impute(wine)
    with pytest.raises(NotFittedError):
        Autoencoder(missing_values="mask").impute(wine)


def test_early_stopping_and_validation_with_holes(holes):
    model = Autoencoder(4, missing_values="mask", early_stopping=True, random_state=0).fit(holes)
    assert len(model.validation_loss_curve_) == model.n_iter_
    ours = clone(model).set_params(max_iter=5).fit(holes, X_val=holes[:20])
    assert ours.best_loss_ == pytest.approx(-ours.score(holes[:20]), rel=1e-10)


def test_the_warning_compares_with_the_mean_of_what_is_seen(holes, counts):
    # Far from zero, so that a mean of zeros and entries would look bad beside anything.
    far = holes + 1000
    for X, missing in ((far, "mask"), (implicit(far), "implicit"), (counts, None)):
        with pytest.warns(NotLearningWarning, match="column mean"):
            Autoencoder(learning_rate_init=1e-7, missing_values=missing, **QUICK).fit(X)
        Autoencoder(8, missing_values=missing, random_state=0).fit(X)  # and no warning


def test_returning_the_mean_of_what_is_seen_is_learning_nothing(holes):
    network = ae_core.Network(ae_core.Architecture.symmetrical((13, 2), activation="tanh"))
    network.params[:] = 0
    network.weights["b2"][:] = np.nanmean(holes, axis=0)
    with pytest.warns(NotLearningWarning, match="column mean"):
        warn_if_not_learning(network, Rows(holes, missing="mask"))


def test_parts_with_holes(holes):
    model = Autoencoder(3, missing_values="mask", random_state=0)
    for _ in range(20):
        for part in (holes[i::3] for i in range(3)):
            model.partial_fit(part)
    assert model.loss_curve_[-1] < 0.8 * model.loss_curve_[0]


# --- sparse tables -------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_sparse_data_are_the_same_numbers(counts, form, kind):
    dense = counts.toarray() / 16
    sparse = getattr(scipy.sparse, f"{form}_{kind}")(dense)
    model = Autoencoder(4, scale=None, **QUICK)
    ours, known = clone(model).fit(sparse, X_val=sparse[:50] if form == "csr" else None), None
    known = clone(model).fit(dense, X_val=dense[:50] if form == "csr" else None)
    np.testing.assert_allclose(ours.loss_curve_, known.loss_curve_, rtol=1e-6)
    np.testing.assert_allclose(ours.validation_loss_curve_, known.validation_loss_curve_, rtol=1e-6)
    for method in ("transform", "reconstruct", "score_samples", "feature_errors", "score"):
        np.testing.assert_allclose(
            getattr(known, method)(sparse), getattr(known, method)(dense), rtol=1e-9, atol=1e-12
        )


def test_sparse_data_that_says_an_entry_twice(counts):
    twice = scipy.sparse.csr_array(
        (np.full(2 * counts.nnz, 0.5), np.repeat(counts.indices, 2), 2 * counts.indptr),
        shape=counts.shape,
    )
    once = scipy.sparse.csr_array((np.ones(counts.nnz), counts.indices, counts.indptr))
    models = [Autoencoder(2, **QUICK).fit(X) for X in (twice, once)]
    np.testing.assert_array_equal(models[0].factor_, models[1].factor_)
    assert models[0].loss_curve_ == models[1].loss_curve_
    assert twice.nnz == 2 * counts.nnz


def test_early_stopping_parts_and_weights_on_sparse_data(counts):
    model = Autoencoder(4, early_stopping=True, **QUICK).fit(counts, sample_weight=np.ones(400))
    assert len(model.validation_loss_curve_) == model.n_iter_
    parts = Autoencoder(4, random_state=0)
    for _ in range(10):
        for start in range(0, 400, 100):
            parts.partial_fit(counts[start : start + 100])
    # Half of what an output of zeros has: the first part's scaling makes the columns' squares 1.
    squares = (counts.toarray() * parts.factor_) ** 2
    assert parts.loss_curve_[-1] < 0.5 * 0.5 * squares.sum(axis=1).mean()
    assert parts.score(counts, sample_weight=np.arange(400)) < 0


@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")  # there is nothing to learn
@pytest.mark.parametrize("missing", [None, "implicit"])
def test_sparse_data_is_never_made_dense(missing):
    # Long, not wide: a diagnosis looks at some rows only, and what it fills in costs by the column.
    X = scipy.sparse.random_array(
        (160_000, 600), density=2e-3, rng=np.random.default_rng(0), format="csr"
    )
    model = Autoencoder(
        2, hidden_layer_sizes=(8,), max_iter=1, random_state=0, missing_values=missing
    )
    tracemalloc.start()
    model.set_params(early_stopping=True).fit(X, callbacks=[])
    model.transform(X)
    model.score(X)
    model.diagnose(X)
    if missing:
        model.impute(X[:100])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.25 * 8 * 160_000 * 600


# --- files ---------------------------------------------------------------------------------------

FAMILY = [
    {"corruption": "masking", "dropout": 0.1, "averaging": 0.9, "clip_norm": 1.0},
    {"k_sparse": 2, "feature_weights": np.linspace(0.5, 1.5, 64), "alpha_l1": 0.1},
    {"missing_values": "implicit", "early_stopping": True, "corruption": "gaussian"},
    {"code_activation": "logistic", "sparsity": 0.1, "solver": "sgd", "averaging": 0.5},
]


@pytest.mark.parametrize("parameters", FAMILY, ids=["noise", "sparse", "implicit", "averaged"])
def test_fits_are_saved_and_resumed_to_the_same_bits(counts, tmp_path, parameters):
    model = Autoencoder(**{"n_components": 4, "max_iter": 9, "random_state": 0, **parameters})
    copies = []

    def copy(progress):
        if progress.n_iter in (2, 5):
            copies.append((tmp_path / "c").read_bytes())

    whole = clone(model).fit(counts, callbacks=[Checkpoint(tmp_path / "c"), copy])
    for saved in copies:
        (tmp_path / "c").write_bytes(saved)
        resumed = clone(model).fit(counts, resume_from=tmp_path / "c")
        np.testing.assert_array_equal(resumed.network_.params, whole.network_.params)
        assert resumed.history_ == whole.history_
    whole.save(tmp_path / "m")
    loaded = ae_core.load(tmp_path / "m")
    assert loaded.network_.architecture == whole.network_.architecture
    np.testing.assert_array_equal(loaded.transform(counts), whole.transform(counts))
    np.testing.assert_array_equal(loaded.score_samples(counts), whole.score_samples(counts))
    other = counts.copy()
    other.data[0] += 1
    with pytest.raises(ValueError, match="other data"):
        clone(model).fit(other, resume_from=tmp_path / "c")


def test_files_of_before_there_was_a_family(wine, tmp_path):
    """What older versions wrote has none of the new parameters and entries."""
    new = set(Autoencoder().get_params()) & {
        *("corruption", "corruption_level", "dropout", "k_sparse", "code_l1", "sparsity"),
        *("sparsity_target", "contraction", "alpha_l1", "feature_weights", "clip_norm"),
        *("averaging", "missing_values"),
    }
    assert len(new) == 13
    model = Autoencoder(2, max_iter=4, random_state=0)
    whole = clone(model).fit(wine, callbacks=[Checkpoint(tmp_path / "c", every=3)])
    whole.save(tmp_path / "m")
    for name in ("c", "m"):
        file = read_file(tmp_path / name)
        description = dict(file.description)
        old = {n: v for n, v in description["parameters"].items() if n not in new}
        description["parameters"] = old
        description.pop("noise_seed", None)
        if "architecture" in description:
            known = ("layer_sizes", "activations", "loss", "code_layer", "biases", "tied", "alpha")
            description["architecture"] = {n: description["architecture"][n] for n in known}
        write_file(tmp_path / f"old {name}", file.kind, description, dict(file.arrays))
    loaded = ae_core.load(tmp_path / "old m")
    np.testing.assert_array_equal(loaded.transform(wine), whole.transform(wine))
    assert loaded.get_params() == whole.get_params()
    resumed = clone(model).fit(wine, resume_from=tmp_path / "old c")
    np.testing.assert_array_equal(resumed.network_.params, whole.network_.params)
    with pytest.raises(ValueError, match=r"dropout=0\.0, not 0\.5"):
        clone(model).set_params(dropout=0.5).fit(wine, resume_from=tmp_path / "old c")


@pytest.mark.parametrize("changes", [{"noise_seed": -1}, {"noise_seed": 0.5}, {"average": None}])
def test_hostile_checkpoints_are_refused(wine, tmp_path, changes):
    model = Autoencoder(2, dropout=0.1, averaging=0.9, max_iter=3, random_state=0)
    clone(model).fit(wine, callbacks=[Checkpoint(tmp_path / "c")])
    file = read_file(tmp_path / "c")
    arrays = {n: a for n, a in file.arrays.items() if n not in changes}
    description = {**file.description, **{n: v for n, v in changes.items() if v is not None}}
    write_file(tmp_path / "changed", file.kind, description, arrays)
    with pytest.raises(ModelFileError):
        clone(model).fit(wine, resume_from=tmp_path / "changed")


@pytest.mark.parametrize(
    ("column", "words"),
    [([1.0, np.nan, 2.0], "NaN: missing_values='mask'"), (["x", "y", "x"], "columns='mixed'")],
)
def test_errors_of_scikit_learn_say_what_there_is_to_do(column, words):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0, 4.0], "b": column})
    for table in (frame, frame.astype({"b": "category"}) if "mixed" in words else frame):
        with pytest.raises(ValueError, match=words):
            Autoencoder(1).fit(table)
