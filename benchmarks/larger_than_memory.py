"""Fit from Parquet files, and from the same rows in memory: time and peak memory of each.

    python benchmarks/larger_than_memory.py [--files 100] [--rows 2000000] [--columns 20]

Each fit is a process of its own; the one in memory reads the files first, which is not timed. The
peak is of the whole process, with Python, NumPy, scikit-learn and Arrow in it.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def make_files(folder: Path, n_files: int, n_rows: int, n_columns: int) -> None:
    """Rows near a surface of five dimensions, in so many files."""
    import pyarrow
    from pyarrow import parquet

    rng = np.random.default_rng(0)
    weights = rng.normal(size=(5, n_columns))
    for i, some in enumerate(np.array_split(np.arange(n_rows), n_files)):
        X = np.tanh(rng.normal(size=(len(some), 5)) @ weights)
        X += 0.1 * rng.normal(size=X.shape)
        columns = {"id": some, **{f"x{j}": X[:, j] for j in range(n_columns)}}
        parquet.write_table(pyarrow.table(columns), folder / f"part-{i:04}.parquet")


def fit(how: str, folder: str, epochs: int, threads: int) -> dict[str, float]:
    """One fit, in this process."""
    from ae_core import Autoencoder, Blocks

    model = Autoencoder(5, max_iter=epochs, random_state=0, n_threads=threads)
    blocks = Blocks(folder, drop=["id"])
    X = blocks
    if how == "memory":
        X = np.concatenate(
            [np.column_stack([column.to_numpy() for column in block.columns]) for block in blocks]
        )
    start = time.perf_counter()
    model.fit(X)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kB on Linux
    return {"seconds": seconds, "peak_MB": peak, "loss": model.loss_curve_[-1]}


def main() -> None:
    """Make the files, fit twice, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--worker", nargs=2, metavar=("HOW", "FOLDER"))
    options = parser.parse_args()
    if options.worker:
        print(json.dumps(fit(*options.worker, options.epochs, options.threads)))
        return
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), options.files, options.rows, options.columns)
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
        print(f"{options.files} files, {options.rows:,} rows, {size:,.0f} MB")
        for how in ("memory", "files"):
            call = [sys.executable, __file__, "--worker", how, folder]
            call += ["--epochs", str(options.epochs), "--threads", str(options.threads)]
            done = subprocess.run(call, check=True, capture_output=True, text=True)
            found[how] = json.loads(done.stdout.splitlines()[-1])
            one = found[how]
            print(
                f"{how:>7}: {one['seconds']:8.1f} s   peak {one['peak_MB']:6.0f} MB   "
                f"loss {one['loss']:.5f}"
            )
    ratio = found["files"]["seconds"] / found["memory"]["seconds"]
    print(f"from files it takes {ratio:.2f} times as long")


if __name__ == "__main__":
    main()
