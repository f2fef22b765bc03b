"""What is known to be true, and what comes out here: each figure beside its source.

    python benchmarks/truth.py
    python benchmarks/truth.py --mnist FOLDER --ratings FILE --abalone FILE
    python benchmarks/truth.py --mnist FOLDER --long --sections mnist

Data that may not be handed on is named by whoever has it; a section without its data says so, or
takes simulated data, and says that.

--mnist FOLDER    train-images-idx3-ubyte.gz and t10k-images-idx3-ubyte.gz
--adbench FOLDER  files of ADBench, as benchmarks/adbench.py takes them
--ratings FILE    lines of user, item, rating, and perhaps more, apart by '::', tabs or commas
--counts FILE     a .npz of scipy.sparse, or a .csv of numbers: a row for each cell
--abalone FILE    abalone.data of the UCI repository, or a .csv of it
--long            the network 784-1000-500-250-30 too, which takes an hour or so
"""

import argparse
import gzip
import itertools
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is loaded

import numpy as np  # noqa: E402
import scipy.sparse  # noqa: E402
from sklearn.datasets import load_digits, load_wine  # noqa: E402
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.metrics import silhouette_score  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from ae_core import Autoencoder, NotLearningWarning, VariationalAutoencoder  # noqa: E402
from ae_core.data.rating_biases import learn_biases, without_row_biases  # noqa: E402

Row = tuple[str, str, str, str]
"""What is measured, what came out, what is known, and by whom."""


def linear(options: argparse.Namespace) -> Iterator[Row]:
    """A linear autoencoder has the error of PCA, whose weights span the same space."""
    X = load_digits().data / 16
    model = Autoencoder(
        8, hidden_layer_sizes=(), scale=None, alpha=0.0, solver="lbfgs", max_iter=2000,
        random_state=0,
    )  # fmt: skip
    ours = np.sum((X - model.fit(X).reconstruct(X)) ** 2, axis=1).mean()
    pca = PCA(8).fit(X)
    theirs = np.sum((X - pca.inverse_transform(pca.transform(X))) ** 2, axis=1).mean()
    yield "linear autoencoder, digits, 8 components", f"{ours:.5f}", f"{theirs:.5f}", "Baldi 1989"


def probabilistic(options: argparse.Namespace) -> Iterator[Row]:
    """A linear variational autoencoder has the likelihood of probabilistic PCA."""
    X = StandardScaler().fit_transform(load_wine().data)
    model = VariationalAutoencoder(
        3, hidden_layer_sizes=(), scale=None, alpha=0.0, max_iter=4000, learning_rate_init=1e-2,
        random_state=0,
    ).fit(X)  # fmt: skip
    ours = np.mean([model.score_samples(X, n_draws=200).mean()])
    yield (
        "linear VAE, wine, 3 components: mean log-likelihood",
        f"{ours:.3f}",
        f"{PCA(3).fit(X).score(X):.3f}",
        "Tipping & Bishop 1999",
    )


def mnist(options: argparse.Namespace) -> Iterator[Row]:
    """Squared error of an image of the test set, pixels in 0 … 1, with 30 numbers each."""
    if options.mnist is None:
        yield "MNIST, 30 components", "no --mnist", "13.87; 3.00", "Hinton & Salakhutdinov 2006"
        return
    X, X_test = (
        images(options.mnist / f"{part}-images-idx3-ubyte.gz") for part in ("train", "t10k")
    )
    pca = PCA(30, svd_solver="covariance_eigh").fit(X)
    error = np.sum((X_test - pca.inverse_transform(pca.transform(X_test))) ** 2, axis=1).mean()
    yield "MNIST, PCA with 30 components", f"{error:.2f}", "13.87", "Hinton & Salakhutdinov 2006"
    if not options.long:
        yield "MNIST, 784-1000-500-250-30", "no --long", "3.00", "Hinton & Salakhutdinov 2006"
        return
    model = Autoencoder(
        30, hidden_layer_sizes=(1000, 500, 250), scale=None, alpha=0.0, batch_size=100,
        learning_rate_init=1e-3, max_iter=options.epochs, dtype="float32", random_state=0,
    ).fit(X)  # fmt: skip
    error = np.sum((X_test - model.reconstruct(X_test)) ** 2, axis=1).mean()
    yield "MNIST, 784-1000-500-250-30", f"{error:.2f}", "3.00", "Hinton & Salakhutdinov 2006"


