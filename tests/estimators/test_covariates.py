"""Covariates on the estimators: given beside rows, not reconstructed, asked for by every method."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

import ae_core
from ae_core import (
    Autoencoder,
    Blocks,
    Checkpoint,
    ModelFileError,
    Predictor,
    VariationalAutoencoder,
)

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

BOTH = (Autoencoder, VariationalAutoencoder)
METHODS = ("transform", "reconstruct", "score_samples", "feature_errors", "score")


def two_batches(n_rows=200, n_columns=8, seed=0):
    """Rows of two factors, of two batches that differ by an offset; the factors, and the batches."""
    random = np.random.default_rng(seed)
    batch = random.integers(2, size=n_rows)
    factors = random.normal(size=(n_rows, 2))
    offset = 3 * random.normal(size=n_columns)
    X = factors @ random.normal(size=(2, n_columns)) + np.outer(batch, offset)
    return X + 0.1 * random.normal(size=X.shape), factors, batch


def frame_of(batch, seed=0):
    """The batch as a category, with a number and a flag beside it."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "batch": pd.Categorical(np.array(["first", "second"])[batch]),
            "year": random.integers(2010, 2020, len(batch)),
            "fresh": random.random(len(batch)) < 0.5,
        }
    )


def between(code, batch):
    """The share of a code's variance that lies between the batches."""
    means = np.stack([code[batch == b].mean(axis=0) for b in (0, 1)])
    return ((means[batch] - code.mean(axis=0)) ** 2).sum() / ((code - code.mean(axis=0)) ** 2).sum()


# --- what they do ---------------------------------------------------------------------------------


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("kind", ["array", "frame", "series"])
def test_the_code_need_not_say_what_is_given(make, kind):
    X, _, batch = two_batches()
    C = {
        "array": batch[:, None],
        "frame": frame_of(batch)[["batch"]],
        "series": frame_of(batch)["batch"],
    }[kind]
    settings = {"hidden_layer_sizes": (), "max_iter": 300, "learning_rate_init": 1e-2}
    plain = make(2, random_state=0, **settings).fit(X)
    model = make(2, random_state=0, **settings).fit(X, covariates=C)
    # Two factors and a batch are too much for a code of two, unless one of them is known.
    errors = [
        ((m.reconstruct(X, **given) - X) ** 2).mean()
        for m, given in ((plain, {}), (model, {"covariates": C}))
    ]
    assert errors[1] < 0.5 * errors[0]
    codes = plain.transform(X), model.transform(X, covariates=C)
    # To say it all the same costs only a code that is drawn.
    if make is VariationalAutoencoder:
        assert between(codes[1], batch) < 0.01
        assert between(codes[0], batch) > 0.1
    # Rows of one batch can be looked at as if they were of the other.
    other = C.iloc[::-1] if kind != "array" else C[::-1]
    moved = model.inverse_transform(codes[1], covariates=other)
    assert moved.shape == X.shape
    changed = batch != batch[::-1]
    assert np.abs(moved - model.reconstruct(X, covariates=C))[changed].mean() > 1


@pytest.mark.parametrize("make", BOTH)
def test_they_are_neither_reconstructed_nor_scored(make):
    X, _, batch = two_batches(60)
    C = frame_of(batch)
    model = make(2, max_iter=3, random_state=0).fit(X, covariates=C)
    network = model.network_
    assert network.architecture.n_covariates == 4  # two categories, a number and a flag
    assert model.n_features_in_ == 8
    assert model.shift_.shape == (8,)
    assert model.reconstruct(X, covariates=C).shape == X.shape
    errors = model.feature_errors(X, covariates=C)
    assert errors.shape == X.shape
    if make is Autoencoder:
        assert_allclose(errors.sum(axis=1), -model.score_samples(X, covariates=C))
        scaled = (X - model.shift_) * model.factor_
        again = (model.reconstruct(X, covariates=C) - model.shift_) * model.factor_
        assert_allclose(errors, 0.5 * (again - scaled) ** 2, atol=1e-12)


