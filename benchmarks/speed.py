"""How fast training steps and forward passes are, beside other libraries.

    python benchmarks/speed.py
    python benchmarks/speed.py --config digits mnist --threads 2 --rounds 11 --data MNIST_FOLDER
    python benchmarks/speed.py --peers ae_core torch jax --markdown table.md

See benchmarks/README.md for what is measured, and how.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from machine import describe, measure_apart
from peers import LEARNING_RATE, OURS, PEERS
from problems import CONFIGURATIONS, Configuration, load_data
from report import Row, markdown_table
from worker import PeerError, Worker, environment

from ae_core import Adam, Architecture
from ae_core.reference import Network

N_CHECKED = 5
TOLERANCE = 1e-3
BLOCK_SECONDS = 0.2
PAUSE_SECONDS = 0.01  # before a block: idle threads of the peer before may still spin
WORK = {"train": "training step", "forward": "inference"}


def say(text: str) -> None:
    """Progress, apart from the report."""
    print(text, file=sys.stderr, flush=True)


@dataclass
class Entry:
    """A peer at work: its process, block sizes and what was measured, by kind of work."""

    name: str
    worker: Worker
    note: str
    kinds: Sequence[str]
    block: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in WORK})

    def calibrate(self, kind: str) -> None:
        """Find how many make a block of about `BLOCK_SECONDS`."""
        for _ in range(2):  # compilers do their work in the first calls
            self.worker.ask(kind, n=1)
        n = 1
        while True:
            answer = self.worker.ask(kind, n=n)
            each = answer["seconds"] / answer["n"]
            if answer["seconds"] > BLOCK_SECONDS / 4:
                self.block[kind] = max(1, round(BLOCK_SECONDS / each))
                return
            n = max(2 * n, min(round(BLOCK_SECONDS / 2 / each), 100 * n))

    def measure(self, kind: str) -> None:
        """One block."""
        time.sleep(PAUSE_SECONDS)
        answer = self.worker.ask(kind, n=self.block[kind])
        self.seconds[kind].append(answer["seconds"] / answer["n"])


class Benchmark:
    """All peers on one configuration.

    Parameters
    ----------
    name : str
        Of the configuration.
    peers, cpus, n_rounds, data_folder
        As the command line has them.
    """

    def __init__(
        self,
        name: str,
        peers: Sequence[str],
        cpus: Sequence[int],
        n_rounds: int,
        data_folder: Path | None,
    ) -> None:
        self.name, self.peers, self.cpus, self.n_rounds = name, peers, cpus, n_rounds
        self.configuration = CONFIGURATIONS[name]
        self.X, self.data_name = load_data(self.configuration.data, data_folder)
        self.skipped: dict[str, str] = {}
        self.distributions: dict[str, str] = {}
        self.agreement = 0.0
        """The largest relative difference of a loss from the reference's."""

    def run(self) -> list[Entry]:
        """Check every peer, then time them round after round.

        Raises
        ------
        PeerError
            When a peer fails, or computes something else than the reference.
        """
        entries: list[Entry] = []
        with tempfile.TemporaryDirectory() as folder:
            try:
                losses = self._reference_losses(Path(folder))
                for peer in self.peers:
                    self._enter(peer, Path(folder), entries)
                    if entries and entries[-1].name == peer:
                        self._check(entries[-1], losses)
                for kind in WORK:
                    for entry in entries:
                        if kind in entry.kinds:
                            entry.calibrate(kind)
                for i in range(self.n_rounds):
                    say(f"{self.name}: round {i + 1} of {self.n_rounds}")
                    for kind in WORK:
                        for entry in entries:
                            if kind in entry.kinds:
                                entry.measure(kind)
            finally:
                for entry in entries:
                    entry.worker.close()
        return entries

    def _reference_losses(self, folder: Path) -> np.ndarray:
        """Write data and parameters for the workers; the first losses, in float64."""
        c = self.configuration
        architecture = Architecture(c.sizes, c.activations, c.loss, biases=c.biases)
        network = Network(architecture, random_state=0)
        network.params[...] = network.params.astype(np.float32)
        np.save(folder / "X.npy", self.X)
        np.save(folder / "params.npy", network.params.astype(np.float32))
        order = np.arange(N_CHECKED * c.batch_size) % len(self.X)
        solver, rates = Adam(LEARNING_RATE), np.full(N_CHECKED, LEARNING_RATE)
        state = solver.start(network.params)
        X = self.X[np.unique(order)].astype(np.float64)
        return network.train_steps(X, order, c.batch_size, solver, state, rates)

    def start(self, peer: str, folder: Path) -> Worker:
        """The worker for a peer, on the data in a folder."""
        return Worker(peer, self.name, folder, self.cpus)

    def _enter(self, peer: str, folder: Path, entries: list[Entry]) -> None:
        say(f"{self.name}: starting {peer}")
        worker = self.start(peer, folder)
        introduction = worker.introduction
        if "skip" in introduction:
            self.skipped[peer] = introduction["skip"]
            worker.close()
            return
        entries.append(Entry(peer, worker, introduction["note"], introduction["kinds"]))
        self.distributions |= introduction["distributions"]

    def _check(self, entry: Entry, expected: np.ndarray) -> None:
        losses = np.array(entry.worker.ask("losses", n=N_CHECKED)["losses"])
        error = float(np.max(np.abs(losses / expected - 1)))
        if not error <= TOLERANCE:
            raise PeerError(
                f"{self.name}: {entry.name} computes something else: its first losses are "
                f"{losses}, the reference's {expected}"
            )
        self.agreement = max(self.agreement, error)
        say(f"{self.name}: {entry.name} agrees, losses to {error:.0e}")

    def rows(self, entries: list[Entry], kind: str, peak: float | None) -> list[Row]:
        """The table's rows for one kind of work; peak in GFLOP/s of all threads."""
        c = self.configuration
        flops = c.training_flops if kind == "train" else c.forward_flops
        entries = [entry for entry in entries if kind in entry.kinds]
        medians = {entry.name: statistics.median(entry.seconds[kind]) for entry in entries}
        ours = medians.get("ae_core")
        theirs = [seconds for name, seconds in medians.items() if name not in OURS]
        rows = []
        for entry in entries:
            seconds = medians[entry.name]
            row = Row(self.name, entry.name, seconds, entry.note if kind == "train" else "")
            row.spread = max(entry.seconds[kind]) / min(entry.seconds[kind])
            row.to_ours = seconds / ours if ours else None
            row.to_best = min(theirs) / seconds if theirs else None
            row.of_peak = flops / seconds / 1e9 / peak if peak else None
            rows.append(row)
        rows += [Row(self.name, peer, None, why) for peer, why in self.skipped.items()]
        return sorted(rows, key=lambda row: self.peers.index(row.peer))


