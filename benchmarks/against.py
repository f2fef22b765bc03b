"""One build of ae_core beside another, say that of the commit before.

    git worktree add ../before HEAD~1 && (cd ../before && python setup.py build_ext --inplace)
    python benchmarks/against.py ../before .
    python benchmarks/against.py ../before . --config question digits --rounds 61

See benchmarks/README.md for what is measured, and how.
"""

import argparse
import os
import statistics
import sys
from pathlib import Path

from problems import CONFIGURATIONS
from report import table
from speed import WORK, Benchmark, check_options
from worker import PeerError, Worker

HEADER = ("config", "work", "first", "second", "second / first", "middle half of rounds")


class Builds(Benchmark):
    """Builds of ae_core, called by their folders, in the place of peers."""

    def start(self, peer: str, folder: Path) -> Worker:
        """A worker that imports the build in the folder `peer`."""
        return Worker("ae_core", self.name, folder, self.cpus, package=Path(peer))


def compare(builds: Builds) -> list[tuple[str, ...]]:
    """The table's rows: medians, and the median of the rounds' ratios."""
    first, second = builds.run()
    rows = []
    for kind, work in WORK.items():
        pairs = list(zip(first.seconds[kind], second.seconds[kind], strict=True))
        medians = (statistics.median(times) for times in zip(*pairs, strict=True))
        ratios = sorted(b / a for a, b in pairs)
        quarter = len(ratios) // 4
        row = (
            builds.name,
            work,
            *(f"{1e6 * each:.4g} µs" for each in medians),
            f"{statistics.median(ratios):.3f}",
            f"{ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f}",
        )
        rows.append(row)
    return rows


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("first", type=Path, help="a folder with an engine built in place")
    parser.add_argument("second", type=Path, help="another")
    names = list(CONFIGURATIONS)
    parser.add_argument("--config", nargs="+", choices=names, default=names[:3], metavar="NAME")
    parser.add_argument("--threads", type=int, default=1, help="and processors pinned to")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--data", type=Path, help="folder with MNIST's train-images-idx3-ubyte.gz")
    options = parser.parse_args()
    for folder in (options.first, options.second):
        if not (folder / "ae_core" / "__init__.py").exists():
            parser.error(f"{folder} has no ae_core in it")
    check_options(parser, options)
    return options


def main() -> None:
    """Measure and print."""
    options = parse_options()
    peers = [str(folder.resolve()) for folder in (options.first, options.second)]
    cpus = sorted(os.sched_getaffinity(0))[-options.threads :]
    rows = []
    for name in options.config:
        try:
            rows += compare(Builds(name, peers, cpus, options.rounds, options.data))
        except PeerError as error:
            sys.exit(f"error: {error}")
    print(f"first: {options.first}; second: {options.second}; {options.rounds} rounds\n")
    print("\n".join(table(HEADER, rows, n_left=2)))


if __name__ == "__main__":
    main()
