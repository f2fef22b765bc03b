"""What the strength of the penalty does to counts and to clicks, of 'multinomial' and others.

    python benchmarks/counts.py
    python benchmarks/counts.py --losses poisson multinomial --alphas auto 1 10 --seeds 0
    python benchmarks/counts.py --clicks --ratings FILE

Cells are simulated: groups, a programme within them, two batches, depths, gamma-Poisson counts. A
fifth of each count is held out. Given are the Poisson deviance of that as a share of the one by
depth and mean shares alone, and the adjusted Rand index of groups by 5-means of the codes. Clicks
are simulated, too, or the ratings of 4 and more of a file, of the thousand most frequent items:
NDCG@100 of a fifth of the clicks of people whom the fit has not seen.
"""

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from truth import deviance, ndcg, rated, stored

from ae_core import Autoencoder, VariationalAutoencoder

Array = NDArray[Any]
CASES: dict[str, dict[str, Any]] = {
    "300 × 50": {"n": 300, "g": 50, "marked": 0.4},
    "400 × 200": {"n": 400, "g": 200},
    "600 × 100, deep": {"n": 600, "g": 100, "level": 1.0, "shape": 5.0, "marked": 0.3},
    "400 × 200, shallow": {"n": 400, "g": 200, "level": -1.5},
    "150 × 30": {"n": 150, "g": 30, "marked": 0.5},
    "1000 × 150": {"n": 1000, "g": 150, "marked": 0.25},
}
N_GROUPS = 5


def cells(
    seed: int, n: int, g: int, shape: float = 3.0, marked: float = 0.15, level: float = -0.5
) -> tuple[Array, Array]:
    """Counts (n, g), and the group of each row."""
    random = np.random.default_rng(seed)
    group = random.choice(N_GROUPS, size=n, p=random.dirichlet(np.full(N_GROUPS, 5.0)))
    batch = random.integers(2, size=n)
    marks = np.exp(random.normal(size=(N_GROUPS, g)) * (random.random((N_GROUPS, g)) < marked))
    of_batch = np.exp(0.4 * random.normal(size=(2, g)))
    programme = np.exp(
        0.5 * random.normal(size=(n, 1)) * (random.normal(size=g) * (random.random(g) < 0.1))
    )
    rates = np.exp(random.normal(level, 1.3, size=g)) * marks[group] * of_batch[batch] * programme
    rates *= np.exp(0.6 * random.normal(size=(n, 1)))
    return random.poisson(rates * random.gamma(shape, 1 / shape, rates.shape)), group


def of_cells(case: dict[str, Any], seed: int, loss: str, alpha: Any) -> tuple[float, float, float]:
    """The held-out deviance, that by depth alone, and the adjusted Rand index."""
    X, group = cells(seed, **case)
    given = np.random.default_rng(seed + 5).binomial(X, 0.8)
    kept = given.sum(axis=1) > 0
    rest, given, group = (X - given)[kept], given[kept].astype(float), group[kept]
    sums = given.sum(axis=1, keepdims=True)
    model = Autoencoder(16, loss=loss, alpha=alpha, random_state=seed, n_threads=1).fit(given)
    rates = model.reconstruct(given) * (sums if loss == "multinomial" else 1)
    by_depth = deviance(rest, sums * given.mean(axis=0) / sums.mean() / 4)
    found = KMeans(N_GROUPS, n_init=4, random_state=0).fit_predict(model.transform(given))
    return deviance(rest, rates / 4), by_depth, adjusted_rand_score(group, found)


def simulated_clicks(seed: int, n_users: int = 500, n_items: int = 400) -> Any:
    """CSR of ones (n_users, n_items)."""
    random = np.random.default_rng(seed)
    U, V = random.normal(size=(n_users, 5)), random.normal(size=(n_items, 5))
    rates = np.exp(
        0.7 * random.normal(size=(n_users, 1)) + random.normal(size=n_items) + 0.5 * U @ V.T
    )
    is_click = random.random(rates.shape) < np.minimum(0.06 * rates / rates.mean(), 0.9)
    return scipy.sparse.csr_matrix(is_click.astype(float))


def frequent_clicks(options: argparse.Namespace) -> Any:
    """Ratings of 4 and more of the thousand items that have most of them."""
    data = rated(options)[0]
    data = stored(data, data.data >= 4)
    data.data[:] = 1
    return data[:, np.argsort(-np.asarray(data.sum(axis=0)).ravel())[:1000]].tocsr()


MASKING = {"corruption": "masking", "corruption_level": 0.5}
TANH = {
    "n_components": 100, "hidden_layer_sizes": (), "code_activation": "tanh", "max_iter": 100,
}  # fmt: skip
MODELS: dict[str, tuple[Any, dict[str, Any]]] = {
    "100 tanh, masking": (Autoencoder, {**TANH, **MASKING}),
    "100 tanh": (Autoencoder, TANH),
    "as it comes, 32, masking": (Autoencoder, {"n_components": 32, **MASKING}),
    "as it comes, 32": (Autoencoder, {"n_components": 32}),
    "variational, masking": (
        VariationalAutoencoder,
        {"n_components": 50, "hidden_layer_sizes": (200,), "beta": 0.2, "max_iter": 60, **MASKING},
    ),
}


def of_clicks(data: Any, seed: int, name: str, alpha: Any) -> float:
    """NDCG@100 of a fifth of the clicks of a fifth of the users."""
    make, settings = MODELS[name]
    data = data[np.diff(data.indptr) >= 5]
    random = np.random.default_rng(seed)
    order = random.permutation(data.shape[0])
    n_new = len(order) // 5
    fitted, new = data[order[n_new:]], data[order[:n_new]]
    is_hidden = random.random(new.nnz) < 0.2
    given, rest = stored(new, ~is_hidden), stored(new, is_hidden)
    model = make(loss="multinomial", alpha=alpha, random_state=seed, n_threads=1, **settings)
    return ndcg(model.fit(fitted).recommend(given, 100).columns, rest)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--losses", nargs="+", default=["multinomial"])
    parser.add_argument("--alphas", nargs="+", default=["0.0001", "auto"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[10, 11, 12])
    parser.add_argument("--clicks", action="store_true")
    parser.add_argument("--ratings", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of fits that have not learned
    alphas = [alpha if alpha == "auto" else float(alpha) for alpha in options.alphas]
    seeds = options.seeds
    print(f"| | {' | '.join(f'alpha={alpha}' for alpha in alphas)} |")
    print("|---|" + "--:|" * len(alphas), flush=True)
    if options.clicks:
        for name in MODELS:
            results = [
                [
                    of_clicks(
                        frequent_clicks(options) if options.ratings else simulated_clicks(seed),
                        *(seed, name, alpha),
                    )
                    for seed in seeds
                ]
                for alpha in alphas
            ]
            print(f"| {name} | {' | '.join(f'{np.mean(r):.3f}' for r in results)} |", flush=True)
        return
    for loss in options.losses:
        means = []
        for name, case in CASES.items():
            found = [[of_cells(case, seed, loss, alpha) for seed in seeds] for alpha in alphas]
            ours, by_depth, rand_index = np.mean(found, axis=1).T  # (n_alphas,) each
            means.append(np.stack([ours / by_depth, rand_index], axis=1))
            print(line(f"{loss}, {name}", means[-1]), flush=True)
        print(line(f"**{loss}, mean**", np.mean(means, axis=0)), flush=True)


def line(name: str, results: Array) -> str:
    """A line of the table of cells."""
    return f"| {name} | " + " | ".join(f"{d:.3f} / {ari:.2f}" for d, ari in results) + " |"


if __name__ == "__main__":
    main()
