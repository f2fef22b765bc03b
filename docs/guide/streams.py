"""The picture and the table of streams.md: rows that drift, with and without following them."""

import numpy as np
from page import COLORS, head, new_figure, print_table, save
from sklearn.decomposition import PCA, IncrementalPCA
from sklearn.ensemble import IsolationForest

from ae_core import Autoencoder, AutoencoderOutlierDetector

N_DAYS = 60
N_ROWS = 300


def curve(number, random):
    """Rows near a bent surface that turns a little every day."""
    turn = number / 30
    hidden = random.normal(size=(N_ROWS, 2))
    columns = np.arange(8) / 2
    X = np.sin(hidden[:, :1] + columns + turn) + np.cos(hidden[:, 1:] * columns / 2 - turn)
    return X + 0.1 * random.normal(size=X.shape)


def shifted(number, random):
    """Rows whose mean moves by one standard deviation in twenty days."""
    hidden = random.normal(size=(N_ROWS, 2)) @ np.ones((2, 6))
    return hidden + random.normal(size=(N_ROWS, 6)) + number / 20


def reconstruct(model, X):
    return (
        model.reconstruct(X)
        if hasattr(model, "reconstruct")
        else model.inverse_transform(model.transform(X))
    )


def errors(seed=0):
    """Squared error of each day's rows, divided by their variance, before they are learned from."""
    random = np.random.default_rng(seed)
    days = [curve(number, random) for number in range(N_DAYS)]
    first = np.concatenate(days[:10])
    models = {
        "PCA, fitted to the first ten days": PCA(2).fit(first),
        "IncrementalPCA.partial_fit": IncrementalPCA(2),
        "Autoencoder, fitted to the first ten days": Autoencoder(2, random_state=0).fit(first),
        "Autoencoder.partial_fit": Autoencoder(2, random_state=0),
    }
    for name, model in models.items():
        if "partial_fit" in name:
            for _ in range(20):  # as often as needed to know the first ten days
                for X in days[:10]:
                    model.partial_fit(X)
    found = {name: [] for name in models}
    for X in days[10:]:
        for name, model in models.items():
            lost = (np.asarray(reconstruct(model, X)) - X) ** 2
            found[name].append(lost.sum() / ((X - X.mean(axis=0)) ** 2).sum())
            if "partial_fit" in name:
                model.partial_fit(X)
    return found


def alarms(seed=0):
    """The share of usual rows that are called outliers, day by day."""
    random = np.random.default_rng(seed)
    days = [shifted(number, random) for number in range(N_DAYS)]
    forest = IsolationForest(contamination=0.01, random_state=0).fit(days[0])
    fixed = AutoencoderOutlierDetector(random_state=0).fit(days[0])
    following = AutoencoderOutlierDetector(random_state=0).fit(days[0])
    found = {"IsolationForest": [], "detector, fitted once": [], "detector.partial_fit": []}
    for X in days[1:]:
        for name, model in zip(found, (forest, fixed, following)):
            found[name].append(float((model.predict(X) == -1).mean()))
        following.partial_fit(X)
    return found


def main():
    lost, called = errors(), alarms()
    rows = [
        (f"`{name}`" if "(" in name else name, f"{np.mean(e[:10]):.2f}", f"{np.mean(e[-10:]):.2f}")
        for name, e in lost.items()
    ]
    print_table(("share of the variance that is lost", "days 11 to 20", "days 51 to 60"), rows)
    print()
    rows = [
        (name, f"{100 * np.mean(c[:10]):.1f} %", f"{100 * np.mean(c[-10:]):.1f} %")
        for name, c in called.items()
    ]
    print_table(("usual rows called outliers", "days 2 to 11", "days 51 to 60"), rows)
    figure = new_figure(figsize=(9, 3.2))
    left, right = figure.subplots(1, 2)
    for (name, values), color, style in zip(
        lost.items(), ("#9a9a9a", "#9a9a9a", COLORS[0], COLORS[2]), ("--", "-", "--", "-")
    ):
        left.plot(np.arange(11, N_DAYS + 1), values, style, color=color, label=name)
    head(left, "rows that turn: what is lost of a new day")
    left.set(xlabel="day", ylabel="share of the variance", ylim=(0, None))
    left.legend(fontsize="x-small", frameon=False)
    for (name, values), color in zip(called.items(), ("#9a9a9a", COLORS[0], COLORS[2])):
        right.plot(np.arange(2, N_DAYS + 1), values, color=color, label=name)
    head(right, "rows that move: usual ones called outliers")
    right.set(xlabel="day", ylabel="share of the day's rows")
    right.legend(fontsize="x-small", frameon=False)
    save(figure, __file__)


if __name__ == "__main__":
    main()
