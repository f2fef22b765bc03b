"""The picture and the table of series.md: faults of a sensor that its values alone do not show."""

import numpy as np
from page import COLORS, GREY, INK, head, new_figure, print_table, save
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.preprocessing import StandardScaler

from ae_core import AutoencoderOutlierDetector, scores_over_time, windows

WIDTH = 16
N_FIT, N = 1500, 2500


def made(seed):
    """Three sensors, and whether a time is within a fault of one of them."""
    random = np.random.default_rng(seed)
    t = np.arange(N)
    series = np.column_stack([np.sin(t / 5), np.cos(t / 5), np.sin(t / 9) * np.cos(t / 5)])
    is_fault = np.zeros(N, dtype=bool)
    for start in range(N_FIT + 100, N - 50, 150):
        some, sensor = slice(start, start + 12), random.integers(3)
        # It stands still, lags behind, or has another one's value: all of them usual by themselves.
        kind = random.integers(3)
        if kind == 0:
            series[some, sensor] = series[start, sensor]
        elif kind == 1:
            series[some, sensor] = series[start - 7 : start + 5, sensor]
        else:
            series[some, sensor] = series[some, (sensor + 1) % 3]
        is_fault[some] = True
    return series + 0.05 * random.normal(size=series.shape), is_fault


def scores(series):
    """How unusual each time after those of the fit is, by method."""
    scaled = StandardScaler().fit(series[:N_FIT]).transform(series)
    table = windows(scaled, width=WIDTH)
    n_windows = N_FIT - WIDTH + 1
    detector = AutoencoderOutlierDetector(random_state=0).fit(table[:n_windows])
    pca = PCA(8).fit(table[:n_windows])
    forest = IsolationForest(random_state=0).fit(table[:n_windows])
    lost = ((pca.inverse_transform(pca.transform(table)) - table) ** 2).sum(axis=1)
    return {
        "largest standardized value": np.abs(scaled).max(axis=1),
        "windows, `PCA(8)`": scores_over_time(lost, width=WIDTH),
        "windows, `IsolationForest`": scores_over_time(-forest.score_samples(table), width=WIDTH),
        "windows, `AutoencoderOutlierDetector`": scores_over_time(
            -detector.score_samples(table), width=WIDTH
        ),
    }


def main():
    found = {}
    for seed in range(5):
        series, is_fault = made(seed)
        by_method = scores(series)
        for name, unusual in by_method.items():
            truth, rated = is_fault[N_FIT:], unusual[N_FIT:]
            found.setdefault(name, []).append(
                (roc_auc_score(truth, rated), average_precision_score(truth, rated))
            )
        if seed == 0:
            shown = series, is_fault, by_method
    print_table(
        ("score of a time", "area under ROC", "precision"),
        [(name, *(f"{v:.2f}" for v in np.mean(each, axis=0))) for name, each in found.items()],
    )
    series, is_fault, by_method = shown
    figure = new_figure(figsize=(9, 3.8))
    axes = figure.subplots(3, 1, sharex=True)
    t, some = np.arange(N), slice(N_FIT + 60, N_FIT + 500)
    for k in range(3):
        axes[0].plot(t[some], series[some, k], color=COLORS[k], linewidth=1)
    head(axes[0], "three sensors, and when one of them is at fault")
    names = list(by_method)
    for ax, name, color in zip(axes[1:], (names[0], names[3]), (GREY, COLORS[2])):
        ax.plot(t[some], by_method[name][some], color=color)
        head(
            ax,
            "how unusual, by "
            + {0: "the largest value", 3: "windows and a detector"}[names.index(name)],
        )
    for ax in axes:
        edges = (
            np.flatnonzero(np.diff(is_fault[some].astype(int), prepend=0, append=0)) + some.start
        )
        for start, stop in edges.reshape(-1, 2):
            ax.axvspan(start, stop, color=COLORS[1], alpha=0.35, linewidth=0)
        ax.set_yticks([])
    axes[-1].set_xlabel("time", color=INK)
    save(figure, __file__)


if __name__ == "__main__":
    main()
