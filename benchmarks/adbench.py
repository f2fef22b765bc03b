"""How well outliers are found with default settings, on files of ADBench, beside other detectors.

    python benchmarks/adbench.py FOLDER
    python benchmarks/adbench.py FOLDER --seeds 0 1 2 --sets glass wine --peers "50 neighbours"

FOLDER has files of ADBench (Han et al. 2022, https://github.com/Minqi824/ADBench): NAME.npz, or
NUMBER_NAME.npz as published, with X and y, 1 for an outlier. Of each at most 10 000 rows are
drawn, split 60/40 with as large a share of outliers in both parts, and standardised by the larger;
detectors are fitted on that, without labels. Of the smaller part are measured: the area under the
ROC curve, the precision among as many rows as there are outliers, and the average precision.
"""

import argparse
import os
import warnings
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is loaded

import numpy as np  # noqa: E402
from outlier_sets import Array  # noqa: E402
from outliers import Fit, Scorer, isolation_forest, neighbours, ours, standardised  # noqa: E402

MAX_ROWS = 10_000


def ranks_of_both(X: Array, seed: int) -> Scorer:
    """The mean rank by an isolation forest and by the 50th nearest neighbour."""
    from scipy.stats import rankdata

    scorers = isolation_forest(X, seed), neighbours(50)(X, seed)
    return lambda Z: sum(rankdata(scorer(Z)) for scorer in scorers)


PEERS: dict[str, Fit] = {
    "ae_core": ours,
    "isolation forest": isolation_forest,
    "20 neighbours": neighbours(20),
    "50 neighbours": neighbours(50),
    "forest and 50": ranks_of_both,
}


def split(path: Path, seed: int) -> tuple[Array, Array, Array]:
    """X_train and X_test, standardised, and which rows of the latter are outliers."""
    from sklearn.model_selection import train_test_split

    with np.load(path) as file:
        X, y = file["X"].astype(np.float64), file["y"].astype(int)
    if len(X) > MAX_ROWS:
        kept = np.random.default_rng(1 + seed).choice(len(X), MAX_ROWS, replace=False)
        X, y = X[kept], y[kept]
    X_train, X_test, _, truth = train_test_split(X, y, test_size=0.4, stratify=y, random_state=seed)
    return *standardised(X_train, X_test), truth


def measures(truth: Array, scores: Array) -> tuple[float, float, float]:
    """The area, the precision at the number of outliers, and the average precision."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    top = np.argsort(-scores, kind="stable")[: truth.sum()]
    return (
        float(roc_auc_score(truth, scores)),
        float(truth[top].mean()),
        float(average_precision_score(truth, scores)),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="+", metavar="NAME")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the forest's, of constant columns
    paths = {
        path.stem.split("_", 1)[-1] if path.stem[0].isdigit() else path.stem: path
        for path in sorted(options.folder.glob("*.npz"))
    }
    names = options.sets or list(paths)
    if not names or (unknown := [name for name in names if name not in paths]):
        parser.error(f"{options.folder}: no file for {unknown[0] if names else 'any set'}")
    print("area / precision at the number of outliers / average precision\n")
    print("| set | " + " | ".join(options.peers) + " |")
    print("|---" * (1 + len(options.peers)) + "|")
    everything = []
    for name in names:
        runs = []
        for seed in options.seeds:
            X, X_test, truth = split(paths[name], seed)
            runs.append([measures(truth, PEERS[peer](X, seed)(X_test)) for peer in options.peers])
        everything.append(np.mean(runs, axis=0))  # (n_peers, 3)
        print(row(name, everything[-1]), flush=True)
    print(row("mean", np.mean(everything, axis=0)))


def row(name: str, results: Array) -> str:
    """One line of the table."""
    cells = [" / ".join(f"{number:.3f}" for number in of_peer) for of_peer in results]
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
