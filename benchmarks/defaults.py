"""What `Autoencoder(n_components=8).fit(X)` makes of real tables, beside the mean and PCA.

    python benchmarks/defaults.py
    python benchmarks/defaults.py --seeds 2 --sets wine diabetes --set activation=tanh max_iter=500
    python benchmarks/defaults.py --data MNIST_FOLDER --markdown table.md
    python benchmarks/defaults.py --folder FOLDER --seeds 1

See benchmarks/README.md for what is measured, and how.
"""

import argparse
import ast
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from problems import read_idx
from report import figure, table
from sklearn import datasets

from ae_core import Autoencoder
from ae_core.diagnosis.baselines import column_mean, principal_components

TOY_SETS = ("digits", "wine", "breast_cancer", "diabetes", "iris", "linnerud")
N_MNIST = 5_000
N_HELD_OUT = 4  # one row in so many
N_OF_FILE = 1_200  # rows at most of a set of --folder


@dataclass
class Errors:
    """Squared error per row, summed over columns, of one split."""

    mean: float
    pca: float
    ours: float

    @property
    def explained(self) -> float:
        """The share of the variance around the training rows' mean."""
        return 1 - self.ours / self.mean

    @property
    def to_pca(self) -> float:
        """Ours by PCA's; NaN where PCA is perfect."""
        return self.ours / self.pca if self.pca > 1e-9 * self.mean else np.nan


def load(name: str, folder: Path | None, files: Path | None = None) -> np.ndarray:
    """The rows of a set (n_samples, n_features), float64; of a file some, of columns that vary."""
    if files is not None:
        X = np.load(files / f"{name}.npz")["X"].astype(np.float64)
        if len(X) > N_OF_FILE:
            X = X[np.random.default_rng(0).permutation(len(X))[:N_OF_FILE]]
        return np.asarray(X[:, X.std(axis=0) > 0])
    if name == "mnist":
        assert folder is not None
        images = read_idx(folder / "train-images-idx3-ubyte.gz")[:N_MNIST]
        return images.reshape(len(images), -1).astype(np.float64)
    bunch = getattr(datasets, f"load_{name}")()
    if name == "linnerud":  # three columns of exercise and three of the body
        return np.hstack([bunch.data, bunch.target])
    return np.asarray(bunch.data, dtype=np.float64)


def split(X: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to learn from, and a quarter held out."""
    order = np.random.default_rng(1000 + seed).permutation(len(X))
    n_held_out = len(X) // N_HELD_OUT
    return X[order[n_held_out:]], X[order[:n_held_out]]


def measure(
    X: np.ndarray, seed: int, n_components: int, settings: dict[str, Any]
) -> tuple[dict[str, Errors], float]:
    """The errors of one seed, by which units and which rows, and the fit's seconds of processor."""
    train, held_out = split(X, seed)
    model = Autoencoder(n_components=n_components, random_state=seed, n_threads=1, **settings)
    start = time.process_time()
    model.fit(train)
    seconds = time.process_time() - start
    spread = train.std(axis=0)
    spread[spread == 0] = 1
    k = min(n_components, *train.shape)
    errors = {}
    # PCA of raw columns for raw units, and of standardised columns for those.
    for units, scale in (("scaled", spread), ("raw", np.ones_like(spread))):
        for rows_name, rows in (("train", train), ("held out", held_out)):

            def error(X_hat: np.ndarray, rows: Any = rows, scale: Any = scale) -> float:
                return float((((rows - X_hat) / scale) ** 2).sum(axis=1).mean())

            pca = principal_components(train / scale, rows / scale, k) * scale
            errors[f"{units} {rows_name}"] = Errors(
                error(column_mean(train, rows)), error(pca), error(model.reconstruct(rows))
            )
    return errors, seconds


def row(name: str, shape: tuple[int, ...], kind: str, of: list[Errors]) -> list[str]:
    """A table's row: means over seeds, and the worst seed's ratio and share in parentheses."""
    ratios = [each.to_pca for each in of]
    to_pca = "PCA is perfect"
    if not np.isnan(ratios).any():
        to_pca = f"{np.mean(ratios):.2f} ({max(ratios):.2f})"
    explained = [each.explained for each in of]
    pca = np.mean([1 - each.pca / each.mean for each in of])
    return [
        name,
        kind,
        " × ".join(map(str, shape)),
        *(figure(float(np.mean([getattr(e, who) for e in of]))) for who in ("mean", "pca", "ours")),
        f"{100 * pca:.2f} %",
        f"{100 * np.mean(explained):.2f} % ({100 * min(explained):.2f} %)",
        to_pca,
    ]


HEADER = (
    "data",
    "rows",
    "shape",
    "mean's error",
    "PCA's",
    "ours",
    "explained by PCA",
    "by ours (worst)",
    "ours / PCA (worst)",
)


def parse_setting(text: str) -> tuple[str, Any]:
    """``name=value``, the value as Python writes it, or a word."""
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sets = (*TOY_SETS, "mnist")
    parser.add_argument("--sets", nargs="+", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--components", type=int, default=8)
    parser.add_argument("--data", type=Path, help="folder with MNIST's train-images-idx3-ubyte.gz")
    parser.add_argument(
        "--folder",
        type=Path,
        help="folder of NAME.npz with X; of these, components are at most a third of the columns",
    )
    parser.add_argument(
        "--set", nargs="+", type=parse_setting, default=[], metavar="NAME=VALUE", dest="settings"
    )
    parser.add_argument("--markdown", type=Path, help="write the tables here, too")
    options = parser.parse_args()
    if options.folder is not None:
        sets = tuple(sorted(path.stem for path in options.folder.glob("*.npz")))
    if options.sets is None:
        options.sets = sets if options.data or options.folder else TOY_SETS
    if unknown := [name for name in options.sets if name not in sets]:
        parser.error(f"--sets {unknown[0]}: one of {', '.join(sets)}")
    if "mnist" in options.sets and options.data is None and options.folder is None:
        parser.error("mnist needs --data")
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: at least 1")
    return options


def main() -> None:
    """Measure and print."""
    options = parse_options()
    rows: dict[str, list[list[str]]] = {"scaled": [], "raw": []}
    times = []
    for name in options.sets:
        X = load(name, options.data, options.folder)
        n_components = options.components
        if options.folder is not None:
            n_components = max(1, min(n_components, X.shape[1] // 3))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what the estimator has to say about the fit
            measured = [
                measure(X, seed, n_components, dict(options.settings))
                for seed in range(options.seeds)
            ]
        for key in measured[0][0]:
            units, kind = key.split(" ", 1)
            rows[units].append(row(name, X.shape, kind, [errors[key] for errors, _ in measured]))
        seconds = [each for _, each in measured]
        times.append(f"{name} {np.mean(seconds):.2f} s")
        print(f"{name} done", file=sys.stderr, flush=True)
    report = [
        f"{options.components} components, {options.seeds} seeds (of split and model), a quarter "
        f"held out; settings: {dict(options.settings) or 'the defaults'}",
        "",
        "Squared error of standardised columns, beside PCA of these:",
        "",
        *table(HEADER, rows["scaled"], n_left=3),
        "",
        "Squared error in the data's units, beside PCA of the raw columns:",
        "",
        *table(HEADER, rows["raw"], n_left=3),
        "",
        f"Processor time of a fit, one thread: {', '.join(times)}",
    ]
    text = "\n".join(report) + "\n"
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text)


if __name__ == "__main__":
    main()
