"""The picture and the table of mixed.md: categories and numbers through a code of two."""

import warnings

import numpy as np
import pandas as pd
from page import COLORS, GREY, new_figure, print_table, save
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ae_core import Autoencoder

CATEGORIES = ["kind", "region"]


def made(n_rows, random):
    """Trees: a kind and a region that go with height, girth and age, and whether they are evergreen."""
    kind = random.choice(["ash", "fir", "oak", "pine", "yew"], n_rows)
    age = random.gamma(3, 20, n_rows)
    pace = (
        pd.Series(kind)
        .map({"ash": 0.5, "fir": 0.9, "oak": 0.4, "pine": 0.7, "yew": 0.1})
        .to_numpy()
    )
    height = 40 * pace * (1 - np.exp(-age / 40)) + random.normal(0, 0.5, n_rows)
    girth = 0.02 * age / (pace + 0.3) + random.normal(0, 0.05, n_rows)
    north = np.where(np.isin(kind, ["fir", "pine"]), 0.8, 0.2)
    return pd.DataFrame(
        {
            "kind": kind,
            "region": np.where(random.random(n_rows) < north, "north", "south"),
            "height": height,
            "girth": girth,
            "age": age,
            "evergreen": np.isin(kind, ["fir", "pine", "yew"]),
        }
    )


def encoded(columns):
    """A table of numbers back and forth, as one writes it by hand."""
    there = make_column_transformer(
        (OneHotEncoder(sparse_output=False), [*CATEGORIES, "evergreen"]),
        (StandardScaler(), ["height", "girth", "age"]),
    ).fit(columns)

    def back(numbers):
        hot, standard = there.transformers_[0][1], there.transformers_[1][1]
        n = sum(map(len, hot.categories_))
        found = pd.DataFrame(
            hot.inverse_transform(numbers[:, :n]), columns=[*CATEGORIES, "evergreen"]
        )
        found[["height", "girth", "age"]] = standard.inverse_transform(numbers[:, n:])
        return found

    return there.transform, back


def main():
    warnings.simplefilter("ignore")  # of a regressor that has not converged
    random = np.random.default_rng(0)
    train, new = made(600, random), made(600, random)
    there, back = encoded(train)
    pca = PCA(2).fit(there(train))
    network = MLPRegressor(
        hidden_layer_sizes=(32, 2, 32), activation="tanh", max_iter=1000, random_state=0
    )
    network.fit(there(train), there(train))
    model = Autoencoder(2, columns="mixed", random_state=0).fit(train)
    restored = {
        "encoders by hand, `PCA(2)`": back(pca.inverse_transform(pca.transform(there(new)))),
        "encoders by hand, `MLPRegressor((32, 2, 32))`": back(network.predict(there(new))),
        "`Autoencoder(2, columns='mixed')`": model.reconstruct(new),
    }
    rows = []
    for name, table in restored.items():
        right = [
            (table[c].to_numpy() == new[c].to_numpy()).mean() for c in (*CATEGORIES, "evergreen")
        ]
        lost = [
            ((table[c] - new[c]) ** 2).mean() / new[c].var() for c in ("height", "girth", "age")
        ]
        rows.append((name, *right, float(np.mean(lost))))
    print_table(
        (
            "new rows through two numbers",
            "kind right",
            "region right",
            "evergreen right",
            "of the numbers lost",
        ),
        [(name, *(f"{100 * value:.0f} %" for value in values)) for name, *values in rows],
    )
    figure = new_figure(figsize=(8, 2.4))
    ax = figure.add_subplot()
    for k, ((name, *values), color) in enumerate(zip(rows, (GREY, COLORS[3], COLORS[0]))):
        ax.bar(
            np.arange(4) + (k - 1) * 0.27,
            100 * np.array(values),
            0.27,
            color=color,
            label=name.replace("`", ""),
        )
    ax.set_xticks(
        range(4), ["kind\nright", "region\nright", "evergreen\nright", "of the\nnumbers lost"]
    )
    ax.set(ylabel="% of new rows")
    ax.legend(fontsize="x-small", frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    save(figure, __file__)


if __name__ == "__main__":
    main()
