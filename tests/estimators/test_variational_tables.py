"""The variational autoencoder on mixed tables, with tied weights and weighted columns."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import multivariate_normal
from sklearn.datasets import load_wine
from test_saving import change

import ae_core
from ae_core import Autoencoder, ModelFileError, VariationalAutoencoder
from ae_core.diagnosis.baselines import LEAST_NOISE, discarded_variance
from ae_core.estimators.autoencoder import TrainableAutoencoder
from ae_core.formulas.latent import LOG_2_PI

pytestmark = pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")  # short fits

QUICK = {"max_iter": 10, "hidden_layer_sizes": (6,), "random_state": 0}


@pytest.fixture(scope="module")
def trees():
    """Two kinds of trees, whose kind tells the other columns."""
    random = np.random.default_rng(0)
    is_oak = random.random(400) < 0.75
    height = np.where(is_oak, 20, 8) + random.normal(0, 2, 400)
    return pd.DataFrame(
        {
            "height": height,
            "girth": height / 4 + random.normal(0, 0.5, 400),
            "age": (5 * height + random.normal(0, 5, 400)).astype(np.int64),
            "kind": pd.Categorical(np.where(is_oak, "oak", "birch"), ["birch", "elm", "oak"]),
            "has_fruit": is_oak ^ (random.random(400) < 0.05),
        }
    )


@pytest.fixture(scope="module")
def plane():
    random = np.random.default_rng(0)
    codes, directions = random.normal(size=(400, 2)), random.normal(size=(2, 6))
    return codes @ directions + random.normal(0, 0.5, (400, 6))


def with_holes(frame, share=0.2):
    hidden = np.random.default_rng(1).random(frame.shape) < share
    hidden[:, 0] &= ~hidden.all(axis=1)
    return frame.mask(hidden)


# --- mixed ------------------------------------------------------------------------------------------


def test_new_rows_are_frames_that_look_like_the_table(trees):
    model = VariationalAutoencoder(
        2, columns="mixed", hidden_layer_sizes=(32,), max_iter=100, random_state=0
    ).fit(trees)
    drawn = model.sample(2000, random_state=0)
    assert type(drawn) is pd.DataFrame
    assert drawn.dtypes.equals(trees.dtypes)
    assert list(drawn.columns) == list(trees.columns)
    pd.testing.assert_frame_equal(model.sample(2000, random_state=0), drawn)
    assert len(model.sample()) == 1
    # Rare ones come too, and as often: a category is drawn, not the most probable one taken.
    shares = drawn["kind"].value_counts(normalize=True)
    assert shares["birch"] == pytest.approx(0.25, abs=0.1)
    assert shares["elm"] < 0.02
    assert drawn["has_fruit"].mean() == pytest.approx(trees["has_fruit"].mean(), abs=0.1)
    # And columns belong together as they do in the table.
    means = drawn.groupby("kind", observed=True)["height"].mean()
    assert means["oak"] == pytest.approx(20, abs=2)
    assert means["oak"] - means["birch"] > 7
    np.testing.assert_allclose(drawn["girth"], drawn["height"] / 4, atol=1.5)
    assert (model.reconstruct(trees)["kind"] == trees["kind"]).mean() > 0.95


def test_bounds_of_mixed_rows_are_the_sum_of_their_columns(trees):
    model = VariationalAutoencoder(2, columns="mixed", **QUICK).fit(trees)
    encoded = model.encoding_.encode(trees)
    scaled = (encoded - model.shift_) * model.factor_
    architecture = model.network_.architecture
    weights = np.array(architecture.feature_weights)
    np.testing.assert_array_equal(weights[:3], 1 / model.noise_variance_)
    np.testing.assert_array_equal(weights[3:], 1.0)
    constant = 3 / 2 * (LOG_2_PI + np.log(model.noise_variance_))
    bounds = model.network_.bound(scaled) - constant
    np.testing.assert_allclose(model.score_samples(trees), bounds, rtol=1e-10)
    assert model.feature_errors(trees).shape == (400, 5)
    assert model.score(trees) == pytest.approx(bounds.mean())
    assert model.score(trees, sample_weight=np.arange(400)) == pytest.approx(
        np.average(bounds, weights=np.arange(400))
    )


def test_missing_entries_of_mixed_rows_have_no_density(trees):
    holes = with_holes(trees)
    model = VariationalAutoencoder(2, columns="mixed", missing_values="mask", **QUICK).fit(holes)
    scaled = (model.encoding_.encode(holes, has_missing=True) - model.shift_) * model.factor_
    n_numbers = holes[["height", "girth", "age"]].notna().sum(axis=1)
    constant = n_numbers / 2 * (LOG_2_PI + np.log(model.noise_variance_))
    from ae_core.data.rows import Rows

    bounds = model.network_.bound(Rows(scaled, missing="mask")) - constant
    np.testing.assert_allclose(model.score_samples(holes), bounds, rtol=1e-10)
    filled = model.impute(holes)
    assert not filled.isna().any(axis=None)
    seen = holes.notna().to_numpy()
    assert (filled.astype(object).to_numpy() == holes.astype(object).to_numpy())[seen].all()


def test_a_frame_of_numbers_is_what_it_is_as_numbers(plane):
    frame = pd.DataFrame(plane, columns=list("abcdef"))
    plain = VariationalAutoencoder(2, **QUICK).fit(plane)
    mixed = VariationalAutoencoder(2, columns="mixed", **QUICK).fit(frame)
    np.testing.assert_array_equal(mixed.network_.params, plain.network_.params)
    np.testing.assert_array_equal(mixed.score_samples(frame), plain.score_samples(plane))
    assert mixed.noise_variance_ == plain.noise_variance_
    np.testing.assert_array_equal(mixed.sample(3, 0).to_numpy(), plain.sample(3, 0))


@pytest.mark.parametrize("columns", [["has_fruit"], ["kind"], ["kind", "has_fruit"]])
def test_tables_without_numbers_have_no_normal_noise(trees, columns, tmp_path):
    model = VariationalAutoencoder(2, columns="mixed", **QUICK).fit(trees[columns])
    assert model.noise_variance_ is None
    assert model.network_.architecture.feature_weights is None
    assert (model.score_samples(trees[columns]) < 0).all()
    assert model.sample(5, 0).dtypes.equals(trees[columns].dtypes)
    model.save(tmp_path / "m")
    assert ae_core.load(tmp_path / "m").score(trees[columns]) == model.score(trees[columns])


def test_numbers_that_are_shares_have_coins(trees):
    frame = trees[["kind"]].assign(share=np.linspace(0, 1, 400))
    model = VariationalAutoencoder(
        2, columns="mixed", loss="binary_cross_entropy", scale="minmax", **QUICK
    ).fit(frame)
    assert model.noise_variance_ is None
    drawn = model.sample(50, random_state=1)["share"]
    assert ((drawn >= 0) & (drawn <= 1)).all()


def test_the_noise_is_what_components_of_all_columns_leave_of_the_numbers():
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 5)) @ random.normal(size=(5, 5))
    ones, every = np.ones(60), np.ones(5, dtype=bool)
    for k in (1, 2, 4):
        assert discarded_variance(X, ones, k, every) == pytest.approx(
            discarded_variance(X, ones, k)
        )
    some = np.array([True, True, False, False, False])
    centred = X - X.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    left = (centred - centred @ directions[:1].T @ directions[:1])[:, :2]
    n_left = 2 - (directions[:1, :2] ** 2).sum()
    expected = (left**2).sum() / 60 / max(1, n_left)
    assert discarded_variance(X, ones, 1, some) == pytest.approx(expected)
    assert discarded_variance(X, ones, 5, some) == pytest.approx(
        LEAST_NOISE * X[:, :2].var(axis=0).mean()
    )
    assert discarded_variance(np.ones((4, 5)), np.ones(4), 1, some) == 1


# --- weighted columns -----------------------------------------------------------------------------------


def test_a_weight_divides_the_variance_of_a_column(plane):
    """Of a linear decoder: x ~ N(b, Wᵀ W + diag(s² / w)), below which the bound ends, and near."""
    weights = np.array([4.0, 1.0, 1.0, 0.5, 2.0, 1.0])
    model = VariationalAutoencoder(
        2,
        hidden_layer_sizes=(),
        feature_weights=weights,
        learning_rate_init=0.03,
        batch_size=100,
        max_iter=300,
        random_state=0,
    ).fit(plane)
    W, b = model.coefs_[-1], model.intercepts_[-1]
    covariance = W.T @ W + np.diag(model.noise_variance_ / weights)
    scaled = (plane - model.shift_) * model.factor_
    likelihood = multivariate_normal(b, covariance).logpdf(scaled).mean()
    bound = model.score_samples(plane, n_draws=100).mean()
    assert bound < likelihood + 0.02  # of what is drawn
    assert bound == pytest.approx(likelihood, rel=0.01)
    expected = discarded_variance(scaled * np.sqrt(weights), np.ones(400), 2)
    assert model.noise_variance_ == pytest.approx(expected)


def test_equal_weights_are_none(plane):
    plain = VariationalAutoencoder(2, noise_variance=0.5, **QUICK).fit(plane)
    equal = VariationalAutoencoder(2, noise_variance=0.5, feature_weights=[1] * 6, **QUICK)
    np.testing.assert_array_equal(equal.fit(plane).network_.params, plain.network_.params)
    np.testing.assert_array_equal(equal.score_samples(plane), plain.score_samples(plane))
    # Twice the weight is half the variance.
    twice = VariationalAutoencoder(2, noise_variance=1.0, feature_weights=[2] * 6, **QUICK)
    np.testing.assert_array_equal(twice.fit(plane).network_.params, plain.network_.params)
    np.testing.assert_allclose(twice.score_samples(plane), plain.score_samples(plane), rtol=1e-12)


def test_a_column_of_weight_zero_has_no_part_in_the_likelihood(plane):
    weights = [1, 1, 1, 1, 1, 0]
    model = VariationalAutoencoder(2, feature_weights=weights, **QUICK).fit(plane)
    np.testing.assert_array_equal(model.feature_errors(plane)[:, 5], 0)
    scaled = (plane - model.shift_) * model.factor_
    constant = 5 / 2 * (LOG_2_PI + np.log(model.noise_variance_))
    np.testing.assert_allclose(
        model.score_samples(plane), model.network_.bound(scaled) - constant, rtol=1e-12
    )
    others = discarded_variance(
        scaled * np.sqrt(weights), np.ones(400), 2, np.array(weights, dtype=bool)
    )
    assert model.noise_variance_ == pytest.approx(others)


def test_weights_of_a_frame_are_of_its_columns(trees):
    weights = (2.0, 1.0, 1.0, 3.0, 0.5)
    model = VariationalAutoencoder(
        2, columns="mixed", feature_weights=weights, noise_variance=0.25, **QUICK
    ).fit(trees)
    expected = (2 / 0.25, 1 / 0.25, 1 / 0.25, 3.0, 3.0, 3.0, 0.5)
    assert model.network_.architecture.feature_weights == expected


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"feature_weights": [1, 2]}, "feature_weights has 2 entries.*6"),
        ({"feature_weights": [0] * 6}, "feature_weights are all zero"),
        ({"feature_weights": [1] * 5 + [-1]}, "feature_weights entry=-1"),
        ({"tied": True, "decoder_layer_sizes": (9,)}, "tied=True with decoder_layer_sizes"),
        ({"columns": "mixed"}, "columns='mixed' takes a"),
        ({"columns": "mixed", "missing_values": "implicit"}, "missing_values='implicit' with"),
    ],
    ids=str,
)
def test_wrong_parameters_are_named(plane, parameters, words):
    with pytest.raises(ValueError, match=words):
        VariationalAutoencoder(**QUICK | parameters).fit(plane)


# --- tied ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(), (6,), (6, 5)], ids=str)
def test_a_tied_decoder_has_the_weights_of_the_mean(plane, sizes):
    options = {**QUICK, "hidden_layer_sizes": sizes, "tied": True}
    model = VariationalAutoencoder(2, **options).fit(plane)
    coefs, n = model.coefs_, len(model.coefs_) // 2
    assert coefs[n - 1].shape[1] == 4  # mean and log-variance
    np.testing.assert_array_equal(coefs[n], coefs[n - 1][:, :2].T)
    for up, down in zip(coefs[: n - 1], coefs[:n:-1], strict=True):
        np.testing.assert_array_equal(down, up.T)
    assert np.shares_memory(coefs[n], model.network_.params)
    free = VariationalAutoencoder(2, **options | {"tied": False}).fit(plane)
    assert model.network_.params.size < free.network_.params.size
    assert np.isfinite(model.score_samples(plane)).all()


# --- all of it together ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "tied", "weighted", "missing"),
    list(itertools.product(["numeric", "mixed"], [False, True], [False, True], [None, "mask"])),
)
def test_everything_combines_and_is_kept(columns, tied, weighted, missing, trees, tmp_path):
    table = trees if columns == "mixed" else trees[["height", "girth", "age"]].astype(float)
    if missing:
        table = with_holes(table)
    model = VariationalAutoencoder(
        2,
        columns=columns,
        tied=tied,
        feature_weights=(0.5, 2.0, 1.0, 1.0, 3.0)[: table.shape[1]] if weighted else None,
        missing_values=missing,
        corruption="masking" if missing else None,
        **QUICK,
    ).fit(table)
    assert np.isfinite(model.loss_curve_).all()
    assert np.isfinite(model.score_samples(table, n_draws=3)).all()
    drawn = model.sample(20, random_state=0)
    assert np.shape(drawn) == (20, table.shape[1])
    if columns == "mixed":
        assert type(drawn) is type(model.reconstruct(table)) is pd.DataFrame
    model.save(tmp_path / "m")
    again = ae_core.load(tmp_path / "m")
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.transform(table), model.transform(table))
    np.testing.assert_array_equal(again.score_samples(table), model.score_samples(table))
    assert np.array_equal(again.sample(20, random_state=0), drawn)
    model.partial_fit(table)
    model.set_params(warm_start=True).fit(table)
    assert "this network" in str(model.diagnose(table))


@pytest.mark.parametrize(
    "changes",
    [
        {"noise_variance": 0.25},
        {"noise_variance": None},
        {"parameters": {"feature_weights": [1.0, 2.0]}},
        {"parameters": {"feature_weights": [1.0] * 13}},
    ],
    ids=str,
)
def test_hostile_models_are_refused(changes, tmp_path):
    X = load_wine().data
    VariationalAutoencoder(2, feature_weights=[2.0] * 13, **QUICK).fit(X).save(tmp_path / "m")
    change(tmp_path / "m", tmp_path / "changed", **changes)
    with pytest.raises(ModelFileError):
        ae_core.load(tmp_path / "changed")


def test_autoencoders_and_variational_ones_are_siblings():
    assert not isinstance(VariationalAutoencoder(), Autoencoder)
    for cls in (Autoencoder, VariationalAutoencoder):
        assert issubclass(cls, TrainableAutoencoder)
