"""Files that version 0.1.0 wrote, before its modules moved into folders, are read as they were meant."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import ae_core
from ae_core import Autoencoder

FOLDER = Path(__file__).parent.parent / "data" / "saved_0_1_0"
X = np.loadtxt(FOLDER / "X.csv", delimiter=",")
EXPECTED = np.load(FOLDER / "expected.npz")


def with_missing(X):
    X = X.copy()
    X[::3, 1] = np.nan
    return X


def with_categories(X):
    c = pd.Categorical(np.where(X[:, 2] > 0, "x", "y"))
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0, "c": c})


SAVED = {
    "autoencoder": lambda model: model.reconstruct(X),
    "family": lambda model: model.reconstruct(X),
    "missing": lambda model: model.impute(with_missing(X)),
    "variational": lambda model: model.transform(X),
    "detector": lambda model: model.score_samples(X),
    "mixed": lambda model: model.transform(with_categories(X)),
    "implicit": lambda model: model.transform(sp.csr_matrix(np.where(X > 0, X, 0))),
}


@pytest.mark.parametrize("name", SAVED)
def test_a_model_gives_what_it_gave(name):
    model = ae_core.load(FOLDER / f"{name}.safetensors")
    np.testing.assert_allclose(SAVED[name](model), EXPECTED[name], rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:The network learned next to nothing")
def test_a_fit_goes_on_from_its_checkpoint():
    model = Autoencoder(2, hidden_layer_sizes=(4,), max_iter=6, random_state=0, n_threads=1)
    model.fit(X, resume_from=FOLDER / "fit.ckpt")
    np.testing.assert_allclose(model.reconstruct(X), EXPECTED["checkpoint"], rtol=1e-4, atol=1e-5)
