"""Counts: what the defaults give, sizes of rows, and what is refused."""

import numpy as np
import pandas
import pytest
import scipy.sparse
import scipy.stats
from numpy.testing import assert_allclose, assert_array_equal

import ae_core
from ae_core import Autoencoder, VariationalAutoencoder
from ae_core.formulas.noise import SAMPLE, Draw, noise_key, normals

# Most fits here are of a few epochs: what they say is exact whatever they have learned.
pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")

BOTH = (Autoencoder, VariationalAutoencoder)
COUNT_LOSSES = ("poisson", "negative_binomial", "multinomial")


def cells(n_rows=300, n_columns=40, seed=0):
    """Counts of rows in three groups, of very different depths; and the groups."""
    random = np.random.default_rng(seed)
    group = random.integers(3, size=n_rows)
    rates = np.exp(random.normal(0, 1, n_columns) + 1.2 * random.normal(size=(3, n_columns)))
    depths = np.exp(0.8 * random.normal(size=(n_rows, 1)))
    return random.poisson(depths * rates[group]).astype(float), group


def deviance(X, rates):
    log_ratio = np.log(np.where(X > 0, X, 1) / rates)
    return 2 * np.mean(np.where(X > 0, X * log_ratio - (X - rates), rates))


@pytest.mark.parametrize("make", BOTH)
def test_the_plain_call_predicts_counts_that_it_has_not_seen(make):
    X, _ = cells()
    given = np.random.default_rng(1).binomial(X.astype(int), 0.8).astype(float)
    rest = X - given
    model = make(4, loss="poisson", max_iter=60, random_state=0).fit(given)
    sums = given.sum(axis=1, keepdims=True)
    mean = sums * given.mean(axis=0) / sums.mean()
    ours = deviance(rest, np.maximum(model.reconstruct(given), 1e-9) / 4)
    assert ours < 0.9 * deviance(rest, np.maximum(mean, 1e-9) / 4)


def few_counts(seed, n_rows=300, n_columns=60):
    """Rows of five groups with few counts each, given and held out: most of them is noise."""
    random = np.random.default_rng(seed)
    marks = np.exp(random.normal(size=(5, n_columns)) * (random.random((5, n_columns)) < 0.3))
    rates = np.exp(random.normal(-1, 1.2, n_columns)) * marks[random.integers(5, size=n_rows)]
    rates *= np.exp(0.5 * random.normal(size=(n_rows, 1))) * random.gamma(3, 1 / 3, rates.shape)
    X = random.poisson(rates) + (np.arange(n_columns) < 1)
    given = random.binomial(X, 0.8)
    return given.astype(float), X - given


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_shares_of_few_counts_are_better_than_the_mean_ones(make, seed):
    given, rest = few_counts(seed)
    sums = given.sum(axis=1, keepdims=True)
    shares = make(8, loss="multinomial", random_state=0).fit(given).reconstruct(given)
    mean = np.maximum(given.sum(axis=0) / given.sum(), 1e-9)
    assert deviance(rest, sums * shares / 4) < deviance(rest, sums * mean / 4)


@pytest.mark.parametrize(
    ("loss", "alpha"),
    [
        ("poisson", 10),
        ("negative_binomial", 10),
        ("multinomial", 3),
        ("squared_error", 1e-4),
        ("huber", 1e-4),
    ],
)
@pytest.mark.parametrize("corruption", [None, "auto", "masking"])
def test_what_alpha_auto_means(loss, alpha, corruption):
    X, _ = cells(n_rows=40, n_columns=5)
    if (loss, corruption) == ("multinomial", "masking"):
        alpha = 1
    for make in BOTH[: 2 - (loss == "huber")]:
        settings = {"loss": loss, "corruption": corruption, "max_iter": 1, "random_state": 0}
        assert make(2, **settings).fit(X).network_.architecture.alpha == alpha
        asked = make(2, alpha=0.5, **settings).fit(X)
        assert asked.network_.architecture.alpha == 0.5


@pytest.mark.parametrize("loss", COUNT_LOSSES)
def test_depth_is_not_what_the_code_says(loss):
    X, _ = cells(n_columns=100)
    model = Autoencoder(3, loss=loss, max_iter=40, random_state=0).fit(X)
    rows = np.random.default_rng(0).integers(5, 40, size=(20, 100)).astype(float)
    assert_allclose(model.transform(rows), model.transform(7 * rows), rtol=1e-6, atol=1e-8)
    whole = Autoencoder(3, loss=loss, size_factors=None, max_iter=2, random_state=0).fit(X)
    assert np.abs(whole.transform(rows) - whole.transform(7 * rows)).max() > 0.1


