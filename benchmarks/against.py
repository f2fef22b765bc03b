"""A training step of one build of ae_core beside that of another, say of the commit before.

    git worktree add ../before HEAD~1 && (cd ../before && python setup.py build_ext --inplace)
    python benchmarks/against.py ../before .
    python benchmarks/against.py ../before . --config question digits --rounds 61

Each build is a process of its own, on the same processor; blocks of steps take turns. See
benchmarks/README.md.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import numpy as np
from problems import CONFIGURATIONS, load_data
from report import table

BLOCK_SECONDS = 0.1
SMALL = ("question", "digits", "mnist")


class Build:
    """One folder's ae_core, which runs blocks of steps when it is told to."""

    def __init__(self, folder: Path, data: Path | None) -> None:
        command = [sys.executable, __file__, "--serve", str(folder)]
        if data is not None:
            command += ["--data", str(data)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, name: str, n_steps: int) -> float:
        """Seconds of a step of a configuration, over so many."""
        to, answers = self.process.stdin, self.process.stdout
        assert to is not None
        assert answers is not None
        print(name, n_steps, file=to, flush=True)
        answer = answers.readline()
        if not answer:
            sys.exit("a build has ended; what it wrote stands above")
        return float(answer)


def serve(folder: Path, data: Path | None, asked: IO[str]) -> None:
    """Answer each line ``configuration n_steps`` with the seconds of a step."""
    sys.path.insert(0, str(folder.resolve()))
    import ae_core

    if Path(ae_core.__file__).resolve().parent.parent != folder.resolve():
        sys.exit(f"{folder} has no ae_core: {ae_core.__file__} would be measured instead")
    jobs = {}
    for line in asked:
        name, n_steps = line.split()[0], int(line.split()[1])
        if name not in jobs:
            what = CONFIGURATIONS[name]
            architecture = ae_core.Architecture(
                what.sizes, what.activations, loss=what.loss, biases=what.biases
            )
            network = ae_core.Network(architecture, dtype="float32", random_state=0, n_threads=1)
            solver = ae_core.Adam(1e-4)
            X = load_data(what.data, data)[0]
            jobs[name] = network, X, what.batch_size, solver, solver.start(network.params)
        network, X, batch_size, solver, state = jobs[name]
        order = np.random.default_rng(0).permutation(n_steps * batch_size) % len(X)
        rates = np.full(n_steps, 1e-4)
        start = time.perf_counter()
        network.train_steps(X, order, batch_size, solver, state, rates)
        print((time.perf_counter() - start) / n_steps, flush=True)


def compare(builds: list[Build], name: str, n_rounds: int) -> tuple[str, ...]:
    """A row of the table: medians, and the median of each round's ratio."""
    n_steps = 1
    while max(build.run(name, n_steps) for build in builds) * n_steps < BLOCK_SECONDS:
        n_steps *= 2
    seconds = []
    for i in range(n_rounds):
        turn = builds if i % 2 else builds[::-1]
        times = {build: build.run(name, n_steps) for build in turn}
        seconds.append([times[build] for build in builds])
    one, other = (statistics.median(times) for times in zip(*seconds, strict=True))
    ratios = sorted(b / a for a, b in seconds)
    quarter = len(ratios) // 4
    return (
        name,
        *(f"{1e6 * each:.4g} µs" for each in (one, other)),
        f"{statistics.median(ratios):.3f}",
        f"{ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f}",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "builds", nargs="*", type=Path, metavar="FOLDER", help="two, built in place"
    )
    parser.add_argument("--config", nargs="+", choices=CONFIGURATIONS, default=SMALL)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--cpu", type=int, help="the processor to run on")
    parser.add_argument("--data", type=Path, help="folder with MNIST's train-images-idx3-ubyte.gz")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve, options.data, sys.stdin)
        return
    if len(options.builds) != 2 or options.rounds < 1:
        parser.error("two folders are needed, and at least one round")
    if hasattr(os, "sched_setaffinity"):
        cpu = max(os.sched_getaffinity(0)) if options.cpu is None else options.cpu
        os.sched_setaffinity(0, {cpu})
    builds = [Build(folder, options.data) for folder in options.builds]
    rows = []
    for name in options.config:
        rows.append(compare(builds, name, options.rounds))
        print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    first, second = (str(folder) for folder in options.builds)
    header = ("config", first, second, "second / first", "middle half of rounds")
    print("\n".join(table(header, rows)))


if __name__ == "__main__":
    main()