def images(path: Path) -> Any:
    """The images (n, 784) of a file, in 0 … 1."""
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784) / np.float32(255)


def ratings(options: argparse.Namespace) -> Iterator[Row]:
    """RMSE of a tenth of the ratings, hidden at random; rows are items (I-AutoRec) or users."""
    data, called = rated(options)
    known = "0.831 and 0.874 on MovieLens 1M"
    for rows, table in (("items", data.T.tocsr()), ("users", data)):
        random = np.random.default_rng(0)
        hidden = random.random(table.nnz) < 0.1
        X, rest = stored(table, ~hidden), stored(table, hidden)
        biases = learn_biases(X)
        of_rows = without_row_biases(X, biases.shift)[1]
        row, column = rest.nonzero()
        theirs = rmse(biases.shift[column] + of_rows[row] - rest.data)
        for name, settings in (
            ("as it comes, 64", {"n_components": 64}),
            (
                "AutoRec's settings",
                {
                    "n_components": 500, "hidden_layer_sizes": (), "code_activation": "logistic",
                    "scale": None, "alpha": 10.0, "learning_rate_init": 1e-3, "max_iter": 60,
                },
            ),
        ):  # fmt: skip
            model = Autoencoder(missing_values="implicit", random_state=0, **settings).fit(X)
            ours = rmse(model.reconstruct(X)[row, column] - rest.data)
            what = f"{called}, rows are {rows}: RMSE, {name}"
            yield what, f"{ours:.4f} (biases {theirs:.4f})", known, "Sedhain et al. 2015"


def rated(options: argparse.Namespace) -> tuple[Any, str]:
    """Ratings as CSR (users, items), and what to call them."""
    if options.ratings is not None:
        text = options.ratings.read_text(encoding="latin-1").replace("::", ",").replace("\t", ",")
        lines = [line.split(",")[:3] for line in text.splitlines() if line[:1].isdigit()]
        user, item = (
            np.unique([line[i] for line in lines], return_inverse=True)[1] for i in (0, 1)
        )
        return scipy.sparse.csr_matrix(
            ([float(line[2]) for line in lines], (user, item))
        ), "ratings"
    random = np.random.default_rng(0)
    n_users, n_items = 900, 700
    U, V = random.normal(size=(n_users, 5)), random.normal(size=(n_items, 5))
    means = 3.5 + 0.5 * random.normal(size=(n_users, 1)) + 0.5 * random.normal(size=n_items)
    popular = np.exp(random.normal(size=(n_users, 1)) + 1.2 * random.normal(size=n_items))
    popular *= np.exp(0.5 * U @ V.T)  # people watch what they like
    user, item = np.nonzero(
        random.random(means.shape) < np.minimum(0.05 * popular / popular.mean(), 0.9)
    )
    given = (means + 0.5 / np.sqrt(5) * U @ V.T)[user, item] + 0.7 * random.normal(size=len(user))
    data = np.clip(np.round(given), 1, 5)
    return scipy.sparse.csr_matrix((data, (user, item)), means.shape), "simulated ratings"


def stored(X: Any, which: Any) -> Any:
    """The matrix that stores only some of what X does."""
    row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    return scipy.sparse.csr_matrix((X.data[which], (row[which], X.indices[which])), X.shape)


def rmse(errors: Any) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(np.square(errors))))