def test_rates_are_as_large_as_the_row_and_shares_are_shares():
    X, _ = cells()
    model = Autoencoder(3, loss="poisson", max_iter=20, random_state=0).fit(X)
    assert_allclose(model.reconstruct(3 * X), 3 * model.reconstruct(X), rtol=1e-6)
    model = Autoencoder(3, loss="multinomial", max_iter=5, random_state=0).fit(X)
    assert_allclose(model.reconstruct(X).sum(axis=1), 1)


@pytest.mark.parametrize("loss", ["poisson", "multinomial"])
def test_scores_are_those_of_the_counts(loss):
    X, _ = cells(n_rows=60)
    X[5] = 0
    model = Autoencoder(3, loss=loss, max_iter=5, random_state=0).fit(X)
    X_hat = model.reconstruct(X)
    log_ratio = np.log(np.where(X > 0, X, 1) / X_hat)
    if loss == "poisson":
        expected = np.where(X > 0, X * log_ratio - (X - X_hat), X_hat)
    else:
        expected = -X * np.log(X_hat)
    assert_allclose(model.feature_errors(X), expected, atol=1e-8)
    assert_allclose(-model.score_samples(X), expected.sum(axis=1), rtol=1e-8)


def test_a_variational_bound_is_of_the_counts():
    X, _ = cells(n_rows=60)
    settings = {"loss": "multinomial", "max_iter": 5, "random_state": 0}
    model = VariationalAutoencoder(3, **settings).fit(X)
    rows = model._rows(X)
    mean, log_variance = model.network_.posterior(rows)
    divergence = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    likelihood = model.network_.bound(rows) + divergence
    size = X.sum(axis=1) / np.median(X.sum(axis=1))
    assert_allclose(model.score_samples(X), size * likelihood - divergence)
    with pytest.raises(ValueError, match="n_draws=5: with size_factors the bound is of one draw"):
        model.score_samples(X, n_draws=5)
    whole = VariationalAutoencoder(3, size_factors=None, **settings).fit(X)
    assert np.isfinite(whole.score_samples(X, n_draws=5)).all()


@pytest.mark.parametrize("loss", ["poisson", "negative_binomial"])
def test_a_variational_bound_has_its_offset_in_the_logits(loss):
    X, _ = cells(n_rows=60)
    model = VariationalAutoencoder(3, loss=loss, max_iter=5, random_state=0).fit(X)
    size = X.sum(axis=1) / np.median(X.sum(axis=1))
    rows = model._rows(X)
    assert_array_equal(rows.X, X)  # the counts themselves
    assert_allclose(rows.row_size, size)
    mean, log_variance = model.network_.posterior(rows)
    divergence = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    draw = Draw(noise_key(0, 0), rows.fingerprints())
    Z = mean + np.exp(log_variance / 2) * normals(draw, SAMPLE, 3)
    rates = size[:, None] * model.inverse_transform(Z)
    if loss == "poisson":
        minus = np.where(X > 0, X * np.log(np.where(X > 0, X, 1) / rates) - (X - rates), rates)
    else:
        theta = np.exp(model.network_.params[-40:])
        minus = -scipy.stats.nbinom.logpmf(X, theta, theta / (theta + rates))
    assert_allclose(model.score_samples(X), -minus.sum(axis=1) - divergence, rtol=1e-8)
    assert model.score_samples(X, n_draws=50).mean() > model.score_samples(X).mean()


def test_the_negative_binomial_is_of_the_counts_themselves():
    X, _ = cells(n_rows=80)
    model = Autoencoder(3, loss="negative_binomial", max_iter=20, random_state=0).fit(X)
    theta = np.exp(model.network_.params[-40:])
    rates = model.reconstruct(X)
    expected = -scipy.stats.nbinom.logpmf(X, theta, theta / (theta + rates))
    assert_allclose(model.feature_errors(X), expected, rtol=1e-8)
    assert_allclose(model.reconstruct(3 * X), 3 * rates, rtol=1e-6)


def test_training_is_that_of_counts_with_an_offset():
    X, _ = cells(n_rows=50)
    model = Autoencoder(3, loss="poisson", alpha=0.0, max_iter=3, random_state=0).fit(X)
    size = X.sum(axis=1) / np.median(X.sum(axis=1))
    rates = model.reconstruct(X)
    expected = np.where(X > 0, X * np.log(np.where(X > 0, X, 1) / rates) - (X - rates), rates)
    assert_allclose(model.network_.loss(model._rows(X)), expected.sum() / size.sum(), rtol=1e-9)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("loss", COUNT_LOSSES)
