"""Is what `diagnose` says so? Of healthy fits it should find nothing, of spoiled ones the reason.

    python benchmarks/diagnosis.py [--adbench FOLDER] [--healthy] [--spoiled] [--seed N] [--verbose]

Healthy: settings known to be good, on scikit-learn's tables, on random sheets of several shapes
and, where a folder of them is given, on ADBench's `.npz` files. Neither a warning nor a finding
about the fit is expected. What is said about the table itself (a constant column) is listed apart.

Spoiled: the same fits with one setting spoiled, so that the loss is clearly worse than PCA's. The
first advice is expected to name that setting.
"""

import argparse
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine

from ae_core import Autoencoder, NotLearningWarning, VariationalAutoencoder
from ae_core.diagnosis.diagnose import OF_THE_FIT
from ae_core.diagnosis.references import POOR

ABOUT_THE_FIT = OF_THE_FIT | {"overfitting", "learned_to_copy"}
MOST_ROWS = 1500
COMMON = {"max_iter": 100, "random_state": 0, "n_threads": 1}

GOOD = {
    "as it is": {},
    "longer": {"max_iter": 200},
    "tanh": {"activation": "tanh"},
    "relu": {"activation": "relu"},
    "two layers": {"hidden_layer_sizes": (64, 32)},
    "tied": {"tied": True},
    "float32": {"dtype": "float32"},
    "adamw": {"solver": "adamw", "alpha": 1e-3},
    "rmsprop": {"solver": "rmsprop", "learning_rate_init": 1e-3},
    "denoising": {"corruption": "gaussian", "corruption_level": 0.3},
    "masking": {"corruption": "masking", "corruption_level": 0.1},
    "dropout": {"dropout": 0.05},
    "contractive": {"contraction": 0.01},
    "code_l1": {"code_l1": 0.01},
    "alpha": {"alpha": 0.1},
    "minmax": {"scale": "minmax", "max_iter": 200},
    "absolute": {"loss": "absolute_error", "max_iter": 200},
    "huber": {"loss": "huber"},
    "clipped": {"clip_norm": 5.0},
    "averaging": {"averaging": 0.99},
    "leaky relu": {"activation": "leaky_relu"},
    "cosine": {"learning_rate": "cosine"},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.003, "max_iter": 300},
    "variational": {"variational": True, "max_iter": 200},
    "early": {"early_stopping": True, "n_iter_no_change": 30, "max_iter": 200},
}

NEEDS_ROWS = {"early": 150}
"""Rows that it takes: a fit that is stopped by fewer than 15 of them ends by chance."""

DEEP = {"hidden_layer_sizes": (64, 32, 16), "activation": "logistic", "solver": "sgd"}
SLOW = {"solver": "sgd", "learning_rate_init": 0.01}
# The name, what it is with, and its spoiled values.
SPOILED = [
    ("alpha", {}, (1e3, 3e3)),
    ("alpha_l1", {}, (100.0, 300.0)),
    ("alpha", {"solver": "adamw"}, (10.0,)),
    ("dropout", {}, (0.95, 0.97)),
    ("code_l1", {}, (30.0, 100.0)),
    ("contraction", {}, (10.0, 100.0)),
    ("sparsity", {"code_activation": "logistic"}, (100.0, 1000.0)),
    ("k_sparse", {}, (1,)),
    ("corruption_level", {"corruption": "gaussian"}, (20.0, 50.0)),
    ("corruption_level", {"corruption": "masking"}, (0.95, 0.98)),
    ("clip_norm", SLOW, (1e-6, 1e-5)),
    ("momentum", SLOW, (0.9999,)),
    ("learning_rate_init", {"solver": "rmsprop"}, (1e-7, 30.0)),
    ("learning_rate_init", {"loss": "absolute_error"}, (1e-6,)),
    ("alpha", {"dtype": "float32", "activation": "relu"}, (1e3,)),
    ("alpha", {"variational": True}, (1e4,)),
    ("learning_rate_init", {}, (1e-6, 1e-7, 10.0)),
    ("learning_rate_init", {"solver": "sgd"}, (1e-7,)),
    ("max_iter", {}, (1, 2)),
    ("batch_size", {"max_iter": 20}, (100_000,)),
    ("hidden_layer_sizes", {}, ((1,), (64, 1))),
    ("activation", DEEP, ("logistic",)),
    ("output_activation", {}, ("relu", "logistic")),
    ("averaging", {}, (0.999999,)),
    ("epsilon", {}, (1e3,)),
    ("power_t", {"learning_rate": "invscaling"}, (2.0,)),
    ("tol", {}, (100.0,)),
    ("beta", {"variational": True}, (100.0, 1000.0)),
    ("noise_variance", {"variational": True}, (100.0,)),
    ("kl_warm_up", {"variational": True, "beta": 1.0}, ()),
]
ALSO = {
    "corruption_level": ("corruption",),
    "activation": ("solver",),
    "power_t": ("learning_rate",),
    "batch_size": ("max_iter",),
}
"""Settings that are as much the reason: it is the two together that spoil the fit."""


def sheet(n_rows, n_columns, n_dimensions, seed):
    """Rows near a curved sheet of so many dimensions."""
    random = np.random.default_rng(seed)
    t = random.standard_normal((n_rows, n_dimensions))
    A, B = random.standard_normal((2, n_dimensions, n_columns))
    return np.tanh(t @ A) + t @ B + 0.05 * random.standard_normal((n_rows, n_columns))


