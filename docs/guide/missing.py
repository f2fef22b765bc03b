"""The picture and the table of missing.md: hidden entries, filled in by five imputers."""

import warnings

import numpy as np
from page import COLORS, GREY, new_figure, print_table, save
from sklearn import datasets
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

from ae_core import Autoencoder, AutoencoderImputer

SHARE = 0.3
MOST_ROWS = 400


def imputers():
    trees = ExtraTreesRegressor(50, random_state=0)
    model = Autoencoder(4, missing_values="mask", corruption="masking", random_state=0)
    return {
        "column mean, `SimpleImputer`": SimpleImputer().fit_transform,
        "`KNNImputer`": KNNImputer().fit_transform,
        "`IterativeImputer`, ridge": IterativeImputer(random_state=0).fit_transform,
        "`IterativeImputer`, 50 trees": IterativeImputer(
            trees, max_iter=4, random_state=0
        ).fit_transform,
        "`Autoencoder(4)` with `impute`": lambda table: model.fit(table).impute(table),
        "`AutoencoderImputer`": AutoencoderImputer(random_state=0).fit_transform,
    }


def tables():
    """Tables that come with scikit-learn and chose no default of the imputer."""
    found = {}
    for name in ("diabetes", "digits", "wine"):
        X = getattr(datasets, f"load_{name}")().data
        X = X[np.random.default_rng(1).permutation(len(X))[:MOST_ROWS]]
        X = X[:, X.std(axis=0) > 0][:, :20]
        found[name] = (X - X.mean(axis=0)) / X.std(axis=0)
    return found


def main():
    warnings.simplefilter("ignore")  # of rounds that do not converge
    used, names = tables(), list(imputers())
    errors = {name: [] for name in names}
    for X in used.values():
        hidden = np.random.default_rng(0).random(X.shape) < SHARE
        table = np.where(hidden, np.nan, X)
        for name, fill in imputers().items():
            errors[name].append(float(((fill(table) - X)[hidden] ** 2).mean() ** 0.5))
    print_table(
        ("30 % hidden", *(f"{name}, {len(X)} × {X.shape[1]}" for name, X in used.items())),
        [(name, *(f"{error:.2f}" for error in each)) for name, each in errors.items()],
    )
    figure = new_figure(figsize=(7.5, 3.2))
    ax = figure.add_subplot()
    height = 0.13
    colors = (GREY, "#c9b458", COLORS[1], COLORS[3], "#e0939c", COLORS[0])
    for k, (name, color) in enumerate(zip(names, colors)):
        ax.barh(
            np.arange(3) + (k - 2.5) * height,
            errors[name],
            height,
            color=color,
            label=name.replace("`", ""),
        )
    ax.set_yticks(range(3), used)
    ax.invert_yaxis()
    ax.set(
        xlabel="root mean square error of hidden entries, in standard deviations", xlim=(0.5, 1.15)
    )
    ax.legend(fontsize="x-small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, __file__)


if __name__ == "__main__":
    main()