def test_sparse_counts_are_as_dense_ones_and_come_back_from_a_file(make, loss, tmp_path):
    X, _ = cells(n_rows=80)
    settings = {"loss": loss, "max_iter": 5, "random_state": 0}
    dense = make(3, **settings).fit(X)
    sparse = make(3, **settings).fit(scipy.sparse.csr_matrix(X))
    assert_allclose(sparse.reconstruct(X), dense.reconstruct(X), rtol=1e-6)
    sparse.save(tmp_path / "model")
    loaded = ae_core.load(tmp_path / "model")
    assert_array_equal(loaded.reconstruct(X), sparse.reconstruct(X))
    assert_array_equal(loaded.score_samples(X), sparse.score_samples(X))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32])
def test_counts_of_any_type(dtype):
    X, _ = cells(n_rows=60)
    X = np.minimum(X, 200).astype(dtype)
    model = Autoencoder(3, loss="poisson", max_iter=3, random_state=0).fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    assert model.network_.dtype == (np.float32 if dtype == np.float32 else np.float64)


def test_rows_and_tables_of_nothing():
    X, _ = cells(n_rows=30)
    X[:5] = 0
    model = Autoencoder(2, loss="poisson", max_iter=3, random_state=0).fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    X[5:] = 0
    model = Autoencoder(2, loss="poisson", max_iter=3, random_state=0).fit(X)
    assert np.isfinite(model.reconstruct(X)).all()


def test_parts_have_the_size_of_the_first():
    X, _ = cells(n_rows=120)
    model = Autoencoder(3, loss="poisson", random_state=0)
    for start in range(0, 120, 40):
        model.partial_fit(X[start : start + 40])
    assert_allclose(model._usual_sum, np.median(X[:40].sum(axis=1)))
    assert (model.reconstruct(X) > 0).all()


@pytest.mark.parametrize("make", [np.asarray, scipy.sparse.csr_matrix])
def test_negative_numbers_are_no_counts(make):
    X, _ = cells(n_rows=20)
    X[3, 7] = -2
    with pytest.raises(ValueError, match=r"X\[3, 7\] is -2: loss='poisson' needs numbers to be 0"):
        Autoencoder(2, loss="poisson").fit(make(X))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size_factors": "row_sum"}, "size_factors='row_sum' with loss='squared_error': "),
        (
            {"size_factors": "row_sum", "loss": "poisson", "missing_values": "mask"},
            "the sum of a row is only known where nothing is missing",
        ),
        (
            {"size_factors": "row_sum", "loss": "poisson", "scale": "minmax"},
            "size_factors='row_sum' with scale='minmax': ",
        ),
        ({"size_factors": "median"}, "size_factors='median': must be"),
        ({"input_transform": "sqrt"}, "input_transform='sqrt': must be"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, message):
    X, _ = cells(n_rows=20)
    with pytest.raises(ValueError, match=message) as error:
        Autoencoder(2, **settings).fit(X)
    assert len(str(error.value)) <= 300


def test_a_table_of_cells_says_what_to_pass():
    class AnnData:
        X, obs, var = cells(n_rows=20)[0], None, None

    AnnData.__module__ = "anndata._core.anndata"
    with pytest.raises(TypeError, match=r"give its matrix, X\.X"):
        Autoencoder(2).fit(AnnData())


# --- sizes that are given -------------------------------------------------------------------------


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("loss", COUNT_LOSSES)
def test_sizes_may_be_given(make, loss, tmp_path):
    X, _ = cells(n_rows=80)
    sizes = np.random.default_rng(3).uniform(50, 500, 80)
    model = make(3, loss=loss, size_factors="given", max_iter=5, random_state=0)
    model.fit(X, size_factors=sizes)
    rates = model.reconstruct(X, size_factors=sizes)
    has_size = loss != "multinomial"
    for double in (model.reconstruct(2 * X, size_factors=2 * sizes),):
        assert_allclose(double, 2 * rates if has_size else rates, rtol=1e-6)
    assert_allclose(
        model.transform(X, size_factors=sizes), model.transform(3 * X, size_factors=3 * sizes)
    )
    usual = model.reconstruct(X, size_factors=sizes, normalized=True)
    codes = model.transform(X, size_factors=sizes)
    assert_allclose(usual, model.inverse_transform(codes), rtol=1e-6)
    assert_allclose(model.inverse_transform(codes, size_factors=sizes), rates, rtol=1e-6)
    # Only how large they are beside each other counts.
    again = make(3, loss=loss, size_factors="given", max_iter=5, random_state=0)
    again.fit(X, size_factors=1000 * sizes)
    assert_allclose(again.transform(X, size_factors=1000 * sizes), codes, rtol=1e-6)
    model.save(tmp_path / "model")
    loaded = ae_core.load(tmp_path / "model")
    for method in ("transform", "reconstruct", "score_samples", "feature_errors", "score"):
        of = getattr(loaded, method)(X, size_factors=sizes)
        assert_array_equal(of, getattr(model, method)(X, size_factors=sizes))


