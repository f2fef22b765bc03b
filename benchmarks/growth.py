"""How the cost of a fit grows with rows, columns, width and depth, beside other libraries.

    python benchmarks/growth.py                    # about four minutes; pictures go to docs/
    python benchmarks/growth.py --quick --out .    # fewer sizes, once each

Networks: a fit of five epochs, in batches of 200, of float32 rows, through the estimator here,
through `MLPRegressor` and through a plain loop in PyTorch (fused Adam), from call to return.
Detectors: `fit` to all rows and the scores of all rows, as they come. Each library is a process of
its own with one thread, pinned to the same processor; they take turns at every size. Those that are
not installed are left out.

Printed are medians of seconds, and the exponent p of cost ~ size^p: the slope of a straight line
through the logarithms of all sizes, and of the three largest, where what every call costs anyway
matters the least. A size beyond which a library would need more than `--patience` seconds is left
out for it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from worker import environment

N_EPOCHS, BATCH_SIZE, N_COMPONENTS = 5, 200, 8
NETWORKS = ("ae_core", "scikit-learn", "torch")
DETECTORS = ("ae_core detector", "IsolationForest", "LocalOutlierFactor", "PyOD AutoEncoder")
NAMES = {
    "ae_core": "Autoencoder",
    "scikit-learn": "MLPRegressor",
    "torch": "PyTorch, eager",
    "ae_core detector": "AutoencoderOutlierDetector",
}
BASE = {"rows": 4000, "columns": 50, "width": 128, "depth": 1}
BASE_OF_DETECTORS = {"rows": 2000, "columns": 20}
SIZES = {
    "rows": (1000, 4000, 16_000, 64_000, 256_000),
    "columns": (10, 40, 160, 640, 2560),
    "width": (16, 64, 256, 1024, 2048),
    "depth": (1, 2, 4, 8, 16),
}
SIZES_OF_DETECTORS = {"rows": (500, 2000, 8000, 32_000), "columns": (5, 20, 80, 320)}
MEANING = {
    "rows": "rows",
    "columns": "columns",
    "width": "units of each hidden layer",
    "depth": "hidden layers on each side of the code",
}


# --- a worker: one library in a process of its own ------------------------------------------------


def rows_near_a_surface(rows: int, columns: int) -> Any:
    """Float32 rows of five dimensions and noise."""
    import numpy as np

    random = np.random.default_rng(0)
    X = np.tanh(random.normal(size=(rows, 5)) @ random.normal(size=(5, columns)))
    return (X + 0.1 * random.normal(size=X.shape)).astype(np.float32)


def fit_ae_core(X: Any, hidden: tuple[int, ...]) -> None:
    """The estimator, at the settings that the others can have, too."""
    from ae_core import Autoencoder

    Autoencoder(
        N_COMPONENTS,
        hidden_layer_sizes=hidden,
        activation="relu",
        scale=None,
        batch_size=BATCH_SIZE,
        max_iter=N_EPOCHS,
        tol=None,
        dtype="float32",
        n_threads=1,
        random_state=0,
    ).fit(X)


def fit_scikit_learn(X: Any, hidden: tuple[int, ...]) -> None:
    """MLPRegressor, whose target is its input."""
    import numpy as np
    from sklearn.neural_network import MLPRegressor

    MLPRegressor(
        hidden_layer_sizes=(*hidden, N_COMPONENTS, *hidden[::-1]),
        batch_size=BATCH_SIZE,
        max_iter=N_EPOCHS,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X, X)


def fit_torch(X: Any, hidden: tuple[int, ...]) -> None:
    """A loop as tutorials have it, with the fused Adam."""
    from itertools import pairwise

    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    modules: list[Any] = []
    for n_in, n_out in pairwise((X.shape[1], *hidden, N_COMPONENTS, *hidden[::-1], X.shape[1])):
        modules += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*modules[:-1])
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    rows = torch.from_numpy(X)
    for _ in range(N_EPOCHS):
        for some in torch.randperm(len(rows)).split(BATCH_SIZE):
            batch = rows[some]
            optimizer.zero_grad()
            loss = ((model(batch) - batch) ** 2).sum() / 2 / len(batch)
            loss.backward()
            optimizer.step()


def detector(name: str) -> Any:
    """A detector as it comes; PyOD's scores are its own."""
    if name == "ae_core detector":
        from ae_core import AutoencoderOutlierDetector

        return AutoencoderOutlierDetector(random_state=0, n_threads=1)
    if name == "IsolationForest":
        from sklearn.ensemble import IsolationForest

        return IsolationForest(random_state=0)
    if name == "LocalOutlierFactor":
        from sklearn.neighbors import LocalOutlierFactor

        return LocalOutlierFactor(novelty=True)
    import torch
    from pyod.models.auto_encoder import AutoEncoder

    torch.set_num_threads(1)
    return AutoEncoder(verbose=0)


FITS: dict[str, Callable[[Any, tuple[int, ...]], None]] = {
    "ae_core": fit_ae_core,
    "scikit-learn": fit_scikit_learn,
    "torch": fit_torch,
}


def job(name: str, size: dict[str, int]) -> Callable[[], Any]:
    """What is timed."""
    X = rows_near_a_surface(size["rows"], size["columns"])
    if name in FITS:
        return lambda: FITS[name](X, (size["width"],) * size["depth"])

    def fit_and_score() -> Any:
        fitted = detector(name).fit(X)
        return (getattr(fitted, "score_samples", None) or fitted.decision_function)(X)

    return fit_and_score


