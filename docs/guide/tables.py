"""The picture and the table of tables.md: peak memory of fits to a sparse table, each a process."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import scipy.sparse
from page import COLORS, GREY, new_figure, print_table, save

N_ROWS, N_COLUMNS, STORED = 5000, 4000, 0.01
WAYS = {
    "nothing": "the table as CSR, and no fit",
    "svd": "`TruncatedSVD(8)`, CSR",
    "csr": "`Autoencoder(8)`, CSR",
    "dense": "`Autoencoder(8)`, the same as an array",
    "scaled": "`StandardScaler` and `PCA(8)`, the same as an array",
}


def peak():
    """Mebibytes that this program has had at most (getrusage counts the one that started it, too)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def sparse_table():
    """Each row has the same number of entries, of columns that are drawn."""
    random, n = np.random.default_rng(0), int(N_COLUMNS * STORED)
    columns = np.sort(random.integers(0, N_COLUMNS, (N_ROWS, n)), axis=1).ravel()
    starts = np.arange(0, N_ROWS * n + 1, n)
    X = scipy.sparse.csr_matrix((random.random(N_ROWS * n), columns, starts), (N_ROWS, N_COLUMNS))
    X.sum_duplicates()
    return X


def fit(way):
    """One fit, in this process: its peak beyond what importing takes."""
    from sklearn.decomposition import PCA, TruncatedSVD
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from ae_core import Autoencoder

    Autoencoder(1, max_iter=1, random_state=0).fit(np.random.default_rng(0).random((20, 4)))
    before = peak()
    X = sparse_table()
    if way in ("dense", "scaled"):
        X = X.toarray()
    models = {
        "svd": TruncatedSVD(8),
        "csr": Autoencoder(8, max_iter=5, random_state=0, tol=None),
        "dense": Autoencoder(8, max_iter=5, random_state=0, tol=None),
        "scaled": make_pipeline(StandardScaler(), PCA(8)),
    }
    if way in models:
        models[way].fit(X)
    print(peak() - before)


def main():
    megabytes = {}
    for way in WAYS:
        done = subprocess.run(
            [sys.executable, __file__, way], capture_output=True, text=True, check=True
        )
        megabytes[way] = float(done.stdout)
    print_table(
        (f"{N_ROWS} × {N_COLUMNS}, {100 * STORED:.0f} % stored", "peak memory, MB"),
        [(WAYS[way], f"{value:.0f}") for way, value in megabytes.items()],
    )
    figure = new_figure(figsize=(7.5, 2.4))
    ax = figure.add_subplot()
    colors = (GREY, COLORS[3], COLORS[0], COLORS[0], COLORS[3])
    ax.barh(
        [WAYS[way].replace("`", "") for way in megabytes], list(megabytes.values()), color=colors
    )
    ax.invert_yaxis()
    ax.set_xlabel("peak memory beyond what importing takes, MB")
    save(figure, __file__)


if __name__ == "__main__":
    fit(sys.argv[1]) if len(sys.argv) > 1 else main()