@pytest.mark.parametrize("loss", ["poisson", "negative_binomial"])
def test_given_row_sums_are_row_sums(loss):
    X, _ = cells(n_rows=80)
    ours = VariationalAutoencoder(3, loss=loss, max_iter=5, random_state=0).fit(X)
    sums = X.sum(axis=1)
    given = VariationalAutoencoder(
        3, loss=loss, size_factors="given", max_iter=5, random_state=0
    ).fit(X, size_factors=sums)
    assert_array_equal(given.transform(X, size_factors=sums), ours.transform(X))
    assert_array_equal(given.score_samples(X, size_factors=sums), ours.score_samples(X))


def test_sizes_that_are_given_go_with_what_is_missing():
    X, _ = cells(n_rows=120)
    sizes = X.sum(axis=1)
    holed = X.copy()
    holed[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    settings = {"loss": "poisson", "size_factors": "given", "missing_values": "mask"}
    for early_stopping in (False, True):
        model = Autoencoder(
            3, max_iter=60, early_stopping=early_stopping, random_state=0, **settings
        ).fit(holed, size_factors=sizes)
        filled = model.impute(holed, size_factors=sizes)
        hidden = np.isnan(holed)
        assert_array_equal(filled[~hidden], X[~hidden])
        alone = np.broadcast_to(np.nanmean(holed, axis=0), X.shape)
        assert deviance(X[hidden], filled[hidden]) < 0.7 * deviance(X[hidden], alone[hidden])


def test_parts_have_given_sizes_and_threads_the_same_bits():
    X, _ = cells(n_rows=120)
    sizes = X.sum(axis=1)
    found = []
    for n_threads in (1, 2, 3):
        model = Autoencoder(
            3,
            loss="negative_binomial",
            size_factors="given",
            random_state=0,
            n_threads=n_threads,
        )
        for start in range(0, 120, 40):
            part = slice(start, start + 40)
            model.partial_fit(X[part], size_factors=sizes[part])
        model.fit(X, size_factors=sizes)
        found.append(model.reconstruct(scipy.sparse.csr_matrix(X), size_factors=sizes))
    assert_array_equal(found[0], found[1])
    assert_array_equal(found[0], found[2])


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (None, "size_factors=None: the model was made with size_factors='given'"),
        (np.ones(5), r"size_factors has shape \(5,\): one per row, \(20,\), is needed"),
        (np.arange(20.0), r"size_factors\[0\] is 0: each must be a finite number above 0"),
        (np.full(20, np.nan), r"size_factors\[0\] is nan"),
        (["a"] * 20, "size_factors"),
    ],
)
def test_sizes_that_are_none_are_refused(sizes, message):
    X, _ = cells(n_rows=20)
    model = Autoencoder(2, loss="poisson", size_factors="given", max_iter=1)
    with pytest.raises(ValueError, match=message) as error:
        model.fit(X, size_factors=sizes)
    assert len(str(error.value)) <= 300
    model.fit(X, size_factors=np.ones(20))
    with pytest.raises(ValueError, match=message):
        model.reconstruct(X, size_factors=sizes)


def test_sizes_are_not_for_models_without():
    X, _ = cells(n_rows=20)
    model = Autoencoder(2, loss="poisson", max_iter=1)
    with pytest.raises(
        ValueError, match="size_factors are given, and the model was made with size"
    ):
        model.fit(X, size_factors=np.ones(20))
    model.fit(X)
    with pytest.raises(ValueError, match="make it with size_factors='given'"):
        model.transform(X, size_factors=np.ones(20))
    given = Autoencoder(2, loss="poisson", size_factors="given", max_iter=1)
    given.fit(X, size_factors=np.ones(20))
    for call in (given.to_onnx, given.to_torch):
        with pytest.raises(ValueError, match="size_factors='given' can't be exported"):
            call()
    with pytest.raises(ValueError, match="size_factors='given' with columns='mixed'"):
        Autoencoder(2, loss="poisson", size_factors="given", columns="mixed").fit(
            pandas.DataFrame(X, columns=[f"g{i}" for i in range(40)]), size_factors=np.ones(20)
        )


def test_tables_of_cells_are_refused_by_every_method():
    class AnnData:
        X, obs, var = cells(n_rows=20)[0], None, None

    AnnData.__module__ = "anndata._core.anndata"
    model = Autoencoder(2, loss="poisson", max_iter=1).fit(AnnData.X)
    for method in ("fit", "partial_fit", "transform", "reconstruct", "score_samples"):
        with pytest.raises(TypeError, match=r"give its matrix, X\.X"):
            getattr(model, method)(AnnData())