def test_numbers_are_scaled_and_categories_are_not():
    X, _, batch = two_batches(60)
    C = frame_of(batch)
    model = Autoencoder(2, max_iter=1, random_state=0).fit(X, covariates=C)
    given = model._rows(X, C).take(slice(None), np.float64)[:, 8:]
    year = (C["year"] - C["year"].mean()) / C["year"].std(ddof=0)
    expected = np.column_stack([batch == 0, batch == 1, year, C["fresh"]])
    assert_allclose(given, expected, atol=1e-12)
    model = Autoencoder(2, max_iter=1, scale="minmax", loss="binary_cross_entropy", random_state=0)
    model.fit(X, covariates=C)
    given = model._rows(X, C).take(slice(None), np.float64)[:, 10]
    assert_allclose([given.min(), given.max()], [0, 1], atol=1e-12)
    later = C.assign(year=2050)
    code = model.transform(X, covariates=later)
    assert_allclose(
        model.inverse_transform(code, covariates=later), model.reconstruct(X, covariates=later)
    )


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"scale": "minmax", "loss": "binary_cross_entropy"},
        {"loss": "poisson"},
        {"loss": "negative_binomial"},
        {"missing_values": "mask", "early_stopping": True},
        {"missing_values": "mask", "corruption": "masking"},
        {"scale": None, "early_stopping": True, "dtype": "float32"},
        {"solver": "sgd", "decoder_layer_sizes": (5, 4)},
    ],
    ids=str,
)
def test_saved_loaded_cloned_and_of_any_number_of_threads(make, settings, tmp_path):
    X, _, batch = two_batches(80)
    C = frame_of(batch)
    if "poisson" in settings.values() or "negative_binomial" in settings.values():
        X = np.random.default_rng(0).poisson(np.exp(X / 4)).astype(float)
    if settings.get("missing_values"):
        X[np.random.default_rng(1).random(X.shape) < 0.2] = np.nan
    settings = {"max_iter": 5, "random_state": 0, **settings}
    model = make(2, n_threads=1, **settings).fit(X, covariates=C)
    other = clone(make(2, n_threads=3, **settings)).fit(X, covariates=C)
    model.save(tmp_path / "model")
    loaded = ae_core.load(tmp_path / "model")
    methods = (*METHODS, "impute") if settings.get("missing_values") else METHODS
    for method in methods:
        found = getattr(model, method)(X, covariates=C)
        assert np.isfinite(found).all()
        for twin in (other, loaded):
            assert_array_equal(getattr(twin, method)(X, covariates=C), found)
    assert_array_equal(
        loaded.inverse_transform(model.transform(X, covariates=C), covariates=C),
        model.inverse_transform(model.transform(X, covariates=C), covariates=C),
    )
    if make is VariationalAutoencoder:
        drawn = [m.sample(80, random_state=0, covariates=C) for m in (model, loaded)]
        assert_array_equal(drawn[0], drawn[1])
        posterior = model.sample_posterior(X, random_state=0, covariates=C)
        assert posterior.shape == (80, 2)


@pytest.mark.parametrize("missing", [None, "mask", "implicit"])
def test_sparse_rows_are_as_dense_ones(missing):
    random = np.random.default_rng(0)
    batch = random.integers(2, size=70)
    dense = np.where(random.random((70, 9)) < 0.4, random.integers(1, 6, (70, 9)), 0).astype(float)
    X = scipy.sparse.csr_matrix(dense)
    settings = {"max_iter": 5, "random_state": 0, "missing_values": missing, "scale": None}
    model = Autoencoder(2, **settings).fit(X, covariates=batch[:, None])
    if missing != "implicit":
        twin = Autoencoder(2, **settings).fit(dense, covariates=batch[:, None])
        for method in METHODS:
            assert_allclose(
                getattr(model, method)(X, covariates=batch[:, None]),
                getattr(twin, method)(dense, covariates=batch[:, None]),
                rtol=1e-6,
                atol=1e-9,
            )
    else:
        ratings = Autoencoder(
            2, missing_values="implicit", early_stopping=True, max_iter=5, random_state=0
        ).fit(X, covariates=batch[:, None])
        filled = ratings.impute(X, covariates=batch[:, None])
        assert_array_equal(filled[dense > 0], dense[dense > 0])
        columns, _ = ratings.recommend(X, 2, covariates=batch[:, None])
        assert columns.shape == (70, 2)


