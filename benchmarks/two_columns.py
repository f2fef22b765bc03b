"""Outliers among points of a plane, as in scikit-learn's comparison of detectors, beside others.

    python benchmarks/two_columns.py
    python benchmarks/two_columns.py --seeds 0 1 2 3 --rows 2000

Of each set 15 % are uniform noise, the others are one blob, two blobs, two blobs of different
width, two moons or two rings. Rows are scored that were fitted. Given are the mean and the smallest
area under the ROC curve over seeds. "Best possible" are scores by the density that inliers are
drawn from, estimated from 40 000 further ones: noise that falls on inliers can't be told apart.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is loaded

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from sklearn.datasets import make_blobs, make_circles, make_moons  # noqa: E402
from sklearn.ensemble import IsolationForest  # noqa: E402
from sklearn.metrics import roc_auc_score  # noqa: E402
from sklearn.neighbors import KernelDensity, LocalOutlierFactor, NearestNeighbors  # noqa: E402

from ae_core import AutoencoderOutlierDetector  # noqa: E402

Array = NDArray[Any]
SHARE_OF_NOISE = 0.15
N_DENSITY = 40_000
BANDWIDTH = 0.08

INLIERS: dict[str, Callable[[int, int], Array]] = {
    "one blob": lambda n, seed: make_blobs(
        n, centers=[[0, 0]], cluster_std=0.5, random_state=seed
    )[0],
    "two blobs": lambda n, seed: make_blobs(
        n, centers=[[2, 2], [-2, -2]], cluster_std=0.5, random_state=seed
    )[0],
    "two blobs of different width": lambda n, seed: make_blobs(
        n, centers=[[2, 2], [-2, -2]], cluster_std=[1.5, 0.3], random_state=seed
    )[0],
    "two moons": lambda n, seed: 4 * (
        make_moons(n, noise=0.05, random_state=seed)[0] - [0.5, 0.25]
    ),
    "two rings": lambda n, seed: 4 * make_circles(
        n, noise=0.05, factor=0.5, random_state=seed
    )[0],
}  # fmt: skip


def ours(X: Array, seed: int) -> Array:
    """`ae_core.AutoencoderOutlierDetector` with its defaults."""
    return AutoencoderOutlierDetector(random_state=seed, n_threads=1).fit(X).training_scores_


def isolation_forest(X: Array, seed: int) -> Array:
    """scikit-learn's, with its defaults."""
    return -IsolationForest(random_state=seed).fit(X).score_samples(X)


def local_outlier_factor(X: Array, seed: int) -> Array:
    """As scikit-learn's comparison sets it."""
    return -LocalOutlierFactor(n_neighbors=35).fit(X).negative_outlier_factor_


def neighbours(k: int) -> Callable[[Array, int], Array]:
    """The distance to the k-th nearest other row."""
    return lambda X, seed: NearestNeighbors(n_neighbors=k).fit(X).kneighbors()[0][:, -1]


PEERS: dict[str, Callable[[Array, int], Array]] = {
    "ae_core": ours,
    "isolation forest": isolation_forest,
    "local outlier factor, 35": local_outlier_factor,
    "3rd neighbour": neighbours(3),
    "5th neighbour": neighbours(5),
    "20th neighbour": neighbours(20),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(20, 40)))
    parser.add_argument("--rows", type=int, default=300)
    options = parser.parse_args()
    n_noise = round(SHARE_OF_NOISE * options.rows)
    is_noise = np.arange(options.rows) >= options.rows - n_noise
    print(f"{options.rows} rows, {len(options.seeds)} seeds: mean / smallest area\n")
    print("| inliers | " + " | ".join([*PEERS, "best possible"]) + " |")
    print("|---|" + "--:|" * (1 + len(PEERS)), flush=True)
    for name, make in INLIERS.items():
        density = KernelDensity(bandwidth=BANDWIDTH, rtol=1e-3).fit(make(N_DENSITY, 10_000))
        areas: dict[str, list[float]] = {}
        for seed in options.seeds:
            noise = np.random.default_rng(seed).uniform(-6, 6, (n_noise, 2))
            X = np.r_[make(options.rows - n_noise, seed), noise]
            scores = {peer: score(X, seed) for peer, score in PEERS.items()}
            scores["best possible"] = -density.score_samples(X)
            for peer, found in scores.items():
                areas.setdefault(peer, []).append(float(roc_auc_score(is_noise, found)))
        cells = [f"{np.mean(each):.3f} / {min(each):.2f}" for each in areas.values()]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