def work(name: str, cpu: int) -> None:
    """Be a worker: each line asks for one size."""
    with suppress(OSError):
        os.sched_setaffinity(0, {cpu})
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints is no answer
    try:
        base = BASE if name in FITS else BASE_OF_DETECTORS
        job(name, {**base, "rows": 500})()  # imports, and what else a first call does
    except ImportError as error:
        answers.write(json.dumps({"missing": str(error)}) + "\n")
        return
    answers.write("{}\n")
    for line in sys.stdin:
        timed = job(name, json.loads(line))
        start = time.perf_counter()
        timed()
        answers.write(json.dumps({"seconds": time.perf_counter() - start}) + "\n")


# --- the parent -----------------------------------------------------------------------------------


class Library:
    """The handle to a worker, and what it took."""

    def __init__(self, name: str, cpu: int) -> None:
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", name, str(cpu)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
            env=environment(1),
        )
        self.missing = self._answer().get("missing")
        self.seconds: dict[tuple[str, int], list[float]] = {}

    def measure(self, axis: str, value: int, base: dict[str, int]) -> float:
        """Seconds at one size, noted."""
        self.process.stdin.write(json.dumps({**base, axis: value}) + "\n")
        seconds = self._answer()["seconds"]
        self.seconds.setdefault((axis, value), []).append(seconds)
        return seconds

    def median(self, axis: str, value: int) -> float | None:
        """Of the rounds; None where it was not asked."""
        found = self.seconds.get((axis, value))
        return statistics.median(found) if found else None

    def _answer(self) -> dict[str, Any]:
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: {self.name} died, exit code {self.process.wait()}")
        return json.loads(line)

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()


def measure(
    libraries: list[Library],
    sizes: dict[str, tuple[int, ...]],
    base: dict[str, int],
    options: argparse.Namespace,
) -> None:
    """Every library at every size, in turn, round after round."""
    for axis, values in sizes.items():
        working = list(libraries)
        for value, next_value in zip(values, (*values[1:], values[-1]), strict=True):
            print(f"{axis} {value}: {', '.join(each.name for each in working)}", file=sys.stderr)
            for _ in range(options.rounds):
                for library in working:
                    library.measure(axis, value, base)
            growth = next_value / value
            working = [
                library
                for library in working
                if library.median(axis, value) * growth <= options.patience
            ]


def exponent(points: list[tuple[int, float]]) -> float:
    """The slope of a straight line through the logarithms; NaN for fewer than two."""
    import numpy as np

    if len(points) < 2:
        return float("nan")
    sizes, seconds = np.log(np.array(points)).T
    return float(np.polyfit(sizes, seconds, 1)[0])


def lines(libraries: list[Library], sizes: dict[str, tuple[int, ...]]) -> Iterator[str]:
    """A table for each axis."""
    from report import duration, table

    for axis, values in sizes.items():
        rows = []
        for library in libraries:
            medians = [library.median(axis, value) for value in values]
            known = [(v, s) for v, s in zip(values, medians, strict=True) if s is not None]
            ends = [f"{exponent(some):.2f}".replace("nan", "–") for some in (known, known[-3:])]
            cells = [duration(seconds) for seconds in medians]
            rows.append([NAMES.get(library.name, library.name), *cells, *ends])
        header = [MEANING[axis], *map(str, values), "exponent", "of the last three"]
        yield from ("", *table(header, rows))


def draw(libraries: list[Library], sizes: dict[str, tuple[int, ...]], path: Path) -> None:
    """A panel for each axis, both axes logarithmic."""
    sys.path.append(str(Path(__file__).parents[1] / "docs" / "guide"))
    from page import COLORS, GREY, head, new_figure, save

    n_rows = (len(sizes) + 1) // 2
    figure = new_figure(figsize=(8, 3 * n_rows))
    for ax, (axis, values) in zip(figure.subplots(n_rows, 2).flat, sizes.items(), strict=True):
        for library, color in zip(libraries, (COLORS[0], GREY, COLORS[2], COLORS[1]), strict=False):
            known = [(v, s) for v in values if (s := library.median(axis, v)) is not None]
            label = NAMES.get(library.name, library.name)
            ax.loglog(*zip(*known, strict=True), "o-", color=color, label=label, markersize=4)
        ax.set(xlabel=MEANING[axis], ylabel="seconds")
        ax.set_xticks(values, values)
        ax.set_xticks([], minor=True)
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("")
        head(ax, f"against {axis}")
    figure.axes[0].legend(frameon=False, fontsize="small")
    save(figure, path)


def main() -> None:
    """Measure, print, draw."""
    if len(sys.argv) > 2 and sys.argv[1] == "--worker":
        work(sys.argv[2], int(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--patience", type=float, default=8.0, metavar="SECONDS")
    parser.add_argument("--quick", action="store_true", help="three sizes, once each")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs")
    parser.add_argument("--markdown", type=Path, help="write the tables here, too")
    options = parser.parse_args()
    everything = (
        (NETWORKS, SIZES, BASE, "growth_networks.png"),
        (DETECTORS, SIZES_OF_DETECTORS, BASE_OF_DETECTORS, "growth_detectors.png"),
    )
    cpu = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
    report: list[str] = []
    for names, all_sizes, base, picture in everything:
        sizes = {axis: values[:3] for axis, values in all_sizes.items()}
        sizes = sizes if options.quick else all_sizes
        options.rounds = 1 if options.quick else options.rounds
        libraries = [Library(name, cpu) for name in names]
        try:
            for library in libraries:
                if library.missing:
                    print(f"without {library.name}: {library.missing}", file=sys.stderr)
            present = [library for library in libraries if not library.missing]
            measure(present, sizes, base, options)
            report += lines(present, sizes)
            draw(present, sizes, options.out / picture)
        finally:
            for library in libraries:
                library.close()
    print("\n".join(report))
    if options.markdown:
        options.markdown.write_text("\n".join(report) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
