"""Model files and checkpoints: hostile bytes, and hostile content under a digest that is right."""

import hashlib
import json
import struct
import tempfile
import warnings
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from ae_core import (
    Autoencoder,
    AutoencoderImputer,
    AutoencoderOutlierDetector,
    Checkpoint,
    ModelFileError,
    VariationalAutoencoder,
    load,
)

from .mutate import change_bytes, change_json

NO_DIGEST = "0" * 64
X = np.random.default_rng(0).random((40, 5))
FIT = Autoencoder(2, hidden_layer_sizes=(4,), max_iter=2, batch_size=20, random_state=0)
"""The fit that the checkpoints are of."""


@cache
def seeds() -> tuple[tuple[str, bytes], ...]:
    """Small files of each kind, and what each is."""
    models = [
        Autoencoder(2, max_iter=1, random_state=0),
        Autoencoder(2, max_iter=1, early_stopping=True, scale="minmax", random_state=0),
        Autoencoder(2, max_iter=1, activation="tanh", tied=True, scale=None, random_state=0),
        VariationalAutoencoder(2, max_iter=1, random_state=0),
        AutoencoderOutlierDetector(n_components=2, n_steps=2, random_state=0),
        AutoencoderImputer(n_networks=1, hidden_layer_sizes=2, random_state=0),
        AutoencoderImputer(
            hidden_layer_sizes=2, add_indicator=True, sample_posterior=True, random_state=0
        ),
    ]
    found = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "model")
        for model in models:
            model.fit(X).save(path)
            found.append(("model", path.read_bytes()))
        frame = _mixed_frame()
        if frame is not None:
            Autoencoder(2, columns="mixed", max_iter=1, random_state=0).fit(frame).save(path)
            found.append(("model", path.read_bytes()))
        FIT.fit(X, callbacks=[Checkpoint(path)])
        found.append(("checkpoint", path.read_bytes()))
    return tuple(found)


def _mixed_frame() -> Any:
    try:
        import pandas
    except ImportError:
        return None
    kinds = pandas.Categorical(np.where(X[:, 0] > 0.5, "a", "b"))
    return pandas.DataFrame({"x": X[:, 0], "kind": kinds, "y": X[:, 1]})


def make(random: Random) -> tuple[str, bytes]:
    """A file, and what it was before it was spoiled."""
    kind, content = random.choice(seeds())
    return kind, spoiled(random, content)


def spoiled(random: Random, content: bytes) -> bytes:
    """The content of a file, changed: now and then under a digest that is wrong, too."""
    if random.random() < 0.2:
        return change_bytes(random, content, (struct.pack("<Q", 2**40), b"digest"))
    n_header = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n_header])
    data = content[8 + n_header :]
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if isinstance(header, dict):
            header, data = _spoil(random, header, data)
    return signed(header, data, pad=random.random() < 0.9)


def _spoil(random: Random, header: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    header = json.loads(json.dumps(header))
    place = random.random()
    if place < 0.6:  # what the description says: most checks are of that
        metadata = header.get("__metadata__")
        if isinstance(metadata, dict) and isinstance(metadata.get("description"), str):
            try:
                description = json.loads(metadata["description"])
            except ValueError:
                return header, data
            metadata["description"] = json.dumps(change_json(random, description))
    elif place < 0.75:  # arrays' types, shapes and places
        names = [name for name in header if name != "__metadata__"]
        if names:
            name = random.choice(names)
            header[name] = change_json(random, header[name])
    elif place < 0.85:
        header = change_json(random, header)
    else:
        data = change_bytes(random, data)
    return header, data


def signed(header: Any, data: bytes, pad: bool = True) -> bytes:
    """A file of that header and data whose digest is right."""
    if isinstance(header, dict) and isinstance(header.get("__metadata__"), dict):
        header = {**header, "__metadata__": {**header["__metadata__"], "digest": NO_DIGEST}}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8 if pad else 0)
    start = struct.pack("<Q", len(text)) + text
    digest = hashlib.sha256(start + data).hexdigest()
    return start.replace(NO_DIGEST.encode(), digest.encode()) + data


def run(made: tuple[str, bytes], folder: Path, random: Random) -> str:
    """Read it, and use what was read."""
    kind, content = made
    path = folder / "model"
    path.write_bytes(content)
    try:
        if kind == "checkpoint":
            FIT.fit(X, resume_from=path)
            return "resumed"
        model = load(path)
    except ModelFileError:
        return "refused"
    except ValueError:
        if kind == "checkpoint":  # of another fit: says what differs
            return "refused"
        raise
    used = X[:, : model.n_features_in_]
    if model.n_features_in_ == X.shape[1]:
        if hasattr(model, "networks_"):  # an imputer does nothing to what is complete
            used = np.where(used > 0.8, np.nan, used)
        # What passes all checks is a network with some numbers; use may still say what is wrong.
        try:
            (model.decision_function if hasattr(model, "threshold_") else model.transform)(used)
        except ValueError:
            return "refused when used"
    return "loaded"
