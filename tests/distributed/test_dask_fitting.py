"""Estimators over Dask collections, computed here, without a cluster, to the same bits."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

dask = pytest.importorskip("dask")
pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

import ae_core  # noqa: E402
from ae_core import Autoencoder, AutoencoderOutlierDetector, VariationalAutoencoder  # noqa: E402
from ae_core.dask import (  # noqa: E402
    DaskAutoencoder,
    DaskAutoencoderOutlierDetector,
    DaskVariationalAutoencoder,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SMALL = {"hidden_layer_sizes": (8,), "random_state": 0}


def rows(n=120, n_features=5, seed=0):
    random = np.random.default_rng(seed)
    return (
        random.normal(size=(n, 2)) @ random.normal(size=(2, n_features))
        + random.normal(size=(n, n_features)) * 0.1
        + np.arange(n_features)
    )


def collection(X, chunks=((50, 0, 7, 63), -1)):
    return da.from_array(X, chunks=chunks)


def params(model):
    return model.network_.params


@pytest.mark.parametrize(
    "more",
    [
        {"solver": "sgd", "learning_rate_init": 0.01},
        {"solver": "adam", "alpha": 1.0, "alpha_l1": 0.1},
        {"solver": "adamw", "averaging": 0.9, "clip_norm": 0.5},
        {"solver": "rmsprop", "loss": "huber", "scale": "minmax"},
        {"solver": "lbfgs"},
        {"code_l1": 0.1, "contraction": 0.1, "code_activation": "logistic"},
        {"dtype": "float32", "tied": True},
        {"tol": 1e-2, "learning_rate": "adaptive", "n_iter_no_change": 2},
    ],
    ids=lambda more: "-".join(more),
)
def test_a_full_batch_fit_is_the_single_machine_one(more):
    X = rows()
    more = {**SMALL, "batch_size": 1000, "max_iter": 8, **more}
    local = Autoencoder(**more).fit(X)
    model = DaskAutoencoder(**more).fit(collection(X))
    tolerance = 1e-4 if more.get("dtype") else 1e-10
    np.testing.assert_allclose(model.shift_, local.shift_, rtol=1e-12)
    np.testing.assert_allclose(model.factor_, local.factor_, rtol=1e-12)
    np.testing.assert_allclose(params(model), params(local), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(model.loss_curve_, local.loss_curve_, rtol=max(tolerance, 1e-9))
    assert model.history_.stopped_because == local.history_.stopped_because
    assert model.history_.n_steps == local.history_.n_steps
    assert params(model).dtype == params(local).dtype


def test_with_weights_and_missing_entries():
    X = rows()
    X[np.random.default_rng(5).random(X.shape) < 0.2] = np.nan
    X[50:57] = np.nan  # a partition of which nothing is seen
    weights = np.random.default_rng(6).integers(0, 3, len(X))
    weights[:50] = 0  # and one that does not count
    more = {**SMALL, "missing_values": "mask", "batch_size": 1000, "max_iter": 5}
    more |= {"corruption": None}
    local = Autoencoder(**more).fit(X, sample_weight=weights)
    for given in (weights, da.from_array(weights, chunks=30)):
        model = DaskAutoencoder(**more).fit(collection(X), sample_weight=given)
        np.testing.assert_allclose(params(model), params(local), rtol=1e-9, atol=1e-10)
    filled = model.impute(collection(X)).compute()
    np.testing.assert_array_equal(filled, model.to_local().impute(X))


def test_with_weights_and_held_out_rows():
    X = rows()
    weights = np.random.default_rng(6).integers(0, 3, len(X))
    more = {**SMALL, "batch_size": 1000, "max_iter": 5, "early_stopping": True}
    local = Autoencoder(**more).fit(X, sample_weight=weights)
    model = DaskAutoencoder(**more).fit(collection(X), sample_weight=weights)
    np.testing.assert_allclose(params(model), params(local), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(
        model.validation_loss_curve_, local.validation_loss_curve_, rtol=1e-9
    )


def test_validation_rows_of_another_collection():
    X, other = rows(), rows(40, seed=1)
    more = {**SMALL, "batch_size": 1000, "max_iter": 4}
    local = Autoencoder(**more).fit(X, X_val=other)
    model = DaskAutoencoder(**more).fit(collection(X), X_val=collection(other, (13, -1)))
    np.testing.assert_allclose(
        model.validation_loss_curve_, local.validation_loss_curve_, rtol=1e-9
    )


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"sync_every": 2, "learning_rate_init": 5e-4},
        {"sync_every": 3, "learning_rate_init": 5e-4, "averaging": 0.9},
    ],
)
def test_batches_learn_and_come_out_the_same(more):
    X = rows(300)
    more = {**SMALL, "batch_size": 40, "max_iter": 15, **more}
    D = collection(X, ((120, 1, 0, 179), -1))
    first, second = (DaskAutoencoder(**more).fit(D) for _ in range(2))
    np.testing.assert_array_equal(params(first), params(second))
    assert first.loss_curve_[-1] < 0.8 * first.loss_curve_[0]
    steps_per_epoch = 8 if first.sync_every is None else 5  # of the longest partition
    assert first.history_.n_steps == 15 * steps_per_epoch


@pytest.mark.parametrize(
    "more",
    [
        {"corruption": "salt_and_pepper"},
        {"corruption": "gaussian", "dropout": 0.2},
    ],
)
def test_noise_is_drawn_anew_but_the_same(more):
    X = collection(rows())
    more = {**SMALL, "batch_size": 40, "max_iter": 3, **more}
    first, second = (DaskAutoencoder(**more).fit(X) for _ in range(2))
    np.testing.assert_array_equal(params(first), params(second))
    without = {**more, "corruption": None, "dropout": 0.0}
    assert np.abs(params(DaskAutoencoder(**without).fit(X)) - params(first)).max() > 1e-6


def test_variational_ones_know_the_noise_and_warm_up():
    X = rows()
    more = {**SMALL, "kl_warm_up": 2, "max_iter": 4, "batch_size": 60}
    local = VariationalAutoencoder(**more).fit(X)
    model = DaskVariationalAutoencoder(**more).fit(collection(X))
    assert model.noise_variance_ == pytest.approx(local.noise_variance_, rel=1e-9)
    assert model.sample(3, random_state=0).shape == (3, 5)
    scores = model.score_samples(collection(X))
    np.testing.assert_array_equal(scores.compute(), model.to_local().score_samples(X))
    assert model.score(collection(X)) == pytest.approx(model.to_local().score(X))


def test_a_detector_is_the_single_machine_one():
    X = rows(400)
    weights = np.ones(400)
    weights[3:60] = 0
    for given in (None, weights):
        local = AutoencoderOutlierDetector(random_state=0).fit(X, sample_weight=given)
        model = DaskAutoencoderOutlierDetector(random_state=0)
        model.fit(collection(X, ((50, 0, 200, 150), -1)), sample_weight=given)
        assert model.threshold_ == local.threshold_
        np.testing.assert_array_equal(model.training_scores_, local.training_scores_)
    D = collection(X, (90, -1))
    for method in ("score_samples", "decision_function", "predict", "p_values", "predict_proba"):
        lazy = getattr(model, method)(D)
        found = lazy.compute()
        assert lazy.dtype == found.dtype
        assert lazy.shape == found.shape
        np.testing.assert_array_equal(found, getattr(local, method)(X))
    np.testing.assert_array_equal(model.explain(D).compute(), local.explain(X))
    unified = model.predict_proba(D, method="unify").compute()
    np.testing.assert_array_equal(unified, local.predict_proba(X, method="unify"))


def test_a_detector_of_a_long_table_learns_from_the_same_rows():
    X = rows(20_500, 3)
    local = AutoencoderOutlierDetector(n_steps=2, random_state=0).fit(X)
    model = DaskAutoencoderOutlierDetector(n_steps=2, random_state=0).fit(collection(X, (9000, -1)))
    np.testing.assert_array_equal(model.training_scores_, local.training_scores_)
    assert model.threshold_ == local.threshold_


def test_inference_is_lazy_and_frames_give_frames():
    X = rows()
    frame = pd.DataFrame(X, columns=list("abcde"), index=np.arange(120) * 2)
    model = DaskAutoencoder(**SMALL, max_iter=2).fit(dd.from_pandas(frame, npartitions=3))
    assert list(model.feature_names_in_) == list("abcde")
    looked = []

    def look(part):
        looked.append(len(part))
        return part

    lazy = dd.from_pandas(frame, npartitions=3).map_partitions(look, meta=frame.iloc[:0])
    results = [model.transform(lazy), model.reconstruct(lazy), model.score_samples(lazy)]
    assert looked == []
    local = model.to_local()
    codes, back, scores = (each.compute(scheduler="synchronous") for each in results)
    assert sum(looked) >= 120
    np.testing.assert_array_equal(codes, local.transform(frame))
    pd.testing.assert_frame_equal(back, local.reconstruct(frame))
    np.testing.assert_array_equal(scores, local.score_samples(frame))
    D = collection(X)
    with pytest.warns(UserWarning, match="feature names"):
        codes = model.transform(D).compute(scheduler="synchronous")
    np.testing.assert_array_equal(codes, local.transform(frame))


def test_lists_of_delayed_partitions_and_chunks_of_unknown_size():
    X = rows()
    known = DaskAutoencoder(**SMALL, max_iter=2).fit(collection(X, ((70, 50), -1)))
    parts = [dask.delayed(X[:70]), dask.delayed(X[70:70]), dask.delayed(X[70:])]
    listed = DaskAutoencoder(**SMALL, max_iter=2).fit(parts)
    np.testing.assert_array_equal(params(listed), params(known))
    shapes = [part.compute().shape for part in listed.transform(parts)]
    assert shapes == [(70, 2), (0, 2), (50, 2)]
    unknown = da.concatenate(
        [da.from_delayed(part, (np.nan, 5), dtype=float) for part in parts],
        allow_unknown_chunksizes=True,
    )
    model = DaskAutoencoder(**SMALL, max_iter=2).fit(unknown)
    np.testing.assert_array_equal(params(model), params(known))
    assert model.transform(unknown).compute().shape == (120, 2)
    split = DaskAutoencoder(**SMALL, max_iter=2).fit(collection(X, ((70, 50), 2)))
    np.testing.assert_array_equal(params(split), params(known))


def test_to_local_and_files(tmp_path):
    X = rows()
    model = DaskAutoencoder(**SMALL, max_iter=2, sync_every=4).fit(collection(X))
    local = model.to_local()
    assert type(local) is Autoencoder
    assert "sync_every" not in local.get_params()
    np.testing.assert_array_equal(model.transform(X), local.transform(X))  # in memory: at once
    model.save(tmp_path / "model.ae")
    loaded = ae_core.load(tmp_path / "model.ae")
    assert type(loaded) is Autoencoder
    np.testing.assert_array_equal(loaded.transform(X), local.transform(X))
    again = DaskAutoencoder.load(tmp_path / "model.ae")
    np.testing.assert_array_equal(again.transform(collection(X)).compute(), local.transform(X))
    assert local.partial_fit(X).history_.n_iter == 1


def ragged():
    return [dask.delayed(rows(10)), dask.delayed(rows(10, 4))]


def with_nan():
    X = rows()
    X[55, 2] = np.nan
    return collection(X)


def with_sparse():
    import scipy.sparse

    return [dask.delayed(scipy.sparse.csr_array(rows()))]


@pytest.mark.parametrize(
    ("make", "more", "error", "message"),
    [
        (ragged, {}, ValueError, r"X\[1\] has 4 columns, and X\[0\] has 5: all partitions"),
        (with_nan, {}, ValueError, r"X\.partitions\[2\]\[5, 2\] is nan"),
        (with_sparse, {}, TypeError, r"X\[0\] is sparse: partitions must be dense"),
        (rows, {}, TypeError, "X is a ndarray.*a dask array, a dask DataFrame"),
        (lambda: [], {}, TypeError, "X is a list"),
        (lambda: da.zeros((0, 3)), {}, ValueError, "X has no rows in any partition"),
        (lambda: da.ones(5), {}, ValueError, r"X has shape \(5,\)"),
        (lambda: [dask.delayed("text")], {}, TypeError, r"X\[0\] is a str"),
        (lambda: collection(rows()), {"sparsity": 0.1, "code_activation": "logistic"}, ValueError,
         "sparsity=0.1: that penalty is of the mean over a whole batch"),
        (lambda: collection(rows()), {"sync_every": 0}, ValueError, "sync_every=0"),
        (lambda: collection(rows()), {"sync_every": 2, "solver": "lbfgs"}, ValueError,
         "sync_every=2: solver='lbfgs' takes all rows at once"),
        (lambda: collection(rows()), {"missing_values": "implicit"}, ValueError,
         "missing_values='implicit': partitions must be dense"),
        (lambda: collection(rows()), {"columns": "mixed"}, ValueError, "columns='mixed'"),
        (lambda: collection(rows()), {"loss": "binary_cross_entropy", "scale": None}, ValueError,
         r"X\.partitions\[\d\] has values from .* needs them"),
        (lambda: collection(rows() * 1e200), {}, ValueError, "column . of X has numbers as large"),
        (lambda: collection(rows()), {"learning_rate_init": 1e200, "solver": "sgd"},
         ae_core.NonFiniteLossError, "learning rate"),
    ],
)  # fmt: skip
def test_one_clear_error(make, more, error, message):
    model = DaskAutoencoder(**{**SMALL, "max_iter": 3, **more})
    with pytest.raises(error, match=message) as raised:
        model.fit(make())
    assert len(str(raised.value)) <= 300
    assert "\n" not in str(raised.value)


def test_other_refusals(tmp_path):
    model = DaskAutoencoder(**SMALL, max_iter=2)
    with pytest.raises(AttributeError, match="has no partial_fit"):
        model.partial_fit(collection(rows()))
    with pytest.raises(ValueError, match="callbacks has a Checkpoint"):
        model.fit(collection(rows()), callbacks=[ae_core.Checkpoint(tmp_path / "c.ckpt")])
    with pytest.raises(ValueError, match="client=str"):
        model.fit(collection(rows()), client="tcp://nowhere")
    with pytest.raises(ValueError, match=r"sample_weight\.shape is \(3,\)"):
        model.fit(collection(rows()), sample_weight=np.ones(3))
    assert not hasattr(model, "network_")


def test_what_is_missing_is_said_in_one_line(tmp_path):
    program = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('dask', 'distributed'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, *a: None if n in ('dask', 'distributed') else found(n, *a)\n"
        "import ae_core\n"
        "try:\n"
        "    import ae_core.dask\n"
        "except ImportError as error:\n"
        "    print(error)\n"
        "print(sorted({'dask', 'distributed', 'sklearn'} & set(sys.modules)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    message, loaded = run.stdout.splitlines()
    assert message.endswith("not installed: pip install 'ae_core[dask]'")
    assert loaded == "[]"
