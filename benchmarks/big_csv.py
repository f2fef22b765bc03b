"""How much memory and time the command line takes for a CSV file of a million rows.

Makes the file in a temporary folder, and runs ``ae-core`` on it in processes of their own:

    python benchmarks/big_csv.py [--rows 1000000] [--columns 20] [--epochs 2]
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context

import numpy as np

from ae_core.files.table_file import write_rows

ROWS_AT_ONCE = 50_000


def make(path: str, n_rows: int, n_columns: int) -> None:
    """Write rows near a curved surface of four dimensions."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(4, n_columns))

    def parts():
        for start in range(0, n_rows, ROWS_AT_ONCE):
            n = min(ROWS_AT_ONCE, n_rows - start)
            curved = np.tanh(rng.normal(size=(n, 4)) @ weights)
            yield curved + 0.1 * rng.normal(size=(n, n_columns))

    write_rows(path, [f"x{i}" for i in range(n_columns)], parts(), n_rows)


def measure(arguments: list[str]) -> tuple[float, float]:
    """Seconds, and the largest resident memory in bytes, of a run of ``ae-core``."""
    with get_context("spawn").Pool(1) as pool:  # a parent whose only child this is
        return pool.apply(_measure, (arguments,))


def _measure(arguments: list[str]) -> tuple[float, float]:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "ae_core", *arguments], check=True, stdout=subprocess.DEVNULL
    )
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return seconds, peak * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, few, model, detector = (
            os.path.join(folder, name)
            for name in ("data.csv", "few.csv", "m.safetensors", "d.safetensors")
        )
        make(data, options.rows, options.columns)
        make(few, 1000, options.columns)
        array = options.rows * options.columns * 8
        print(f"{options.rows:,} rows, {options.columns} columns: {array / 1e6:.0f} MB as an array")
        print(f"of float64, {os.path.getsize(data) / 1e6:.0f} MB as text.\n")
        fit = ("-o", model, "-k", "4", "--epochs", str(options.epochs), "-q")
        commands = {
            "fit, 1000 rows": ["fit", few, *fit],
            f"fit, {options.epochs} epochs": ["fit", data, *fit],
            "the same, --float32": ["fit", data, *fit, "--float32"],
            "fit --outliers": ["fit", data, "-o", detector, "--outliers", "-q"],
            "encode": ["encode", model, data, "-o", os.path.join(folder, "codes.csv")],
            "reconstruct": ["reconstruct", model, data, "-o", os.path.join(folder, "back.csv")],
            "score": ["score", detector, data, "-o", os.path.join(folder, "scores.csv")],
        }
        first = None
        print(f"{'ae-core':<22}{'seconds':>9}{'peak, MB':>10}{'beyond 1000 rows, in arrays':>29}")
        for label, arguments in commands.items():
            seconds, peak = measure(arguments)
            first = peak if first is None else first
            print(f"{label:<22}{seconds:>9.1f}{peak / 1e6:>10.0f}{(peak - first) / array:>29.2f}")


if __name__ == "__main__":
    main()