def test_mixed_columns_may_have_covariates_too():
    X, _, batch = two_batches(60, 3)
    table = pd.DataFrame(X, columns=["a", "b", "c"])
    table["kind"] = pd.Categorical(np.array(["x", "y", "z"])[np.arange(60) % 3])
    C = frame_of(batch)
    model = Autoencoder(2, columns="mixed", max_iter=5, random_state=0).fit(table, covariates=C)
    back = model.reconstruct(table, covariates=C)
    assert list(back.columns) == list(table.columns)
    assert set(back["kind"]) <= {"x", "y", "z"}
    assert model.feature_errors(table, covariates=C).shape == (60, 4)


def test_fit_transform_and_metadata_routing():
    from sklearn import config_context
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X, _, batch = two_batches(60)
    C = batch[:, None]
    make = {"max_iter": 3, "random_state": 0}
    model = Autoencoder(2, **make)
    code = model.fit_transform(X, covariates=C)
    assert_array_equal(code, model.transform(X, covariates=C))
    with config_context(enable_metadata_routing=True):
        asks = Autoencoder(2, **make).set_fit_request(covariates=True)
        asks = asks.set_transform_request(covariates=True)
        pipeline = make_pipeline(StandardScaler(), asks).fit(X, covariates=C)
        assert pipeline.transform(X, covariates=C).shape == (60, 2)


def test_parts_and_warm_starts_keep_the_first_categories():
    X, _, batch = two_batches(120)
    C = frame_of(batch)
    model = Autoencoder(2, random_state=0)
    for start in range(0, 120, 40):
        model.partial_fit(X[start : start + 40], covariates=C[start : start + 40])
    learned = model._covariates
    assert model.transform(X, covariates=C).shape == (120, 2)
    with pytest.raises(ValueError, match="covariates=None"):
        model.partial_fit(X)
    assert model._covariates is learned
    warm = Autoencoder(2, warm_start=True, max_iter=3, random_state=0).fit(X, covariates=C)
    learned = warm._covariates
    before = warm.score(X, covariates=C)
    warm.fit(X, covariates=C)
    assert warm._covariates is learned
    assert warm.score(X, covariates=C) > before
    with pytest.raises(ValueError, match="covariates=None"):
        warm.fit(X)
    cold = clone(warm).set_params(warm_start=False).fit(X, covariates=C).fit(X)
    assert cold.transform(X).shape == (120, 2)  # a fit without them asks for none


def test_checkpoints_know_what_was_given(tmp_path):
    X, _, batch = two_batches(60)
    C, path = batch[:, None], tmp_path / "checkpoint"
    settings = {"max_iter": 6, "random_state": 0}
    whole = Autoencoder(2, **settings).fit(X, covariates=C, callbacks=[Checkpoint(path, every=4)])
    again = Autoencoder(2, **settings).fit(X, covariates=C, resume_from=path)
    assert_array_equal(again.network_.params, whole.network_.params)
    with pytest.raises(ValueError, match="is a checkpoint of a fit to other data"):
        Autoencoder(2, **settings).fit(X, covariates=1 - C, resume_from=path)


# --- what is refused ------------------------------------------------------------------------------


def calls_of(model, X):
    codes = np.zeros((len(X), 2))
    calls = [getattr(model, method) for method in (*METHODS, "partial_fit")]
    calls = [lambda call=call, **given: call(X, **given) for call in calls]
    calls.append(lambda **given: model.inverse_transform(codes, **given))
    if isinstance(model, VariationalAutoencoder):
        calls.append(lambda **given: model.sample(len(X), **given))
        calls.append(lambda **given: model.sample_posterior(X, **given))
    return calls


