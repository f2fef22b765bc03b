"""Give the library many inputs that nobody would, and note what is no documented answer.

    PYTHONPATH=tests python -m fuzz --target model csv parquet --inputs 20000 --seed 0

Each input runs in a worker process with a limit of time and of memory, so that a crash, a hang or
unbounded memory is seen; it is described in tests/fuzz/found/, and run again alone with --only.
"""

import argparse
import sys
import time
from pathlib import Path

from .workers import TARGETS, Outcome, fuzz, run_alone

FOUND = Path(__file__).parent / "found"


def main() -> int:
    """The command line; the exit status is 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--target", nargs="+", choices=sorted(TARGETS), default=sorted(TARGETS))
    parser.add_argument("--inputs", type=int, default=1000, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", type=int, help="run this input alone, in this process")
    arguments = parser.parse_args()
    if arguments.only is not None:
        for target in arguments.target:
            print(run_alone(target, arguments.seed, arguments.only))
        return 0
    n_found = 0
    for target in arguments.target:
        start = time.perf_counter()
        outcome = fuzz(target, arguments.inputs, arguments.seed, arguments.workers, FOUND)
        print(_line(target, outcome, time.perf_counter() - start), flush=True)
        n_found += outcome.n_found
    return 1 if n_found else 0


def _line(target: str, outcome: Outcome, seconds: float) -> str:
    answers = ", ".join(f"{count} {answer}" for answer, count in sorted(outcome.answers.items()))
    return (
        f"{target}: {outcome.n_inputs} inputs, {outcome.n_found} findings, {seconds:.0f} s, "
        f"at most {outcome.most_memory / 2**20:.0f} MiB more ({answers})"
    )


if __name__ == "__main__":
    sys.exit(main())
