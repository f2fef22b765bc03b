"""Whether an autoencoder of tables with missing entries fills in, or copies; with masking or none.

    python benchmarks/masking.py
    python benchmarks/masking.py FOLDER --variational

Tables are those of benchmarks/imputation.py, of which 30 % of the entries are hidden at random.
Given are the root mean square errors of standardised columns: of hidden entries, and of those that
are seen; of a variational autoencoder of the former and the mean log-likelihood of rows.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from imputation import Array, at_random, tables

from ae_core import Autoencoder, VariationalAutoencoder

LEVELS = (0.0, 0.1, 0.3, 0.5)


def errors(X: Array, table: Array, level: float, is_variational: bool) -> tuple[float, float]:
    """Of hidden entries; and of seen ones, or of a variational code the log-likelihood."""
    kind = VariationalAutoencoder if is_variational else Autoencoder
    corruption = {"corruption": "masking", "corruption_level": level} if level else {}
    model = kind(
        8, missing_values="mask", random_state=0, n_threads=1, **{"corruption": None, **corruption}
    ).fit(table)
    hidden = np.isnan(table)
    of_hidden = float(np.sqrt(((model.impute(table) - X)[hidden] ** 2).mean()))
    if is_variational:
        return of_hidden, float(model.score_samples(table).mean())
    return of_hidden, float(np.sqrt(((model.reconstruct(table) - X)[~hidden] ** 2).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--variational", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    levels = LEVELS if not options.variational else (0.0, 0.3)
    print("| table | mean | " + " | ".join(f"masking {level:g}" for level in levels) + " |")
    print("|---|" + "--:|" * (1 + len(levels)))
    found, means = [], []
    for name, X in tables(options.folder, options.rows, options.columns).items():
        table = np.where(at_random(X, np.random.default_rng(7)), np.nan, X)
        by_mean = float(np.sqrt((X[np.isnan(table)] ** 2).mean()))
        means.append(by_mean)
        found.append([errors(X, table, level, options.variational) for level in levels])
        print(line(name, by_mean, found[-1]), flush=True)
    print(line(f"mean of {len(found)}", float(np.mean(means)), np.mean(found, axis=0)))


def line(name: str, by_mean: float, results: object) -> str:
    """One line of the table."""
    cells = [f"{hidden:.3f} / {other:.3f}" for hidden, other in np.asarray(results)]
    return f"| {name} | {by_mean:.3f} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