@pytest.mark.parametrize("make", BOTH)
def test_every_method_asks_for_them(make):
    X, _, batch = two_batches(30)
    C = frame_of(batch)
    with_them = make(2, max_iter=1, random_state=0).fit(X, covariates=C)
    without = make(2, max_iter=1, random_state=0).fit(X)
    for call in calls_of(with_them, X):
        with pytest.raises(
            ValueError, match=r"covariates=None: .* with 3 columns of covariates \(batch, year, fr"
        ) as error:
            call()
        assert len(str(error.value)) <= 300
    for call in calls_of(without, X):
        with pytest.raises(ValueError, match="covariates are given, and the model was fitted with"):
            call(covariates=C)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda C: C[:-1], "covariates has 29 rows, and there are 30"),
        (lambda C: C[["year", "batch", "fresh"]], "covariates has columns 'year, batch, fresh': "),
        (lambda C: C[["batch", "year"]], "the fit had columns 'batch, year, fresh', in this order"),
        (lambda C: C.to_numpy(), "covariates"),
        (lambda C: np.ones((30, 3)), "covariates is an array: the fit had a DataFrame"),
        (lambda C: C.assign(batch="third"), "covariates: column 'batch' has 'third'.*"),
        (
            lambda C: C.assign(year=C["year"].where(C["year"].index > 0)),
            "covariates has no value in column 'year', row 0: each must be known",
        ),
        (lambda C: C.assign(year="long ago"), "covariates: column 'year' has dtype"),
        (lambda C: "batch", "covariates is"),
    ],
)
def test_others_than_those_of_the_fit_are_refused(change, message):
    X, _, batch = two_batches(30)
    C = frame_of(batch)
    model = Autoencoder(2, max_iter=1, random_state=0).fit(X, covariates=C)
    for call in calls_of(model, X):
        with pytest.raises((ValueError, TypeError), match=message) as error:
            call(covariates=change(C))
        assert len(str(error.value)) <= 300


@pytest.mark.parametrize(
    ("C", "message"),
    [
        (np.zeros(30), r"covariates of shape \(30,\).*one column covariates.reshape\(-1, 1\)"),
        (np.zeros((29, 1)), "covariates has 29 rows, and there are 30"),
        (np.full((30, 1), np.nan), r"covariates\[0, 0\] is nan"),
        (np.array([["a"], ["b"]] * 15), "give a DataFrame, whose text and categories become a"),
        (np.empty((30, 0)), "covariates has no columns"),
        (pd.DataFrame({"when": pd.date_range("2020", periods=30)}), "covariates.*when"),
    ],
)
def test_what_is_no_table_of_covariates_is_refused(C, message):
    X, _, _ = two_batches(30)
    model = Autoencoder(2, max_iter=1)
    with pytest.raises((ValueError, TypeError), match=message) as error:
        model.fit(X, covariates=C)
    assert len(str(error.value)) <= 300
    assert not hasattr(model, "network_")
    assert model._covariates is None


def test_an_array_stays_an_array():
    X, _, batch = two_batches(30)
    model = Autoencoder(2, max_iter=1, random_state=0).fit(X, covariates=np.ones((30, 2)))
    with pytest.raises(ValueError, match="covariates has 3 columns: the fit had 2"):
        model.transform(X, covariates=np.ones((30, 3)))
    with pytest.raises(ValueError, match="covariates is a DataFrame: the fit had an array of 2"):
        model.transform(X, covariates=frame_of(batch)[["year", "fresh"]])