def describe_configuration(benchmark: Benchmark) -> str:
    """One line about what the configuration was."""
    c: Configuration = benchmark.configuration
    sizes = "-".join(map(str, c.sizes))
    hidden = " and ".join(dict.fromkeys(c.activations[:-1]))
    biases = "" if c.biases else ", no biases"
    return (
        f"- {benchmark.name}: {sizes}{biases}, {hidden} hidden layers, {c.activations[-1]} output, "
        f"{c.loss.replace('_', ' ')}, batch {c.batch_size} of {len(benchmark.X)} rows "
        f"({benchmark.data_name}); all peers' losses of {N_CHECKED} steps agree with the "
        f"reference's within {TOLERANCE:g} (largest difference {benchmark.agreement:.0e})"
    )


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = list(CONFIGURATIONS)
    parser.add_argument("--config", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), metavar="NAME")
    parser.add_argument("--threads", type=int, default=1, help="and processors pinned to")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--data", type=Path, help="folder with MNIST's train-images-idx3-ubyte.gz")
    parser.add_argument("--markdown", type=Path, help="write the report here, too")
    options = parser.parse_args()
    check_options(parser, options)
    return options


def check_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with an error where there are fewer processors than threads, or no rounds."""
    n_cpus = len(os.sched_getaffinity(0))
    if not 1 <= options.threads <= n_cpus:
        parser.error(f"--threads {options.threads}: this process may use 1 to {n_cpus}")
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: at least 1")


def main() -> None:
    """Measure and print."""
    options = parse_options()
    cpus = sorted(os.sched_getaffinity(0))[-options.threads :]
    say("measuring the machine")
    facts = measure_apart(cpus, environment(len(cpus)))
    peak = facts["peak"] and facts["peak"] * len(cpus)
    rows: dict[str, list[Row]] = {kind: [] for kind in WORK}
    configurations, distributions = [], {"Python": platform.python_version()}
    for name in options.config:
        benchmark = Benchmark(name, options.peers, cpus, options.rounds, options.data)
        try:
            entries = benchmark.run()
        except PeerError as error:
            sys.exit(f"error: {error}")
        for kind in WORK:
            rows[kind] += benchmark.rows(entries, kind, peak)
        configurations.append(describe_configuration(benchmark))
        distributions |= benchmark.distributions
    versions = ", ".join(f"{name} {version}" for name, version in distributions.items())
    report = [
        *(f"- {line}" for line in describe(facts)),
        f"- threads: {len(cpus)}; dtype: float32; {options.rounds} rounds; {versions}",
        *configurations,
    ]
    for kind, title in WORK.items():
        report += ["", f"### {title[0].upper()}{title[1:]}", "", *markdown_table(rows[kind])]
    text = "\n".join(report) + "\n"
    print(text, end="")
    if options.markdown:
        options.markdown.write_text(text)


if __name__ == "__main__":
    main()
