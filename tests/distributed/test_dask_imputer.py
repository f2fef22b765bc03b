"""`DaskAutoencoderImputer`, computed here and on workers, to the same bits."""

import numpy as np
import pandas as pd
import pytest

dask = pytest.importorskip("dask")
distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

import ae_core  # noqa: E402
from ae_core import AutoencoderImputer  # noqa: E402
from ae_core.dask import DaskAutoencoderImputer  # noqa: E402
from ae_core.distributed import imputer as module  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SMALL = {"hidden_layer_sizes": (6, 3, 6), "n_networks": 3, "random_state": 0, "n_threads": 1}
CHUNKS = ((21, 0, 1, 40, 8), -1)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr("ae_core.estimators.filling_networks.FEWEST_STEPS", 20)
    monkeypatch.setattr("ae_core.estimators.filling_networks.MOST_STEPS", 40)


def rows(n=70, seed=0, missing=0.2, dtype=np.float64):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, 2)) @ random.normal(size=(2, 5)) * 3 + np.arange(5)
    X[random.random(X.shape) < missing] = np.nan
    return X.astype(dtype)


def same(model, local):
    for one, other in zip(model.networks_.networks, local.networks_.networks, strict=True):
        np.testing.assert_array_equal(one.params, other.params)
    for name in ("shift_", "factor_", "low_", "high_", "is_empty_"):
        found, wanted = getattr(model, name), getattr(local, name)
        np.testing.assert_array_equal(found, wanted)
        assert found.dtype == wanted.dtype


@pytest.mark.parametrize(
    ("X", "more"),
    [
        (rows(), {}),
        (rows(seed=1, dtype=np.float32), {"n_networks": 1}),
        (rows(seed=2), {"add_indicator": True}),
        (np.where(np.isnan(rows(seed=3)), -99, rows(seed=3)), {"missing_values": -99}),
        (np.hstack([rows(seed=4), np.full((70, 1), np.nan)]), {}),
        (np.hstack([rows(seed=4), np.full((70, 1), np.nan)]), {"keep_empty_features": True}),
        (np.hstack([rows(missing=0), np.full((70, 1), 7.0)]), {"add_indicator": True}),
    ],
)
def test_it_is_the_imputer_of_the_same_rows_in_memory(X, more, tmp_path):
    local = AutoencoderImputer(**SMALL).set_params(**more).fit(X)
    D = da.from_array(X, chunks=CHUNKS)
    model = DaskAutoencoderImputer(**SMALL).set_params(**more).fit(D)
    same(model, local)
    wanted = local.transform(X)
    lazy = model.transform(D)
    assert (lazy.shape, lazy.dtype) == (wanted.shape, wanted.dtype)
    np.testing.assert_array_equal(lazy.compute(), wanted)
    np.testing.assert_array_equal(model.transform(X), wanted)
    parts = model.transform([dask.delayed(X[:20]), dask.delayed(X[20:20]), dask.delayed(X[20:])])
    shapes = [part.compute().shape for part in parts]
    assert shapes == [(20, wanted.shape[1]), (0, wanted.shape[1]), (50, wanted.shape[1])]
    assert type(model.to_local()) is AutoencoderImputer
    np.testing.assert_array_equal(model.to_local().transform(X), wanted)
    model.save(tmp_path / "imputer")
    np.testing.assert_array_equal(ae_core.load(tmp_path / "imputer").transform(X), wanted)


@pytest.mark.parametrize("more", [{}, {"add_indicator": True}, {"keep_empty_features": True}])
def test_frames_give_frames_of_one_kind(more):
    frame = pd.DataFrame(rows(seed=5), columns=list("abcde"), index=np.arange(70) + 3)
    frame["n"] = np.where(np.arange(70) < 60, np.arange(70), -1)
    frame["empty"] = np.nan
    frame["f4"] = rows(seed=6)[:, 0].astype(np.float32)
    local = AutoencoderImputer(**SMALL, **more).fit(frame)
    D = dd.from_pandas(frame, npartitions=4)
    model = DaskAutoencoderImputer(**SMALL, **more).fit(D)
    assert list(model.feature_names_in_) == list(frame)
    lazy = model.transform(D)
    found, wanted = lazy.compute(scheduler="synchronous"), local.transform(frame)
    assert list(lazy.columns) == list(wanted)
    assert list(lazy.dtypes) == list(found.dtypes)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)
    assert found["f4"].dtype == np.float32


def test_of_more_rows_than_networks_learn_from_the_rest_still_counts(monkeypatch):
    X = rows(200, missing=0.1)
    X[151] = [500, np.nan, -500, 1, np.nan]
    monkeypatch.setattr(module, "MOST_ROWS", 50)
    model = DaskAutoencoderImputer(**SMALL).fit(da.from_array(X, chunks=((60, 90, 50), -1)))
    assert (model.high_[0], model.low_[2]) == (500, -500)
    seen = ~np.isnan(X)
    np.testing.assert_allclose(model.shift_, np.nanmean(X, axis=0), rtol=1e-12)
    np.testing.assert_allclose(model.factor_, 1 / np.nanstd(X, axis=0), rtol=1e-12)
    filled = model.transform(X)
    np.testing.assert_array_equal(filled[seen], X[seen])
    assert np.isfinite(filled).all()


@pytest.mark.parametrize(
    ("make", "more", "error", "message"),
    [
        (rows, {}, TypeError, "X is a ndarray.*a dask array"),
        (lambda: da.zeros((0, 3)), {}, ValueError, "no rows in any partition"),
        (lambda: da.from_array(rows()), {"columns": "mixed"}, ValueError, "columns='mixed'"),
        (lambda: da.from_array(rows()), {"sample_posterior": True}, ValueError, "sample_posterior"),
        (lambda: da.from_array(rows()), {"missing_values": -9}, ValueError, "nan"),
        (lambda: da.from_array(rows() * np.inf), {}, ValueError, "inf"),
        (lambda: da.from_array(rows()), {"n_networks": 0}, ValueError, "n_networks=0"),
    ],
)
def test_one_clear_error(make, more, error, message):
    model = DaskAutoencoderImputer(**SMALL).set_params(**more)
    with pytest.raises(error, match=message) as raised:
        model.fit(make())
    assert len(str(raised.value)) <= 300
    assert "\n" not in str(raised.value)
    assert not hasattr(model, "networks_")


def test_it_has_no_draws():
    with pytest.raises(AttributeError, match="sample_posterior=True"):
        DaskAutoencoderImputer().sample(rows())


@pytest.mark.parametrize("n_workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_same_bits(n_workers):
    X = rows(seed=8)
    local = AutoencoderImputer(**SMALL).fit(X)
    with (
        distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=False,
            dashboard_address="127.0.0.1:0",
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        D = da.from_array(X, chunks=CHUNKS)
        same(DaskAutoencoderImputer(**SMALL).fit(D, client=client), local)
