"""The picture and the table of compress.md: digits through a few numbers, by PCA and by a network."""

import numpy as np
from page import COLORS, GREY, head, new_figure, print_table, save
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from ae_core import Autoencoder

SIZES = (2, 4, 8, 16)


def error(model, X):
    """Squared error of rows that were not fitted, beside their variance."""
    X_hat = model.inverse_transform(model.transform(X))
    return float(((X_hat - X) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum())


def main():
    X, digit = load_digits(return_X_y=True)
    rows = []
    for k in SIZES:
        fitted = PCA(k).fit(X[:1200]), Autoencoder(k, random_state=0).fit(X[:1200])
        rows.append((k, *(error(model, X[1200:]) for model in fitted)))
        if k == 2:
            maps = [model.transform(X[1200:]) for model in fitted]
    print_table(
        ("numbers that a row keeps", "lost by `PCA`", "lost by `Autoencoder`"),
        [(k, f"{100 * of_pca:.0f} %", f"{100 * of_model:.0f} %") for k, of_pca, of_model in rows],
    )
    figure = new_figure(figsize=(9.5, 3))
    axes = figure.subplots(1, 3)
    table = np.array(rows)
    for column, name, color in ((1, "PCA", GREY), (2, "Autoencoder", COLORS[0])):
        axes[0].plot(table[:, 0], 100 * table[:, column], "o-", color=color, label=name)
    head(axes[0], "% lost of new digits")
    axes[0].set_xscale("log", base=2)
    axes[0].set_xticks(SIZES, SIZES)
    axes[0].set(xlabel="numbers that a row keeps", ylim=(0, None))
    axes[0].legend(frameon=False)
    for ax, points, name in zip(axes[1:], maps, ("PCA", "Autoencoder")):
        for each in range(10):
            ax.plot(*points[digit[1200:] == each].T, ".", markersize=4, color=f"C{each}")
            ax.annotate(
                str(each),
                np.median(points[digit[1200:] == each], axis=0),
                fontweight="bold",
                clip_on=True,
            )
        (left, low), (right, high) = np.quantile(points, (0.02, 0.98), axis=0)
        ax.set(xticks=[], yticks=[], xlim=(left, right), ylim=(low, high))
        head(ax, f"new digits as two numbers: {name}")
    save(figure, __file__)


if __name__ == "__main__":
    main()