def test_what_does_not_carry_them_says_so(tmp_path):
    X, _, batch = two_batches(40)
    C = batch[:, None]
    model = Autoencoder(2, max_iter=1, random_state=0).fit(X, covariates=C)
    blocks = Blocks([X[:20], X[20:]])
    is_for_memory = "covariates is not for X in blocks, or for to=…: give a table in memory"
    for call, message in (
        (lambda: Autoencoder(2).fit(blocks, covariates=C), is_for_memory),
        (lambda: model.transform(blocks, covariates=C), is_for_memory),
        (lambda: model.transform(X, covariates=C, to=tmp_path / "a.npy"), is_for_memory),
        (lambda: model.score(blocks, covariates=C), is_for_memory),
        (lambda: list(model.transform(blocks)), "covariates=None: the model was fitted with 1 col"),
        (lambda: Autoencoder(2).fit(X, covariates=C, X_val=X), "covariates is of X alone, and X_v"),
        (lambda: Autoencoder(2, tied=True).fit(X, covariates=C), "tied=True with n_covariates=1"),
        (lambda: model.to_onnx(), "fitted with covariates can't be exported"),
        (lambda: model.to_torch(), "fitted with covariates can't be exported"),
        (lambda: model.diagnose(blocks, covariates=C), "covariates is not for X in blocks"),
    ):
        with pytest.raises(ValueError, match=message) as error:
            call()
        assert len(str(error.value)) <= 300
    model.save(tmp_path / "model")
    with pytest.raises(ModelFileError, match="it was fitted with covariates, which Predictor has"):
        Predictor.load(tmp_path / "model")


def test_blocks_after_covariates_ask_for_none():
    X, _, batch = two_batches(40)
    model = Autoencoder(2, max_iter=1, random_state=0).fit(X, covariates=batch[:, None])
    model.fit(Blocks([X[:20], X[20:]]))
    assert model.transform(X).shape == (40, 2)


def test_files_that_do_not_fit_are_refused(tmp_path):
    from ae_core.files.model_file import read_file, write_file

    X, _, batch = two_batches(30)
    path = tmp_path / "model"
    Autoencoder(2, max_iter=1, random_state=0).fit(X, covariates=frame_of(batch)).save(path)
    file = read_file(path, "Autoencoder")
    for change in (
        lambda d, a: d.pop("covariates"),
        lambda d, a: d.update(covariates=3),
        lambda d, a: d["covariates"].update(n_columns=2),
        lambda d, a: d["covariates"].update(encoding=None),
        lambda d, a: d["covariates"].update(encoding=[]),
        lambda d, a: a.pop("covariate_shift"),
        lambda d, a: a.update(covariate_factor=np.zeros(4)),
        lambda d, a: a.update(covariate_factor=np.ones(3)),
        lambda d, a: a.update(covariate_shift=np.full(4, np.inf)),
    ):
        description = {**file.description, "covariates": dict(file.description["covariates"])}
        arrays = dict(file.arrays)
        change(description, arrays)
        write_file(tmp_path / "other", "Autoencoder", description, arrays)
        with pytest.raises(ModelFileError):
            ae_core.load(tmp_path / "other")


def test_the_command_line_says_that_it_has_none(tmp_path, capsys):
    from ae_core.cli.main import main

    X, _, batch = two_batches(30)
    model, data = str(tmp_path / "model"), str(tmp_path / "data.csv")
    Autoencoder(2, max_iter=1, random_state=0).fit(X, covariates=batch[:, None]).save(model)
    np.savetxt(data, X, delimiter=",")
    for command in ("encode", "score", "reconstruct", "diagnose"):
        assert main([command, model, data]) == 2
        said = " ".join(capsys.readouterr().err.split())
        assert "a model that was fitted with covariates is for Python alone" in said
    assert main(["info", model]) == 0


def test_partitions_carry_none():
    pytest.importorskip("dask")
    from ae_core.dask import DaskAutoencoder, DaskVariationalAutoencoder

    X, _, batch = two_batches(30)
    for make in (DaskAutoencoder, DaskVariationalAutoencoder):
        with pytest.raises(ValueError, match="covariates is not for tables in partitions: use"):
            make(2).fit(X, covariates=batch[:, None])
        with pytest.raises(ValueError, match="size_factors is not for tables in partitions: use"):
            make(2).fit(X, size_factors=np.ones(30))
