"""The picture and the table of larger.md: peak memory of fits to more and more rows in files.

Each fit is a process of its own. In memory, the files are read with pyarrow first.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from page import COLORS, GREY, new_figure, print_table, save
from tables import peak

ROWS = (50_000, 200_000, 800_000)
N_COLUMNS = 20
WAYS = {"files": "`fit('folder/')`", "memory": "`fit` of one array", "pca": "`PCA(5)` of one array"}


def make_files(folder, n_rows):
    """Rows near a surface of five dimensions, 50 000 in a file."""
    import pyarrow
    from pyarrow import parquet

    random = np.random.default_rng(0)
    weights = random.normal(size=(5, N_COLUMNS))
    for number in range(n_rows // 50_000):
        X = np.tanh(random.normal(size=(50_000, 5)) @ weights)
        columns = {f"x{j}": X[:, j] + 0.1 * random.normal(size=len(X)) for j in range(N_COLUMNS)}
        parquet.write_table(pyarrow.table(columns), folder / f"part-{number:03}.parquet")


def fit(way, folder):
    """One fit, in this process: its peak beyond that of a fit to a few rows."""
    from pyarrow import parquet
    from sklearn.decomposition import PCA

    from ae_core import Autoencoder

    small = np.random.default_rng(0).random((1000, N_COLUMNS))
    model = (
        PCA(5)
        if way == "pca"
        else Autoencoder(5, max_iter=2, tol=None, random_state=0, n_threads=1)
    )
    model.fit(small)
    before = peak()
    if way == "files":
        model.fit(folder)
    else:
        files = sorted(Path(folder).iterdir())
        model.fit(np.concatenate([np.column_stack(parquet.read_table(f).columns) for f in files]))
    print(peak() - before)


def main():
    found = {way: [] for way in WAYS}
    for n_rows in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            make_files(Path(folder), n_rows)
            for way, megabytes in found.items():
                command = [sys.executable, __file__, way, folder]
                megabytes.append(float(subprocess.check_output(command, text=True)))
    print_table(
        (
            f"peak memory, MB, of rows of {N_COLUMNS} numbers",
            *(f"{n:,}".replace(",", " ") for n in ROWS),
        ),
        [
            *((WAYS[way], *(f"{value:.0f}" for value in values)) for way, values in found.items()),
            ("(the array itself)", *(f"{8 * N_COLUMNS * n / 2**20:.0f}" for n in ROWS)),
        ],
    )
    figure = new_figure(figsize=(6.5, 3))
    ax = figure.add_subplot()
    for (way, values), color, style in zip(
        found.items(), (COLORS[0], GREY, COLORS[3]), ("o-", "o-", "s:")
    ):
        ax.loglog(ROWS, values, style, color=color, label=WAYS[way].replace("`", ""))
    ax.set_xticks(ROWS, [f"{n:,}".replace(",", " ") for n in ROWS])
    ax.set_xticks([], minor=True)
    ax.set_yticks((50, 100, 200, 400), (50, 100, 200, 400))
    ax.set_yticks([], minor=True)
    ax.set(xlabel="rows", ylabel="peak memory of the fit, MB")
    ax.legend(frameon=False)
    save(figure, __file__)


if __name__ == "__main__":
    fit(*sys.argv[1:]) if len(sys.argv) > 1 else main()
