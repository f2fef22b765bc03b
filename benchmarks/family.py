"""What must come out of the family: facts about models, and what each feature costs a step.

    python benchmarks/family.py
    python benchmarks/family.py --part impute denoise --seeds 2
    python benchmarks/family.py --part cost sparse --rounds 21 --data MNIST_FOLDER --markdown t.md

See benchmarks/README.md for what is measured, and how.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from family_steps import Steps, interleaved, step_rows
from problems import CONFIGURATIONS, load_data
from report import figure, table
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer
from threadpoolctl import threadpool_limits

from ae_core import Adam, Architecture, Autoencoder, Network, train
from ae_core.data.rows import Rows
from ae_core.formulas.corruption import CORRUPTIONS
from ae_core.formulas.noise import Draw, noise_key

HIDDEN = 0.3
OURS = {"ae_core": None, "ae_core, scale='standard'": "standard"}
IMPUTING = {
    "n_components": 128,
    "hidden_layer_sizes": (512,),
    "activation": "relu",
    "code_activation": "relu",
    "corruption": "masking",
    "corruption_level": 0.5,
    "missing_values": "mask",
    "learning_rate_init": 2e-3,
    "batch_size": 100,
    "n_threads": 1,
}
DENOISING = Architecture.symmetrical((64, 128, 32), activation="relu")
LEVELS = {"gaussian": 0.3, "masking": 0.3, "salt_and_pepper": 0.3}
WIDE = (10_000, 256, 32)
DENSITY = 0.01


def say(text: str) -> None:
    """Progress, apart from the report."""
    print(text, file=sys.stderr, flush=True)


# --- facts about models -------------------------------------------------------------------------


def imputed(X: np.ndarray, scale: str | None, seed: int, max_iter: int) -> np.ndarray:
    """Pixels (m, n), NaN filled in by a network that learned to do without half of what it sees.

    With ``scale=None`` columns are centred at the mean of what is seen, so that an unseen entry, 0
    to the network, is the mean; and all are divided by one number, for they are alike.
    """
    shift, spread = (0.0, 1.0) if scale else (np.nanmean(X, axis=0), np.nanstd(X))
    model = Autoencoder(scale=scale, max_iter=max_iter, random_state=seed, **IMPUTING)
    seen = (X - shift) / spread
    return (model.fit(seen).impute(seen) * spread + shift).clip(0, 16)


def impute(options: argparse.Namespace) -> list[str]:
    """Root mean squared error of hidden pixels, 0 to 16, by who filled them in."""
    X = load_digits().data
    names = ("column mean", "KNNImputer, k = 5", "KNNImputer, k = 10", *OURS)
    errors: dict[str, list[float]] = {name: [] for name in names}
    for seed in range(options.seeds):
        is_hidden = np.random.default_rng(seed).random(X.shape) < HIDDEN
        seen = np.where(is_hidden, np.nan, X)
        neighbours = [
            KNNImputer(n_neighbors=k, keep_empty_features=True).fit_transform(seen) for k in (5, 10)
        ]
        mean = np.broadcast_to(np.nanmean(seen, axis=0), X.shape)
        ours = [imputed(seen, scale, seed, options.epochs) for scale in OURS.values()]
        filled = [mean, *neighbours, *ours]
        for name, X_hat in zip(names, filled, strict=True):
            errors[name].append(float(np.sqrt(np.mean((X_hat - X)[is_hidden] ** 2))))
        say(f"impute: seed {seed}: " + ", ".join(f"{n} {e[-1]:.3f}" for n, e in errors.items()))
    lines = []
    for name, of in errors.items():
        ratios = np.array(errors["ae_core"]) / of
        figures = np.mean(of), max(of), np.mean(ratios), max(ratios)
        lines.append((name, *(f"{number:.3f}" for number in figures)))
    header = ("filled in by", "RMSE", "worst seed's", "ae_core's / this", "worst seed's")
    return [
        f"Imputing: scikit-learn's digits with {HIDDEN:.0%} of the entries hidden at random; root "
        f"mean squared error of the hidden pixels (0 to 16), {options.seeds} seeds",
        "",
        *table(header, lines),
    ]


def denoise(options: argparse.Namespace) -> list[str]:
    """Squared error of held-out digits that were spoiled, by who reconstructs them."""
    X = load_digits().data / 16
    lines = []
    for name, corrupt in CORRUPTIONS.items():
        level, errors = LEVELS.get(name, 0.3), []
        for seed in range(options.seeds):
            order = np.random.default_rng(seed).permutation(len(X))
            known, held_out = X[order[len(X) // 4 :]], X[order[: len(X) // 4]]
            draw = Draw(noise_key(seed, 1_000_000), np.arange(len(held_out)))
            spoiled = corrupt(held_out, draw, level, Rows(known).limits)
            of = [float(((spoiled - held_out) ** 2).sum(axis=1).mean())]
            for corruption in (None, name):
                network = trained(known, corruption, level, seed, options.epochs)
                X_hat = network.forward(spoiled)
                of.append(float(((X_hat - held_out) ** 2).sum(axis=1).mean()))
            errors.append(of)
        mean, ratios = np.mean(errors, axis=0), [e[2] / e[1] for e in errors]
        lines.append(
            (name, figure(level), *map(figure, mean), figure(np.mean(ratios)), figure(max(ratios)))
        )
        say(f"denoise: {name}: spoiled, plain, denoising: {mean.round(3)}")
    header = ("corruption", "level", "as it is", "plain", "denoising", "denoising / plain", "worst")
    return [
        "Denoising: squared error per image (pixels / 16) of a quarter of the digits, held out and "
        f"spoiled: as they are, and reconstructed by networks that were not and were trained with "
        f"that corruption; {options.seeds} seeds",
        "",
        *table(header, lines),
    ]


def trained(
    X: np.ndarray, corruption: str | None, level: float, seed: int, max_iter: int
) -> Network:
    """A network for digits, with or without corruption."""
    sizes = DENOISING.layer_sizes[: DENOISING.code_layer + 1]
    architecture = Architecture.symmetrical(
        sizes, activation="relu", corruption=corruption, corruption_level=level
    )
    network = Network(architecture, dtype="float32", random_state=seed)
    options = {"batch_size": 100, "max_iter": max_iter, "learning_rate": "cosine"}
    train(network, X, solver=Adam(2e-3), random_state=seed, **options)
    return network


# --- what a step costs --------------------------------------------------------------------------


def cost(options: argparse.Namespace) -> list[str]:
    """A training step of `speed.py`'s mnist, with each feature, by the plain one's."""
    configuration = CONFIGURATIONS["mnist"]
    X, what = load_data(configuration.data, options.data)
    rows, n = Rows(X), X.shape[1]
    features: dict[str, dict] = {
        "plain": {},
        **{f"corruption={name!r}": {"corruption": name} for name in CORRUPTIONS},
        "dropout=0.2": {"dropout": 0.2},
        "k_sparse=8": {"k_sparse": 8},
        "code_l1=0.001": {"code_l1": 1e-3},
        "sparsity=0.1": {"sparsity": 0.1},
        "alpha_l1=0.1": {"alpha_l1": 0.1},
        "feature_weights": {"feature_weights": np.linspace(0.5, 1.5, n)},
        "contraction=0.001": {"contraction": 1e-3},
    }
    steps = []
    for name, feature in features.items():
        if options.features and name != "plain" and not any(w in name for w in options.features):
            continue
        architecture = Architecture(configuration.sizes, configuration.activations, **feature)
        steps.append(Steps(name, architecture, rows, configuration.batch_size))
    for name, solver in {
        "clip_norm=1": Adam(clip_norm=1.0),
        "averaging=0.99": Adam(averaging=0.99),
    }.items():
        if not options.features or any(w in name for w in options.features):
            architecture = Architecture(configuration.sizes, configuration.activations)
            steps.append(Steps(name, architecture, rows, configuration.batch_size, solver))
    seconds = interleaved(steps, options.rounds, say)
    sizes = "-".join(map(str, configuration.sizes))
    return [
        f"Cost: a training step of {sizes}, logistic, batch {configuration.batch_size}, Adam, "
        f"float32, one core ({what}); median of {options.rounds} rounds",
        "",
        *table(("step", "time", "max/min", "time / plain's"), step_rows(seconds, "plain")),
    ]


def wide_tables(n_rows: int) -> dict[str, Rows]:
    """The same numbers, dense and sparse, with 0 and with nothing where none is stored."""
    shape = n_rows, WIDE[0]
    random = np.random.default_rng(0)
    X = sparse.random_array(shape, density=DENSITY, format="csr", rng=random, dtype=np.float32)
    dense = X.toarray()
    holes = np.full(shape, np.nan, np.float32)
    stored = X.tocoo()
    holes[stored.row, stored.col] = stored.data
    return {
        "CSR": Rows(X),
        "dense": Rows(dense),
        "CSR, 'implicit'": Rows(X, missing="implicit"),
        "dense with NaN, 'mask'": Rows(holes, missing="mask"),
    }


def wide(options: argparse.Namespace) -> list[str]:
    """A training step on a wide table of which 1 % is stored, sparse and dense."""
    tables, lines = wide_tables(options.rows), []
    architecture = Architecture.symmetrical(WIDE)
    for batch_size in (256, 512, 1024):
        steps = [Steps(name, architecture, rows, batch_size) for name, rows in tables.items()]
        seconds = interleaved(steps, options.rounds, say)
        for name, of in (("CSR", "dense"), ("CSR, 'implicit'", "dense with NaN, 'mask'")):
            pair = {key: seconds[key] for key in (name, of)}
            lines += [(str(batch_size), *row) for row in step_rows(pair, name)]
    sizes = "-".join(map(str, architecture.layer_sizes))
    return [
        f"Sparse: a training step of {sizes}, logistic, Adam, float32, one core, on {options.rows} "
        f"rows of which {DENSITY:.0%} is stored; median of {options.rounds} rounds",
        "",
        *table(("batch", "table", "time", "max/min", "time / CSR's"), lines, n_left=2),
    ]


PARTS: dict[str, Callable[[argparse.Namespace], list[str]]] = {
    "impute": impute,
    "denoise": denoise,
    "cost": cost,
    "sparse": wide,
}


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--seeds", type=int, default=5, help="of impute and denoise")
    parser.add_argument("--epochs", type=int, default=200, help="of impute and denoise")
    parser.add_argument("--rounds", type=int, default=15, help="of cost and sparse")
    parser.add_argument("--features", nargs="+", metavar="WORD", help="of cost: those so called")
    parser.add_argument("--rows", type=int, default=4096, help="of sparse")
    parser.add_argument("--cpu", type=int, help="the processor to run on")
    parser.add_argument("--data", type=Path, help="folder with MNIST's train-images-idx3-ubyte.gz")
    parser.add_argument("--markdown", type=Path, help="write the tables here, too")
    options = parser.parse_args()
    for name in ("seeds", "epochs", "rounds"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} {getattr(options, name)}: at least 1")
    if options.rows < 1024:
        parser.error(f"--rows {options.rows}: at least 1024, a batch")
    return options


def main() -> None:
    """Measure and print."""
    options = parse_options()
    if hasattr(os, "sched_setaffinity"):
        cpu = max(os.sched_getaffinity(0)) if options.cpu is None else options.cpu
        os.sched_setaffinity(0, {cpu})
    parts = []
    with threadpool_limits(1):
        for name in options.part:
            parts.append("\n".join(PARTS[name](options)) + "\n")
            print(parts[-1], flush=True)
    if options.markdown:
        options.markdown.write_text("\n".join(parts))


if __name__ == "__main__":
    main()
