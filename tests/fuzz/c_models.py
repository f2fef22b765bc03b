"""Models for the C interface: handles of every kind, and what is made of objects that are none."""

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
from scipy import sparse

from ae_core import (
    Architecture,
    Autoencoder,
    AutoencoderOutlierDetector,
    Network,
    VariationalAutoencoder,
)
from ae_core.data.rows import Rows
from ae_core.estimators.fitting import seen

from . import engine_calls, models
from .c_functions import function

X = np.random.default_rng(0).random((40, 5))
QUICK: dict[str, Any] = {
    "n_components": 3,
    "hidden_layer_sizes": (4,),
    "max_iter": 1,
    "random_state": 0,
}
ESTIMATORS = (
    Autoencoder(**QUICK),
    Autoencoder(**QUICK, scale=None, activation="tanh", tied=True),
    Autoencoder(**QUICK, scale="minmax", loss="binary_cross_entropy", tied=True),
    Autoencoder(**QUICK, scale=None, loss="binary_cross_entropy", contraction=0.1),
    Autoencoder(**QUICK, corruption="salt_and_pepper", dropout=0.3),
    Autoencoder(**QUICK, k_sparse=2, loss="huber", alpha_l1=0.5),
    Autoencoder(**QUICK, missing_values="mask"),
    Autoencoder(**QUICK, missing_values="mask", scale=None, corruption="gaussian"),
    Autoencoder(
        **QUICK, missing_values="mask", scale="minmax", loss="binary_cross_entropy", k_sparse=1
    ),
    VariationalAutoencoder(**QUICK),
    VariationalAutoencoder(**QUICK, tied=True, feature_weights=(1.0, 2.0, 0.0, 1.0, 0.5)),
    VariationalAutoencoder(**QUICK, scale="minmax", missing_values="mask"),
)


class Model(NamedTuple):
    """A handle, and what Python has of the same model."""

    handle: int
    network: Network
    see: Callable[[Any], Rows]
    """Rows of numbers as the network sees them; ValueError for what it can't."""


@cache
def kept() -> tuple[Model, ...]:
    """Handles that live as long as the process."""
    made = []
    for estimator in fitted():
        handle = function("ae_from_estimator")(estimator)
        made.append(Model(handle, estimator.network_, partial(seen, estimator)))
    plans = [plan for plan in engine_calls.plans() if not plan[0].n_covariates]
    for i, (architecture, _) in enumerate(plans):
        network = Network(architecture, random_state=i, dtype=("float32", "float64")[i % 2])
        # Some so large that sums overflow within the network.
        network.params *= {3: 1e15, 7: np.finfo(network.dtype).max}.get(i % 10, 1)
        made.append(Model(function("ae_from_network")(network), network, Rows))
    return tuple(made)


@cache
def fitted() -> tuple[Any, ...]:
    """Estimators that have handles, in both types; the last ones' columns are not shifted."""
    found = []
    for dtype in ("float64", "float32"):
        for estimator in ESTIMATORS:
            options = {**estimator.get_params(), "dtype": dtype}
            table = np.where(X < 0.1, np.nan, X) if options["missing_values"] else X
            found.append(type(estimator)(**options).fit(table))
        found.append(Autoencoder(**QUICK, dtype=dtype).fit(sparse.csr_array(X)))
    return tuple(found)


@cache
def files() -> tuple[tuple[str, bytes], ...]:
    """Saved models, also such as have no handle; and a checkpoint."""
    found = list(models.seeds())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        for estimator in (*fitted(), _implicit()):
            estimator.save(path)
            found.append(("model", path.read_bytes()))
    return tuple(found)


def _implicit() -> Autoencoder:
    return Autoencoder(**QUICK, missing_values="implicit").fit(sparse.csr_array(X))


class Liar:
    """Says that it is something else."""

    def __init__(self, kind: type) -> None:
        self.kind = kind

    @property
    def __class__(self) -> Any:
        return self.kind


@cache
def no_models() -> tuple[Any, ...]:
    """Objects that no handle can be made of."""
    detector = AutoencoderOutlierDetector(n_components=2, n_steps=2, random_state=0).fit(X)
    half_made = Autoencoder.__new__(Autoencoder)
    empty = Autoencoder(2)
    empty.network_ = None
    refuses = mock.Mock(side_effect=RuntimeError)
    return (
        None, 0, 0.5, "model", b"\0", (), [], {}, object(), Autoencoder, Network, X, sparse, len,
        Autoencoder(2), VariationalAutoencoder(2), half_made, empty, detector, _implicit(),
        Liar(Autoencoder), Liar(Network), mock.Mock(spec=Network), mock.Mock(spec=Autoencoder),
        refuses, Architecture((3, 2, 3)), engine_calls.plans()[0][1],
    )  # fmt: skip


def some_network(random: Random) -> Network:
    """A network, one of whose attributes may have become another."""
    architecture, _ = random.choice(engine_calls.plans())
    dtype = random.choice(("float32", "float64"))
    network = Network(architecture, random_state=random.randrange(2**32), dtype=dtype)
    changes: Any = {
        "params": lambda: engine_calls.spoil(random, network.params),
        "architecture": lambda: random.choice((random.choice(engine_calls.plans())[0], None, 3)),
        "dtype": lambda: random.choice((np.dtype("f4"), np.dtype("f8"), np.dtype("O"), None)),
        "n_threads": lambda: random.choice((0, 2, -1, None, "x")),
    }
    for name in random.sample(list(changes), random.choice((0, 1, 1, 2))):
        setattr(network, name, changes[name]())
    return network


def some_estimator(random: Random) -> Any:
    """A fitted estimator, one of whose attributes may have become another."""
    original = random.choice(fitted())
    estimator = type(original).__new__(type(original))
    estimator.__dict__.update(original.__dict__)
    changes: Any = {
        "network_": lambda: random.choice((some_network(random), None, random.choice(fitted()))),
        "shift_": lambda: engine_calls.spoil(random, np.zeros(5)),
        "factor_": lambda: engine_calls.spoil(random, np.ones(5)),
        "n_features_in_": lambda: random.choice((0, 1, 4, 6, -1, 2.5, None)),
        "missing_values": lambda: random.choice((None, "mask", "implicit", "x", 3, ["mask"])),
        "scale": lambda: random.choice((None, "minmax", "x", 3)),
        "encoding_": lambda: random.choice((None, 3)),
    }
    for name in random.sample(list(changes), random.choice((0, 1, 1, 2))):
        setattr(estimator, name, changes[name]())
    if random.random() < 0.1:
        delattr(estimator, random.choice(list(estimator.__dict__)))
    return estimator
