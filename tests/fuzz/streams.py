"""Random sequences of fit, partial_fit, save, load, pickling and use, with wrong inputs in between.

After an error the estimator is as before; what was saved, pickled or copied gives the same bits and
goes on in the same way.
"""

import copy
import pickle
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from sklearn.base import clone

from ae_core import Autoencoder, AutoencoderOutlierDetector, VariationalAutoencoder, load

from .answers import Refused, asked

WRONG = (
    None, "x", [], [[]], [1.0, 2.0], [["x", "y", "z"]], [[np.nan] * 3], [[np.inf, 0, 0]],
    [[1.0, 2.0]], [[1.0] * 4], np.zeros((0, 3)), np.zeros((2, 3, 1)), np.full((2, 3), 1e308),
    [[1j, 0, 0]], [[1, 2], [3]], {"a": [1]}, object(), np.ma.masked_all((3, 3)),
)  # fmt: skip
WRONG_WEIGHTS = (-1, [1.0], "x", np.nan, [[1.0]], np.zeros(5), np.full(5, np.inf), [1e308] * 5, {})
WRONG_PARAMETERS = (
    ("max_iter", -1), ("batch_size", 0.5), ("tol", "x"), ("solver", "y"), ("random_state", 1.5),
    ("n_components", 0), ("hidden_layer_sizes", (0,)), ("dtype", "int8"), ("n_threads", 0),
)  # fmt: skip


def _rows(random: Random, n_rows: int | None = None) -> np.ndarray:
    draw = np.random.default_rng(random.randrange(2**32))
    n_rows = n_rows or random.choice((1, 2, 5, 20))
    X = draw.normal(random.choice((0, 0, 100)), random.choice((1, 1, 1e-3, 1e6)), (n_rows, 3))
    if random.random() < 0.1:
        X[:, random.randrange(3)] = 4.0
    return X


def make(random: Random) -> tuple[Any, int]:
    """An estimator and how many things to do."""
    kind = random.randrange(4)
    if kind == 0:
        return AutoencoderOutlierDetector(
            n_components=1, n_steps=3, random_state=0, n_threads=1
        ), random.choice((3, 5))
    settings: dict[str, Any] = {
        "n_components": 1,
        "hidden_layer_sizes": (3,),
        "max_iter": random.choice((1, 3)),
        "random_state": random.choice((0, 7)),
        "n_threads": 1,
    }
    maybe = {
        "tol": random.choice((0.0, 1e-4, 1e3)),
        "n_iter_no_change": 1,
        "learning_rate": random.choice(("adaptive", "constant", "invscaling")),
        "solver": random.choice(("sgd", "rmsprop", "adamw")),
        "dtype": "float32",
        "scale": random.choice((None, "minmax")),
        "missing_values": "mask",
        "averaging": 0.9,
        "dropout": 0.2,
        "corruption": "masking",
        "warm_start": True,
        "batch_size": 2,
        "early_stopping": True,
        "tied": True,
    }
    settings |= {name: value for name, value in maybe.items() if random.random() < 0.15}
    if kind == 1:
        settings["kl_warm_up"] = random.choice((0, 2))
        return VariationalAutoencoder(**settings), random.choice((3, 5, 8))
    return Autoencoder(**settings), random.choice((3, 3, 5, 5, 8, 25))


def state_of(estimator: Any) -> bytes:
    """All that an estimator is, as bytes."""
    return pickle.dumps({name: vars(estimator)[name] for name in sorted(vars(estimator))})


def bits_of(estimator: Any) -> bytes:
    """What it gives for some rows."""
    n_features = estimator.n_features_in_
    X = np.linspace(-2, 2, 4 * n_features).reshape(4, n_features)
    found = b""
    for method in ("transform", "score_samples"):
        if hasattr(estimator, method):
            try:
                found += getattr(estimator, method)(X).tobytes()
            except ValueError as error:  # codes beyond the network's type
                found += str(error).encode()
    return found


