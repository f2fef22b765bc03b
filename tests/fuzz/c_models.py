"""Models for the C interface: handles of every kind, and what is made of objects that are none."""

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pandas as pd
from scipy import sparse

from ae_core import (
    Architecture,
    Autoencoder,
    AutoencoderOutlierDetector,
    Network,
    VariationalAutoencoder,
)
from ae_core.data.encoding import Encoding
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
    network: Any
    see: Callable[[Any], Rows]
    """Rows of numbers as the network sees them; ValueError for what it can't."""
    encoding: Encoding | None = None
    """Of a mixed table."""
    has_missing: bool = False
    detector: AutoencoderOutlierDetector | None = None
    """In place of a network."""

    @property
    def n_columns(self) -> int:
        """Of a row that is given."""
        if self.encoding is not None:
            return len(self.encoding.columns)
        if self.detector is not None:
            return int(self.detector.n_features_in_)
        return self.network.architecture.n_features


def model_of(estimator: Any, handle: int) -> Model:
    """A fitted estimator and a handle of it."""
    beside = estimator.encoding_, estimator.missing_values == "mask"
    if isinstance(estimator, AutoencoderOutlierDetector):
        return Model(handle, None, _not_seen, *beside, estimator)
    return Model(handle, estimator.network_, partial(seen, estimator), *beside)


def _not_seen(X: Any) -> Rows:
    raise AssertionError("a detector's rows are its own business")


@cache
def kept() -> tuple[Model, ...]:
    """Handles that live as long as the process."""
    made = []
    for estimator in (*fitted(), *mixed(), *detectors()):
        made.append(model_of(estimator, function("ae_from_estimator")(estimator)))
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
def mixed() -> tuple[Any, ...]:
    """Estimators of tables of numbers, flags and categories, in both types."""
    whole = trees(60)
    part = whole.mask(np.random.default_rng(1).random(whole.shape) < 0.2)
    found = []
    for dtype in ("float64", "float32"):
        options = {**QUICK, "columns": "mixed", "dtype": dtype}
        found.append(Autoencoder(**options).fit(whole))
        found.append(Autoencoder(**options, scale="minmax", missing_values="mask").fit(part))
        found.append(VariationalAutoencoder(**options).fit(whole))
    return tuple(found)


@cache
def detectors() -> tuple[Any, ...]:
    """Detectors of numbers and of mixed tables, some with missing entries."""
    whole, numbers = trees(60), np.c_[X, np.ones(40)]
    options: dict[str, Any] = {"n_components": (1, 2), "n_steps": 2, "random_state": 0}
    tables = (
        ({}, numbers),
        ({"missing_values": "mask"}, np.where(numbers < 0.1, np.nan, numbers)),
        ({"columns": "mixed"}, whole),
        (
            {"columns": "mixed", "missing_values": "mask"},
            whole.mask(np.random.default_rng(1).random(whole.shape) < 0.2),
        ),
    )
    return tuple(AutoencoderOutlierDetector(**options, **more).fit(table) for more, table in tables)


def trees(n_rows: int) -> pd.DataFrame:
    """A mixed table."""
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "height": draw.normal(12, 4, n_rows),
            "kind": draw.choice(["ash", "beech", "oak"], n_rows),
            "old": pd.array(draw.random(n_rows) < 0.3, dtype="boolean"),
            "rings": pd.array(draw.integers(3, 90, n_rows), dtype="Int64"),
        }
    )


@cache
def files() -> tuple[tuple[str, bytes], ...]:
    """Saved models, also such as have no handle; and a checkpoint."""
    found = list(models.seeds())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        for estimator in (*fitted(), *mixed(), *detectors(), _implicit()):
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
    unfitted = AutoencoderOutlierDetector(n_components=2)
    half_made = Autoencoder.__new__(Autoencoder)
    empty = Autoencoder(2)
    empty.network_ = None
    refuses = mock.Mock(side_effect=RuntimeError)
    return (
        None, 0, 0.5, "model", b"\0", (), [], {}, object(), Autoencoder, Network, X, sparse, len,
        Autoencoder(2), VariationalAutoencoder(2), half_made, empty, unfitted, _implicit(),
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
    original = random.choice((*fitted(), *mixed(), *detectors()))
    estimator = type(original).__new__(type(original))
    estimator.__dict__.update(original.__dict__)
    changes: Any = {
        "network_": lambda: random.choice((some_network(random), None, random.choice(fitted()))),
        "shift_": lambda: engine_calls.spoil(random, np.zeros(5)),
        "factor_": lambda: engine_calls.spoil(random, np.ones(5)),
        "n_features_in_": lambda: random.choice((0, 1, 4, 6, -1, 2.5, None)),
        "missing_values": lambda: random.choice((None, "mask", "implicit", "x", 3, ["mask"])),
        "scale": lambda: random.choice((None, "minmax", "x", 3)),
        "encoding_": lambda: random.choice((None, 3, random.choice(mixed()).encoding_)),
        "ensemble_": lambda: random.choice((None, random.choice(detectors()).ensemble_)),
        "threshold_": lambda: random.choice((None, 0.0, np.nan, "x")),
    }
    for name in random.sample(list(changes), random.choice((0, 1, 1, 2))):
        setattr(estimator, name, changes[name]())
    if random.random() < 0.1:
        delattr(estimator, random.choice(list(estimator.__dict__)))
    return estimator