def tables(folder, seed=0):
    """Name → table and code size; another seed gives other sheets, and other rows of the rest."""
    random = np.random.default_rng(seed)
    found = {
        "iris": (load_iris().data, 2),
        "wine": (load_wine().data, 4),
        "breast cancer": (load_breast_cancer().data, 6),
        "digits": (load_digits().data, 8),
        "diabetes": (load_diabetes().data, 4),
    }
    shapes = [(300, 8, 2), (500, 20, 4), (1200, 12, 3), (400, 40, 5)]
    if seed:
        found = {name: (_some(X, random), k) for name, (X, k) in found.items()}
        shapes = [
            (int(random.integers(200, 1200)), int(random.integers(d + 4, 40)), d)
            for d in (2, 3, 4, 5)
        ]
    for i, (m, n, d) in enumerate(shapes):
        found[f"sheet {m} × {n}"] = sheet(m, n, d, 100 * seed + i), d + 1
    for path in sorted(Path(folder).glob("*.npz")) if folder else ():
        X = np.load(path)["X"].astype(float)
        if seed:
            X = _some(X, random)[:MOST_ROWS]
        X = X[np.linspace(0, len(X) - 1, min(len(X), MOST_ROWS)).astype(int)]
        found[path.stem] = X, max(1, min(8, X.shape[1] // 3))
    return found


def _some(X, random):
    """Four fifths of the rows, in another order."""
    return X[random.permutation(len(X))[: len(X) * 4 // 5]]


def fitted(X, k, settings):
    """A fit, and the warning at its end, if there was one."""
    settings = {**COMMON, **settings}
    cls = VariationalAutoencoder if settings.pop("variational", False) else Autoencoder
    model = cls(k, **settings)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.fit(X)
        except ArithmeticError:
            return model, "diverged"
    said = [w for w in caught if issubclass(w.category, NotLearningWarning)]
    return model, "warned" if said else ""


def healthy(all_tables, verbose):
    """How many healthy fits there were, and what was found all the same."""
    n, found, of_tables = 0, [], Counter()
    for i, (name, (X, k)) in enumerate(all_tables.items()):
        for j, (kind, settings) in enumerate(GOOD.items()):
            if len(all_tables) > 12 and j and (i + j) % 3:
                continue  # a third of the settings on each of many tables, all on all of few
            if len(X) < NEEDS_ROWS.get(kind, 0):
                continue
            model, said = fitted(X, k, settings)
            report = model.diagnose(X)
            n += 1
            bad = [f.name for f in report.findings if f.name in ABOUT_THE_FIT] + [said] * bool(said)
            of_tables.update((name, f.name) for f in report.findings if f.name not in ABOUT_THE_FIT)
            if bad:
                found.append((name, kind, bad))
                if verbose:
                    print(name, kind, bad, report.findings[0].message, flush=True)
    return n, found, of_tables


def spoiled(all_tables, verbose, one_in=3):
    """How many fits one setting has spoiled, and of which the first advice names it."""
    n, named, missed, harmless = 0, 0, [], 0
    for i, (name, (X, k)) in enumerate(all_tables.items()):
        for j, (setting, others, values) in enumerate(SPOILED):
            for value in values:
                if len(all_tables) > 12 and (i + j) % one_in:
                    continue
                if setting == "k_sparse" and k < 4:
                    continue
                model, _ = fitted(X, k, {**others, setting: value})
                report = model.diagnose(X)
                (pca,) = (loss for name, loss in report.baselines.items() if name[:3] == "PCA")
                gain = report.baselines[report.constant] - pca
                if report.loss - pca < POOR * gain:
                    harmless += 1
                    continue
                n += 1
                advice = report.findings[0].advice if report.findings else "(nothing)"
                accepted = (setting, *ALSO.get(setting, ()))
                if advice.startswith(tuple(f"{one}=" for one in accepted)):
                    named += 1
                else:
                    missed.append((name, setting, value, others, advice))
                    if verbose:
                        print(name, f"{setting}={value}", others, "→", advice, flush=True)
        if verbose:
            print(f"so far, with {name}: {named} of {n}", flush=True)
    return n, named, missed, harmless


def main():
    """Print both figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--adbench", metavar="FOLDER")
    parser.add_argument("--healthy", action="store_true")
    parser.add_argument("--spoiled", action="store_true")
    parser.add_argument("--seed", type=int, default=0, help="of tables and fits")
    parser.add_argument(
        "--one-in", type=int, default=3, help="of many tables, each with one in so many settings"
    )
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    all_tables = tables(options.adbench, options.seed)
    COMMON["random_state"] = options.seed
    if options.healthy or not options.spoiled:
        n, found, of_tables = healthy(all_tables, options.verbose)
        print(f"healthy: {n} fits, {len(found)} with a warning or a finding about the fit")
        for case in found:
            print("  ", *case)
        for (name, finding), times in of_tables.items():
            print(f"   about the table: {name}: {finding} ({times} times)")
    if options.spoiled or not options.healthy:
        n, named, missed, harmless = spoiled(all_tables, options.verbose, options.one_in)
        print(
            f"spoiled: {n} fits, the first advice names the setting in {named} ({named / n:.1%}); "
            f"{harmless} more were hardly worse for it"
        )
        for case in missed:
            print("  ", *case)


if __name__ == "__main__":
    main()
