"""Architectures from arguments and from JSON: refused with a ValueError, or a network that works."""

import json
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from ae_core import Architecture, Network
from ae_core.formulas.activations import ACTIVATIONS
from ae_core.formulas.corruption import CORRUPTIONS
from ae_core.formulas.inputs import INPUT_TRANSFORMS
from ae_core.formulas.losses import LOSSES
from ae_core.formulas.noise import noise_key

from .mutate import change_bytes, change_json, some_value

SMALL = 3000
"""Parameters of a network that is run."""


def valid(random: Random) -> dict[str, Any]:
    """Arguments that fit each other more often than not."""
    width = random.choice((1, 2, 5, 17, 40))
    hidden = [random.choice((1, 2, 3, 8, 33)) for _ in range(random.choice((1, 1, 2, 3)))]
    tied = random.random() < 0.3
    sizes = [width, *hidden, width]
    if tied:
        sizes = [width, *hidden, *hidden[-2::-1], width]
    variational = random.random() < 0.3
    code_layer = len(sizes) // 2 if not tied else len(hidden)
    names = [random.choice(list(ACTIVATIONS)) for _ in sizes[1:]]
    sparsity = not variational and random.random() < 0.2
    if variational or sparsity:
        names[code_layer - 1] = "identity" if variational else "logistic"
    loss: Any = random.choice(list(LOSSES))
    if width > 1 and random.random() < 0.3:
        first = random.randrange(1, width)
        loss = [[random.choice(list(LOSSES)), first], [random.choice(list(LOSSES)), width - first]]
        names[-1] = "mixed"
    else:
        names[-1] = LOSSES[loss].from_logits or names[-1]
    arguments = {
        "layer_sizes": sizes,
        "activations": names,
        "loss": loss,
        "code_layer": code_layer,
        "tied": tied,
        "variational": variational,
        "sparsity": 0.1 if sparsity else 0.0,
    }
    maybe = {
        "biases": False,
        "alpha": random.choice((1e-3, 1e300)),
        "alpha_l1": 0.1,
        "feature_weights": [random.choice((0.0, 1.0, 2.5)) for _ in range(width)],
        "corruption": random.choice(list(CORRUPTIONS)),
        "corruption_level": random.random(),
        "dropout": random.random(),
        "code_l1": 0.1,
        "contraction": 0.1,
        "beta": 0.5,
        "input_transform": random.choice(list(INPUT_TRANSFORMS)),
    }
    if not tied:
        maybe |= {"input_mask": True, "n_covariates": random.choice((1, 3))}
    if not (variational or sparsity):
        maybe["k_sparse"] = random.randint(1, sizes[code_layer])
    return arguments | {name: value for name, value in maybe.items() if random.random() < 0.2}


def make(random: Random) -> Any:
    """Arguments, or text."""
    arguments = valid(random)
    place = random.random()
    if place < 0.25:
        return arguments
    for _ in range(random.choice((1, 1, 2, 3))):
        name = random.choice(list(Architecture.__dataclass_fields__))
        if name in arguments and random.random() < 0.7:
            arguments[name] = change_json(random, arguments[name])
        else:
            arguments[name] = some_value(random)
    if place < 0.6:
        return arguments
    text = json.dumps(arguments)
    if place < 0.75:
        words = (b"NaN", b"Infinity", b"[" * 5000, b"1e999", b"\xff", b"9" * 5000, b'"tied":1,')
        return change_bytes(random, text.encode(), words)
    return text


def run(made: Any, folder: Path, random: Random) -> str:
    """Make the architecture; come back from JSON as it was; and run forward and backward."""
    try:
        if isinstance(made, dict):
            architecture = Architecture(**made)
        else:
            architecture = Architecture.from_json(made)
    except ValueError:
        return "refused"
    if sum(architecture.layer_sizes) > 10 * SMALL or architecture.n_params > SMALL:
        return "too large to run"
    if Architecture.from_json(architecture.to_json()) != architecture:
        raise AssertionError(f"does not come back from JSON: {asdict(architecture)}")
    hash(architecture)
    use(architecture, random)
    return "run"


def use(architecture: Architecture, random: Random) -> None:
    """Forward, backward and a step of training, on data in (0, 1)."""
    dtype = random.choice((np.float32, np.float64))
    n_rows = random.choice((1, 3, 70))
    X = np.random.default_rng(random.randrange(2**32)).uniform(
        0.05, 0.95, (n_rows, architecture.n_columns)
    )
    network = Network(architecture, random_state=0, dtype=dtype, n_threads=random.choice((1, 2)))
    if network.forward(X).shape != (n_rows, architecture.n_features):
        raise AssertionError("forward changes the shape")
    if network.reconstruction_errors(X).shape != (n_rows,):
        raise AssertionError("not an error for each row")
    loss, gradient = network.loss_and_gradient(X, noise_key=noise_key(1, 2))
    if gradient.shape != network.params.shape or not isinstance(loss, float):
        raise AssertionError("not a loss and its gradient")
