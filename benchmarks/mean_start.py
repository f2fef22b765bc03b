"""Biases that start at the mean, beside biases of zero: the loss after so many epochs.

    python benchmarks/mean_start.py [FOLDER]

Data that is not centered: tables between 0 and 1 of scikit-learn's sets and of the outlier sets in
FOLDER (.npz with X), if one is given, and counts drawn from a factor model. Each loss whose output
may be off center, ten and thirty epochs, the same seed. Printed are ratios of losses, below 1 where
the start at the mean is the better one.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

from ae_core import Adam, Architecture, Network, train
from ae_core.network.mean_start import start_at_mean

OPTIONS: list[dict[str, Any]] = [
    {"output_activation": "logistic", "loss": "binary_cross_entropy"},
    {"output_activation": "logistic"},
    {},
    {"loss": "absolute_error"},
    {"loss": "huber"},
]
COUNTS: list[dict[str, Any]] = [
    {"loss": loss, "input_transform": "log1p"}
    for loss in ("poisson", "negative_binomial", "multinomial")
]
EPOCHS = (10, 30)


def unit(X: np.ndarray) -> np.ndarray:
    """At most 1000 rows, each column from 0 to 1."""
    X = X[:1000].astype(np.float32)
    low, high = X.min(axis=0), X.max(axis=0)
    return (X - low) / np.where(high > low, high - low, 1)


def tables(folder: Path | None) -> dict[str, np.ndarray]:
    """Every table, by name; that of counts is named so."""
    found = {
        "digits": unit(load_digits().data),
        "wine": unit(load_wine().data),
        "breast cancer": unit(load_breast_cancer().data),
    }
    for path in sorted(folder.glob("*.npz")) if folder else []:
        found[path.stem] = unit(np.load(path)["X"])
    random = np.random.default_rng(0)
    rates = random.gamma(1, 1, (1000, 5)) @ random.gamma(0.5, 1, (5, 60))
    found["counts"] = random.poisson(rates).astype(np.float32)
    return found


def loss_after(X: np.ndarray, n_epochs: int, at_mean: bool, options: dict[str, Any]) -> float:
    """Of a fit from the same weights."""
    n = X.shape[1]
    sizes = (n, max(2, n // 2), max(1, n // 8))
    architecture = Architecture.symmetrical(sizes, activation="elu", **options)
    network = Network(architecture, dtype=np.float32, random_state=0)
    if at_mean:
        start_at_mean(architecture, network.params, X.astype(np.float64))
    batch_size = min(200, max(8, len(X) // 20))
    train(
        network,
        X,
        solver=Adam(1e-3),
        learning_rate="cosine",
        max_iter=n_epochs,
        batch_size=batch_size,
        random_state=0,
    )
    return network.loss(X)


def main() -> None:
    """Print a line for each table and loss."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    ratios = []
    for name, X in tables(parser.parse_args().folder).items():
        for options in COUNTS if name == "counts" else OPTIONS:
            row = [
                loss_after(X, n, True, options) / loss_after(X, n, False, options) for n in EPOCHS
            ]
            ratios.append(row)
            told = " ".join(options.values()) or "squared_error"
            print(f"{name:20} {told:40} " + " ".join(f"{ratio:.3f}" for ratio in row), flush=True)
    for n, column in zip(EPOCHS, np.array(ratios).T, strict=True):
        better = int((column < 1).sum())
        print(f"{n} epochs: median {np.median(column):.3f}, better in {better} of {len(column)}")


if __name__ == "__main__":
    main()