def _changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Names of what is not as it was."""
    same = (
        name
        for name in before.keys() & after.keys()
        if pickle.dumps(before[name]) == pickle.dumps(after[name])
    )
    return sorted((before.keys() | after.keys()) - set(same))


def _is_fitted(estimator: Any) -> bool:
    return hasattr(estimator, "n_features_in_")


def run(made: tuple[Any, int], folder: Path, random: Random) -> str:
    """Do the things, one after the other."""
    estimator, n_steps = made
    done: set[str] = set()
    n_refused = 0
    for _ in range(n_steps):
        name, step = random.choice(STEPS)
        before, history = state_of(estimator), getattr(estimator, "history_", None)
        try:
            estimator = step(estimator, folder, random)
            done.add(name)
        except Refused:
            n_refused += 1
            if state_of(estimator) != before:
                changed = _changed(pickle.loads(before), vars(estimator))
                has_begun = getattr(estimator, "history_", None) is not history
                if name in ("fit", "wrong input") and has_begun:
                    continue  # what a fit had learned when it broke off is kept, as documented
                raise AssertionError(f"a refused {name} changed {changed}") from None
    for name, value in vars(estimator).items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            assert np.isfinite(value).all(), f"{name} is not finite"
    if not _is_fitted(estimator):
        return "never fitted"
    return "used, some refused" if n_refused else "used"


# --- what is done ----------------------------------------------------------------------------------


def _fit(estimator: Any, folder: Path, random: Random) -> Any:
    weights = random.choice((None, None, 1e-9, 1e9))
    X = _rows(random)
    named = {} if weights is None else {"sample_weight": np.full(len(X), weights)}
    return asked(estimator.fit, X, **named)


def _partial_fit(estimator: Any, folder: Path, random: Random) -> Any:
    if not hasattr(estimator, "partial_fit"):
        return estimator
    asked(estimator.partial_fit, _rows(random))
    return estimator


def _wrong(estimator: Any, folder: Path, random: Random) -> Any:
    """What cannot be taken: every method refuses most of it, and none is changed by it."""
    method = random.choice(("fit", "partial_fit", "transform", "score_samples", "score"))
    if not hasattr(estimator, method):
        return estimator
    before = state_of(estimator)
    kind = random.randrange(3)
    X: Any = _rows(random, 5)
    named: dict[str, Any] = {}
    if kind == 0 or method in ("transform", "score_samples"):
        X = random.choice(WRONG)
    elif kind == 1:
        if "sample_weight" not in signature(getattr(estimator, method)).parameters:
            return estimator  # a detector's partial_fit
        named["sample_weight"] = random.choice(WRONG_WEIGHTS)
    elif method in ("fit", "partial_fit"):
        name, value = random.choice(WRONG_PARAMETERS)
        if name not in estimator.get_params():
            return estimator
        usual = estimator.get_params()[name]
        setattr(estimator, name, value)
        before = state_of(estimator)
        try:
            asked(getattr(estimator, method), X)
        except Refused:
            assert state_of(estimator) == before, f"{name}={value!r} changed the estimator"
        finally:
            setattr(estimator, name, usual)
        return estimator
    asked(getattr(estimator, method), X, **named)
    if method not in ("fit", "partial_fit"):
        assert state_of(estimator) == before, f"{method} changed the estimator"
    return estimator


def _through(copied: Callable[[Any], Any]) -> Callable[..., Any]:
    """The same in another object: it gives the same bits, and goes on in the same way."""

    def step(estimator: Any, folder: Path, random: Random) -> Any:
        if not _is_fitted(estimator):
            return estimator
        other = copied(estimator)
        assert bits_of(other) == bits_of(estimator), "a copy gives other bits"
        if hasattr(estimator, "partial_fit"):
            X = _rows(random)
            gone_on = []
            for each in (copy.deepcopy(estimator), copied(estimator)):
                try:
                    gone_on.append(bits_of(asked(each.partial_fit, X)))
                except Refused as error:
                    gone_on.append(str(error).encode())
            assert gone_on[0] == gone_on[1], "a copy goes on in another way"
        return other

    return step


def _save(estimator: Any, folder: Path, random: Random) -> Any:
    """What `save` writes is what `load` reads; a refused `save` leaves the file as it was."""
    path = folder / "saved"
    path.unlink(missing_ok=True)
    try:
        asked(estimator.save, path)
    except Refused:
        assert not path.exists(), "a refused save left a file"
        raise
    loaded = load(path)
    assert type(loaded) is type(estimator), "another class came back"
    assert [each.name for each in folder.iterdir()] == ["saved"], "another file is left"
    return _through(lambda _: load(path))(estimator, folder, random)


def _clone(estimator: Any, folder: Path, random: Random) -> Any:
    fresh = clone(estimator)
    assert not _is_fitted(fresh), "a clone is fitted"
    return estimator if random.random() < 0.7 else fresh


STEPS = (
    ("fit", _fit),
    ("partial_fit", _partial_fit),
    ("partial_fit", _partial_fit),
    ("partial_fit", _partial_fit),
    ("wrong input", _wrong),
    ("wrong input", _wrong),
    ("save", _save),
    ("pickling", _through(lambda estimator: pickle.loads(pickle.dumps(estimator)))),
    ("copying", _through(copy.deepcopy)),
    ("clone", _clone),
)
