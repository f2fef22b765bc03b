"""How well hidden entries are filled in, beside scikit-learn's imputers, and how long it takes.

    python benchmarks/imputation.py
    python benchmarks/imputation.py FOLDER --rows 1000 --columns 30 --skip WBC WDBC
    python benchmarks/imputation.py FOLDER --beside-trees

Tables are those that come with scikit-learn, and every NAME.npz of FOLDER with an array X. Of each
so many rows are drawn, and its first so many columns that vary are taken. 30 % of the entries are
hidden in three ways: at random; in blocks, half of the columns, neighbours, in six rows of ten; and
by value, the more probably the larger an entry is beside others of its column. Given is the root
mean square error of hidden entries, of columns with variance 1, and the processor's seconds of fit
and transform together, on one thread. With --draws also the share of hidden entries that 90 %
intervals of draws hold. --beside-trees takes what docs/defaults.md gives beside trees with time:
300 rows and 12 columns of eight sets, entries hidden at random.
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is loaded

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402
from sklearn import datasets  # noqa: E402
from sklearn.ensemble import ExtraTreesRegressor  # noqa: E402
from sklearn.experimental import enable_iterative_imputer  # noqa: E402, F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer  # noqa: E402

from ae_core import AutoencoderImputer  # noqa: E402

Array = NDArray[Any]
SHARE = 0.3
N_DRAWS = 100
OURS, TREES = "AutoencoderImputer", "iterative, trees"
BESIDE_TREES = [
    *("diabetes", "wine", "cover", "glass"),
    *("magic.gamma", "satimage-2", "vertebral", "yeast"),
]
"""Sets that chose nothing of `AutoencoderImputer`, of up to 60 columns."""


def at_random(X: Array, random: np.random.Generator) -> Array:
    """Each entry with the same probability."""
    return random.random(X.shape) < SHARE


def in_blocks(X: Array, random: np.random.Generator) -> Array:
    """Half of the columns, neighbours on a circle, in twice the share of the rows."""
    n_rows, n = X.shape
    first = random.integers(0, n, (n_rows, 1))
    is_inside = (np.arange(n) - first) % n < max(1, n // 2)
    return is_inside & (random.random((n_rows, 1)) < 2 * SHARE)


def by_value(X: Array, random: np.random.Generator) -> Array:
    """In proportion to the rank in the column: from none to twice the share of all."""
    ranks = (X + 1e-9 * random.random(X.shape)).argsort(axis=0).argsort(axis=0)
    return random.random(X.shape) < 2 * SHARE * ranks / len(X)


WAYS = {"at random": at_random, "in blocks": in_blocks, "by value": by_value}


def imputers(seed: int, trees: int, iterations: int) -> dict[str, Callable[[], Any]]:
    """What to compare, by name."""
    forest = ExtraTreesRegressor(trees, random_state=seed, n_jobs=1)
    return {
        "mean": SimpleImputer,
        "5 neighbours": KNNImputer,
        "iterative, ridge": lambda: IterativeImputer(max_iter=iterations, random_state=seed),
        TREES: lambda: IterativeImputer(forest, max_iter=iterations, random_state=seed),
        OURS: lambda: AutoencoderImputer(random_state=seed, n_threads=1),
    }


def tables(folder: Path | None, n_rows: int, n_columns: int) -> dict[str, Array]:
    """The tables by name, scaled to variance 1."""
    found: dict[str, Array] = {
        name: getattr(datasets, f"load_{name}")().data
        for name in ("breast_cancer", "diabetes", "digits", "wine")
    }
    if folder is not None:
        found |= {path.stem: np.load(path)["X"] for path in sorted(folder.glob("*.npz"))}
    return {name: prepared(X, n_rows, n_columns) for name, X in found.items()}


def prepared(X: Array, n_rows: int, n_columns: int) -> Array:
    """Some rows and columns of a table, in standard deviations."""
    X = np.asarray(X, dtype=np.float64)
    if len(X) > n_rows:
        X = X[np.sort(np.random.default_rng(1).permutation(len(X))[:n_rows])]
    X = X[:, X.std(axis=0) > 1e-12 * np.abs(X).max(axis=0)][:, :n_columns]
    return (X - X.mean(axis=0)) / X.std(axis=0)


def covered(X: Array, table: Array, hidden: Array, seed: int) -> float:
    """The share of hidden entries within the 90 % intervals of draws."""
    model = AutoencoderImputer(random_state=seed, n_threads=1, sample_posterior=True).fit(table)
    draws = np.stack([draw[hidden] for draw in model.sample(table, N_DRAWS)])
    low, high = np.quantile(draws, (0.05, 0.95), axis=0)
    truth = X[hidden]
    return float(((low - 1e-9 <= truth) & (truth <= high + 1e-9)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--sets", nargs="*", help="of these alone")
    parser.add_argument("--skip", nargs="*", default=())
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--columns", type=int, default=60)
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--without", nargs="*", default=(), help="imputers")
    parser.add_argument("--draws", action="store_true")
    parser.add_argument("--beside-trees", action="store_true")
    options = parser.parse_args()
    if options.beside_trees:
        options.sets, options.rows, options.columns = BESIDE_TREES, 300, 12
        options.ways = ["at random"]
    warnings.simplefilter("ignore")  # of convergence

    makers = imputers(options.seed, options.trees, options.iterations)
    makers = {name: maker for name, maker in makers.items() if name not in options.without}
    used = {
        name: X
        for name, X in tables(options.folder, options.rows, options.columns).items()
        if (not options.sets or name in options.sets) and name not in options.skip
    }
    last = ["90 % hold"] * options.draws
    for way in options.ways:
        print(f"\n| hidden {way} | " + " | ".join([*makers, *last]) + " |")
        print("|---|" + "--:|" * (len(makers) + len(last)), flush=True)
        rows: list[list[tuple[float, float]]] = []
        shares = []
        for name, X in used.items():
            hidden = WAYS[way](X, np.random.default_rng(options.seed + 7))
            table = np.where(hidden, np.nan, X)
            results = []
            for maker in makers.values():
                start = time.process_time()
                filled = maker().fit_transform(table)
                seconds = time.process_time() - start
                results.append((float(np.sqrt(((filled - X)[hidden] ** 2).mean())), seconds))
            rows.append(results)
            share = [covered(X, table, hidden, options.seed)] * options.draws
            shares.append(share)
            print(line(f"{name}, {X.shape[0]} × {X.shape[1]}", results, share), flush=True)
        means = [tuple(np.mean(column, axis=0)) for column in zip(*rows, strict=True)]
        print(line(f"**mean of {len(rows)}**", means, np.mean(shares, axis=0)), flush=True)
        if {OURS, TREES} <= set(makers):
            beside = [list(makers).index(name) for name in (OURS, TREES)]
            print(beside_trees(np.array(rows)[:, beside]), flush=True)


def beside_trees(results: Array) -> str:
    """A sentence about errors and seconds (n_sets, 2, 2) of ours and of trees."""
    errors, seconds = results[:, :, 0], results[:, :, 1]
    n_better = int((errors[:, 0] < errors[:, 1]).sum())
    times = seconds[:, 1] / seconds[:, 0]
    (ours, theirs), (our_time, their_time) = errors.mean(axis=0), seconds.sum(axis=0)
    return (
        f"\n{OURS} {ours:.3f}, trees {theirs:.3f}, better in {n_better} of {len(errors)}; trees "
        f"take {their_time / our_time:.1f} times the processor's seconds, by set {times.min():.1f} "
        f"to {times.max():.1f}"
    )


def line(name: str, results: list[Any], shares: Any) -> str:
    """A line of the table."""
    cells = [f"{error:.3f} ({seconds:.1f} s)" for error, seconds in results]
    cells += [f"{100 * share:.0f} %" for share in shares]
    return f"| {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
