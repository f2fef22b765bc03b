"""The picture and the tables of counts.md: rates behind counts, and ratings that were not given."""

import warnings

import numpy as np
import scipy.sparse
from page import COLORS, GREY, INK, head, new_figure, print_table, save
from sklearn.decomposition import NMF, PCA, TruncatedSVD
from sklearn.linear_model import LinearRegression

from ae_core import Autoencoder

N_ROWS, N_COLUMNS = 600, 80


def made(random):
    """Counts, the rates that they were drawn from, and how much was counted of each row."""
    hidden = random.normal(size=(N_ROWS, 3)) @ random.normal(size=(3, N_COLUMNS))
    rates = np.exp(0.5 + 0.4 * hidden + random.normal(size=N_COLUMNS))
    depth = np.exp(random.normal(size=(N_ROWS, 1)))
    return random.poisson(depth * rates).astype(float), depth * rates, depth


def of_rates(X):
    """Rates that each method expects, and its code of each row."""
    size = X.sum(axis=1, keepdims=True) / np.median(X.sum(axis=1))
    logarithms = np.log1p(X / size)
    pca, nmf = PCA(3).fit(logarithms), NMF(3, max_iter=1000, random_state=0).fit(X)
    code, parts = pca.transform(logarithms), nmf.transform(X)
    plain = Autoencoder(3, random_state=0).fit(X)
    poisson = Autoencoder(3, loss="poisson", random_state=0).fit(X)
    return {
        "column mean, times the row's size": (size * X.mean(axis=0), size * 0),
        "`PCA(3)` of logarithms, as they are usually taken": (
            np.expm1(pca.inverse_transform(code)) * size,
            code,
        ),
        "`NMF(3)`": (parts @ nmf.components_, parts),
        "`Autoencoder(3)`, squared error": (plain.reconstruct(X), plain.transform(X)),
        "`Autoencoder(3, loss='poisson')`": (poisson.reconstruct(X), poisson.transform(X)),
    }


def ratings(random):
    """Root mean square errors of ratings that were not given, a tenth of those there are."""
    taste, item = random.normal(size=(400, 3)), random.normal(size=(3, 120))
    likes = random.normal(size=(400, 1)) / 2 + random.normal(size=120) / 2
    stars = np.clip(
        np.round(3 + likes + 0.6 * taste @ item + 0.3 * random.normal(size=(400, 120))), 1, 5
    )
    given = random.random(stars.shape) < 0.2
    asked = given & (random.random(stars.shape) < 0.1)
    seen = scipy.sparse.csr_matrix(np.where(given & ~asked, stars, 0))
    known = seen.toarray() > 0

    def mean(values, axis):
        return (values * known).sum(axis, keepdims=True) / (known.sum(axis, keepdims=True) + 5)

    overall = stars[known].mean()
    of_items = mean(stars - overall, 0)
    biases = overall + of_items + mean(stars - overall - of_items, 1)
    svd = TruncatedSVD(3, random_state=0).fit(seen)
    settings = {"missing_values": "implicit", "early_stopping": True, "random_state": 0}
    by_rows = Autoencoder(3, **settings).fit(seen)
    by_items = Autoencoder(3, **settings).fit(seen.T.tocsr())
    expected = {
        "mean of all": np.full(stars.shape, overall),
        "means of rows and columns": biases,
        "`TruncatedSVD(3)`, for which what is not given is 0": svd.inverse_transform(
            svd.transform(seen)
        ),
        "`Autoencoder(3, missing_values='implicit')`": by_rows.reconstruct(seen),
        "the same, of `seen.T`": by_items.reconstruct(seen.T.tocsr()).T,
    }
    return {name: float((((Y - stars)[asked]) ** 2).mean() ** 0.5) for name, Y in expected.items()}


def main():
    warnings.simplefilter("ignore")  # of an NMF that is not done
    X, rates, depth = made(np.random.default_rng(0))
    rows, shown = [], {}
    for name, (expected, code) in of_rates(X).items():
        logarithms = np.log(np.maximum(expected, 0.01))
        wrong = float(((logarithms - np.log(rates)) ** 2).mean() ** 0.5)
        explained = LinearRegression().fit(code, np.log(depth)).score(code, np.log(depth))
        impossible = (expected < 0).mean()
        rows.append(
            (name, f"{wrong:.2f}", f"{100 * impossible:.0f} %", f"{abs(100 * explained):.0f} %")
        )
        shown[name] = logarithms
    print_table(
        ("rates behind counts", "error of the logarithm", "below 0", "of the size in the code"),
        rows,
    )
    print()
    print_table(
        ("ratings that were not given", "error, in stars"),
        [(name, f"{error:.2f}") for name, error in ratings(np.random.default_rng(0)).items()],
    )

    figure = new_figure(figsize=(9, 3.2))
    some = np.random.default_rng(0).random(rates.shape) < 0.03
    names = list(shown)
    for ax, name, color in zip(
        figure.subplots(1, 3, sharey=True),
        (names[1], names[3], names[4]),
        (GREY, COLORS[1], COLORS[2]),
    ):
        ax.plot(
            np.log10(rates[some]), shown[name][some] / np.log(10), ".", color=color, markersize=3
        )
        ax.plot((-2, 3), (-2, 3), color=INK, linewidth=0.8)
        ax.set_xlabel("true rate")
        ticks = range(-2, 4)
        ax.set_xticks(ticks, [f"{10.0**k:g}" for k in ticks])
        ax.set_yticks(ticks, [f"{10.0**k:g}" for k in ticks])
        head(
            ax,
            name.replace("`", "")
            .replace(", as they are usually taken", "")
            .replace("Autoencoder(3, loss='poisson')", "loss='poisson'")
            .replace("Autoencoder(3), squared", "squared"),
        )
    figure.axes[0].set_ylabel("expected rate")
    save(figure, __file__)


if __name__ == "__main__":
    main()
