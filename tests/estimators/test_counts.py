"""Counts: what the defaults give, sizes of rows, and what is refused."""

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

import ae_core
from ae_core import Autoencoder, VariationalAutoencoder

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
    settings = {"loss": "poisson", "max_iter": 5, "random_state": 0}
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
