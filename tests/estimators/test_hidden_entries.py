"""What `corruption='auto'` means: a network of tables with missing entries must not only copy."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine

import ae_core
from ae_core import Autoencoder, Checkpoint, VariationalAutoencoder


def with_hidden(X, seed=0, share=0.3):
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    hidden = np.random.default_rng(seed).random(X.shape) < share
    return X, hidden, np.where(hidden, np.nan, X)


def error(model, X, hidden, table):
    return np.sqrt(((model.fit(table).impute(table) - X)[hidden] ** 2).mean())


@pytest.mark.parametrize("load", [load_wine, load_diabetes])
def test_hidden_entries_are_filled_in_better_than_by_a_copy(load):
    X, hidden, table = with_hidden(load().data[:200])
    settings = {"missing_values": "mask", "random_state": 0, "max_iter": 60}
    by_itself = error(Autoencoder(6, **settings), X, hidden, table)
    assert by_itself < 0.97 * error(Autoencoder(6, corruption=None, **settings), X, hidden, table)


def spoiled_by(model, table):
    return model.set_params(max_iter=2, random_state=0).fit(table).network_.architecture.corruption


@pytest.mark.filterwarnings("ignore:The fit reached max_iter")
def test_what_auto_means():
    _, _, table = with_hidden(load_iris().data)
    full = load_iris().data
    assert spoiled_by(Autoencoder(2, missing_values="mask"), table) == "masking"
    assert spoiled_by(Autoencoder(2, missing_values="mask"), full) == "masking"
    assert spoiled_by(Autoencoder(2, missing_values="mask", corruption=None), table) is None
    assert spoiled_by(Autoencoder(2, missing_values="mask", corruption="gaussian"), table) == (
        "gaussian"
    )
    assert spoiled_by(Autoencoder(2, missing_values="mask", solver="lbfgs"), table) is None
    assert spoiled_by(VariationalAutoencoder(2, missing_values="mask"), table) is None
    assert spoiled_by(Autoencoder(2), full) is None


def test_the_same_bits_as_asked_for_by_name():
    _, _, table = with_hidden(load_breast_cancer().data[:90, :8])
    settings = {"missing_values": "mask", "random_state": 3, "max_iter": 5}
    by_itself = Autoencoder(3, **settings).fit(table)
    by_name = Autoencoder(3, corruption="masking", corruption_level=0.3, **settings).fit(table)
    np.testing.assert_array_equal(by_itself.network_.params, by_name.network_.params)


def test_what_is_saved_is_restored(tmp_path):
    _, _, table = with_hidden(load_wine().data)
    model = Autoencoder(3, missing_values="mask", random_state=0, max_iter=5).fit(table)
    model.save(tmp_path / "m.safetensors")
    loaded = ae_core.load(tmp_path / "m.safetensors")
    assert loaded.corruption == "auto"
    assert loaded.network_.architecture.corruption == "masking"
    np.testing.assert_array_equal(loaded.impute(table), model.impute(table))
    refitted = clone(loaded).set_params(random_state=0).fit(table)
    np.testing.assert_array_equal(refitted.network_.params, model.network_.params)


def test_a_checkpoint_goes_on_by_either_name(tmp_path):
    _, _, table = with_hidden(load_wine().data)
    settings = {"missing_values": "mask", "random_state": 0}
    path = tmp_path / "c.safetensors"
    Autoencoder(3, corruption="masking", max_iter=4, **settings).fit(
        table, callbacks=[Checkpoint(path)]
    )
    whole = Autoencoder(3, max_iter=4, **settings).fit(table)
    resumed = Autoencoder(3, max_iter=4, **settings).fit(table, resume_from=path)
    np.testing.assert_array_equal(resumed.network_.params, whole.network_.params)
    # One of before, when nothing was hidden, is of another fit.
    Autoencoder(3, corruption=None, max_iter=4, **settings).fit(table, callbacks=[Checkpoint(path)])
    with pytest.raises(ValueError, match="corruption=None"):
        Autoencoder(3, max_iter=4, **settings).fit(table, resume_from=path)


def test_a_stream_is_spoiled_too():
    _, _, table = with_hidden(load_wine().data)
    model = Autoencoder(3, missing_values="mask", random_state=0).partial_fit(table)
    assert model.network_.architecture.corruption == "masking"


def test_an_unknown_name_is_refused_in_one_line():
    with pytest.raises(ValueError, match="corruption='mask'") as caught:
        Autoencoder(3, corruption="mask").fit(load_wine().data)
    assert "\n" not in str(caught.value)
    assert "auto" in str(caught.value)