def clicks(options: argparse.Namespace) -> Iterator[Row]:
    """NDCG@100 of a fifth of the clicks of people that the fit has not seen: top-n."""
    data, called = rated(options)
    data = stored(data, data.data >= 4)
    data.data[:] = 1
    data = data[np.diff(data.indptr) >= 5]
    random = np.random.default_rng(0)
    order = random.permutation(data.shape[0])
    fitted, new = data[order[len(order) // 10 :]], data[order[: len(order) // 10]]
    hidden = random.random(new.nnz) < 0.2
    given, rest = stored(new, ~hidden), stored(new, hidden)
    n = min(100, data.shape[1])
    popular = np.asarray(fitted.sum(axis=0)).ravel()
    unseen = np.where(given.toarray() > 0, -np.inf, popular)
    theirs = ndcg(np.argsort(-unseen, axis=1, kind="stable")[:, :n], rest)
    settings = {"hidden_layer_sizes": (), "corruption": "masking", "corruption_level": 0.5}
    for make, more in (
        (Autoencoder, {"code_activation": "tanh"}),
        (VariationalAutoencoder, {"hidden_layer_sizes": (600,), "beta": 0.2}),
    ):
        options_of = {**settings, **more}
        model = make(200, loss="multinomial", max_iter=100, random_state=0, **options_of)
        ours = ndcg(model.fit(fitted).recommend(given, n).columns, rest)
        yield (
            f"{called} of 4 and more: NDCG@{n}, {make.__name__}, multinomial",
            f"{ours:.3f} (popular ones {theirs:.3f})",
            "0.426 on MovieLens 20M",
            "Liang et al. 2018",
        )


def ndcg(columns: Any, rest: Any) -> float:
    """The mean normalised discounted cumulative gain of recommendations (m, n)."""
    n_hidden = np.diff(rest.indptr)
    hits = np.take_along_axis(rest.toarray() > 0, np.maximum(columns, 0), axis=1) & (columns >= 0)
    discounts = 1 / np.log2(np.arange(2, columns.shape[1] + 2))
    best = np.concatenate([[0], np.cumsum(discounts)])[np.minimum(n_hidden, columns.shape[1])]
    asked = n_hidden > 0
    return float(((hits * discounts).sum(axis=1)[asked] / best[asked]).mean())


def counts(options: argparse.Namespace) -> Iterator[Row]:
    """Poisson deviance of a fifth of the counts, drawn from each of them, by the other four."""
    X, called = counted(options)
    given = np.random.default_rng(0).binomial(X.astype(np.int64), 0.8)
    rest, given = X - given, given.astype(np.float32)
    sums = given.sum(axis=1, keepdims=True)
    mean = deviance(rest, sums * given.mean(axis=0) / sums.mean() / 4)
    for name, settings in (
        ("squared error", {}),
        ("poisson, as it comes", {"loss": "poisson"}),
        ("multinomial, as it comes", {"loss": "multinomial"}),
    ):
        model = Autoencoder(32, random_state=0, **settings).fit(given)
        rates = model.reconstruct(given) * (sums if name.startswith("multi") else 1)
        yield (
            f"{called}: held-out deviance, {name}",
            f"{deviance(rest, rates / 4):.2f}",
            f"{mean:.2f} by depth alone",
            "Batson, Royer & Webber 2019",
        )


def counted(options: argparse.Namespace) -> tuple[Any, str]:
    """Counts (cells, genes) as an array, and what to call them."""
    if options.counts is not None:
        if options.counts.suffix == ".npz":
            return scipy.sparse.load_npz(options.counts).toarray(), options.counts.stem
        return np.loadtxt(options.counts, delimiter=","), options.counts.stem
    random = np.random.default_rng(0)
    group = random.integers(5, size=1000)
    marks = np.exp(0.9 * random.normal(size=(5, 400)) * (random.random((5, 400)) < 0.12))
    rates = np.exp(random.normal(-0.5, 1.3, size=400)) * marks[group]
    rates *= np.exp(0.6 * random.normal(size=(1000, 1))) * random.gamma(3, 1 / 3, rates.shape)
    return random.poisson(rates), "simulated cells"


def deviance(X: Any, rates: Any) -> float:
    """The mean of the rows' Poisson deviances."""
    rates = np.maximum(rates, 1e-8)
    log_ratio = np.log(np.where(X > 0, X, 1) / rates)
    return float(2 * np.where(X > 0, X * log_ratio - (X - rates), rates).sum(axis=1).mean())


def batches(options: argparse.Namespace) -> Iterator[Row]:
    """How far apart codes of cells lie by type and by batch, with and without the batch."""
    for (make, loss), is_given in itertools.product(
        ((Autoencoder, "poisson"), (VariationalAutoencoder, "negative_binomial")), (False, True)
    ):
        found = []
        for seed in range(1, 4):
            X, kind, batch = two_batches(seed)
            given = {"covariates": batch[:, None]} if is_given else {}
            model = make(10, loss=loss, random_state=0, n_threads=1)
            code = model.fit_transform(X, **given)
            found.append([silhouette_score(code, labels) for labels in (kind, batch)])
        by_kind, by_batch = np.mean(found, axis=0)
        yield (
            f"cells of two batches: silhouette by type, by batch; {make.__name__}, {loss}, "
            f"{'with' if is_given else 'without'} the batch",
            f"{by_kind:.2f}, {by_batch:.2f}",
            "1, 0 at best",
            "Lopez et al. 2018",
        )


def two_batches(seed: int) -> tuple[Any, Any, Any]:
    """Counts (600 cells, 100 genes) of five types in two batches; types and batches."""
    random = np.random.default_rng(seed)
    kind, batch = random.integers(5, size=600), random.integers(2, size=600)
    marks = np.exp(1.2 * random.normal(size=(5, 100)) * (random.random((5, 100)) < 0.3))
    of_batch = np.exp(0.5 * random.normal(size=(2, 100)))  # a gene is caught more often in one
    rates = np.exp(random.normal(0, 1, size=100)) * marks[kind] * of_batch[batch]
    rates *= np.exp(0.5 * random.normal(size=(600, 1))) * random.gamma(3, 1 / 3, rates.shape)
    return random.poisson(rates).astype(np.float64), kind, batch


def abalone(options: argparse.Namespace) -> Iterator[Row]:
    """MATLAB's example of trainAutoencoder: hidden size 4, 400 epochs, a linear decoder."""
    known = ("0.0044", "MathWorks, trainAutoencoder")
    if options.abalone is None:
        yield ("abalone, 4 components: mean squared error", "no --abalone", *known)
        return
    sexes = {"M": 1.0, "F": -1.0, "I": 0.0}  # one column, as there: their numbers are not said
    lines = [line.split(",") for line in options.abalone.read_text().split()]
    lines = [line for line in lines if line[0] in sexes]  # some copies have a header
    X = np.array([[sexes[line[0]], *map(float, line[1:8])] for line in lines])
    for scale in (None, "standard"):
        model = Autoencoder(
            4, hidden_layer_sizes=(), code_activation="logistic", scale=scale, alpha=0.0,
            max_iter=400, random_state=0,
        ).fit(X)  # fmt: skip
        error = np.mean((X - model.reconstruct(X)) ** 2)
        yield (f"abalone, 4 components, scale={scale}: mean squared error", f"{error:.2g}", *known)


def adbench(options: argparse.Namespace) -> Iterator[Row]:
    """Outliers: the last line of benchmarks/adbench.py."""
    what = (
        "ADBench, area / precision / average precision: ae_core, isolation forest, 20th, 50th, both"
    )
    yield printed("adbench.py", options.adbench, what, "Han et al. 2022")


def imputation(options: argparse.Namespace) -> Iterator[Row]:
    """Missing values beside trees: the last line of benchmarks/imputation.py."""
    what = "imputation: error of standardised columns"
    yield printed(
        "imputation.py", options.adbench, what, "Stekhoven & Bühlmann 2012", "--beside-trees"
    )


def printed(script: str, folder: Path | None, what: str, source: str, *more: str) -> Row:
    """The last line that another benchmark prints of the sets in a folder."""
    if folder is None:
        return what, "no --adbench", "", source
    command = [sys.executable, str(Path(__file__).with_name(script)), str(folder), *more]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return what, done.stdout.strip().splitlines()[-1].strip("| "), "", source


SECTIONS = {
    function.__name__: function
    for function in (
        *(linear, probabilistic, mnist, ratings, clicks, counts, batches, abalone, adbench),
        imputation,
    )
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("mnist", "adbench", "ratings", "counts", "abalone"):
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--epochs", type=int, default=200, help="of --long")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    options = parser.parse_args()
    warnings.simplefilter("ignore", NotLearningWarning)
    print("| what | here | known | source |\n|---|--:|--:|---|")
    for name in options.sections:
        for row in SECTIONS[name](options):
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
