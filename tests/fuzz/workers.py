"""Workers that each input runs in: what crashes, hangs or takes too much ends a worker, not the run.

Input number i of a seed is always the same. A worker notes which one it is at before it starts it.
"""

import faulthandler
import multiprocessing
import os
import resource
import signal
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import shared_memory
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np

from . import architectures, c_calls, engine_calls, frames, models, options, streams, table_files

SECONDS = 60
"""Longest time for one input, which takes milliseconds; a busy machine may stand still meanwhile."""
MEMORY = 512 * 2**20
"""Most address space beyond what a worker has when it starts."""
WARM_UP = 30
"""Inputs that load what is loaded late, before memory is limited."""


class Target(NamedTuple):
    """What makes inputs, and what is done with one. `run` raises for what is not documented."""

    make: Callable[[Random], Any]
    run: Callable[[Any, Path, Random], str]


TARGETS = {
    "model": Target(models.make, models.run),
    "csv": Target(table_files.make_csv, table_files.run),
    "parquet": Target(table_files.make_parquet, table_files.run),
    "arrow": Target(table_files.make_arrow, table_files.run),
    "architecture": Target(architectures.make, architectures.run),
    "engine": Target(engine_calls.make, engine_calls.run),
    "c_interface": Target(c_calls.make, c_calls.run),
    "frames": Target(frames.make, frames.run),
    "options": Target(options.make, options.run),
    "streams": Target(streams.make, streams.run),
}


@dataclass
class Outcome:
    """What came of many inputs."""

    n_inputs: int = 0
    n_found: int = 0
    most_memory: int = 0
    """Bytes that a worker's resident memory grew by, at most."""
    answers: Counter[str] = field(default_factory=Counter)


def run_alone(target: str, seed: int, number: int) -> str:
    """One input, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        return _run_one(TARGETS[target], f"{target} {seed} {number}", Path(folder))


def _run_one(target: Target, key: str, folder: Path) -> str:
    random = Random(key)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return target.run(target.make(random), folder, random)


def fuzz(target: str, n_inputs: int, seed: int, n_workers: int, found: Path) -> Outcome:
    """Run so many inputs; describe in the folder `found` those without a documented answer."""
    context = multiprocessing.get_context("fork")
    shared = shared_memory.SharedMemory(create=True, size=8 * n_workers)
    at = shared.buf.cast("q")
    parts: Any = context.SimpleQueue()
    outcome = Outcome()
    found.mkdir(exist_ok=True)

    def start(w: int, first: int) -> tuple[range, Any]:
        numbers = range(first, n_inputs, n_workers)
        worker = context.Process(target=_work, args=(target, seed, numbers, at, w, parts, found))
        worker.start()
        return numbers, worker

    try:
        running = {w: start(w, w) for w in range(n_workers)}  # w runs w, w + n_workers, …
        while running:
            for w, (numbers, worker) in list(running.items()):
                _add_parts(outcome, parts)
                worker.join(0.05)
                if worker.is_alive():
                    continue
                del running[w]
                number = int(at[w])
                stop = n_inputs if worker.exitcode == 0 else number + 1
                outcome.n_inputs += len(range(numbers.start, stop, n_workers))
                if worker.exitcode != 0:
                    outcome.n_found += 1
                    _describe(found, target, seed, number, _end_of(worker, found, target, seed, w))
                    if number < 0:
                        raise RuntimeError(f"{target}: crashed while warming up, see {found}")
                    running[w] = start(w, number + n_workers)
        _add_parts(outcome, parts)
    finally:
        at.release()
        shared.close()
        shared.unlink()
    return outcome


def _end_of(worker: Any, found: Path, target: str, seed: int, w: int) -> str:
    """How a worker ended, and where it was."""
    name = signal.Signals(-worker.exitcode).name if worker.exitcode < 0 else "exit"
    what = "took too long" if name == "SIGALRM" else f"ended the process ({name})"
    trace = (found / f"{target}-{seed}-worker{w}.log").read_text(errors="replace")
    return f"{what}\n{trace[:4000]}"


def _add_parts(outcome: Outcome, parts: Any) -> None:
    while not parts.empty():
        part = parts.get()
        outcome.n_found += part.n_found
        outcome.most_memory = max(outcome.most_memory, part.most_memory)
        outcome.answers += part.answers


def _describe(found: Path, target: str, seed: int, number: int, what: str) -> None:
    again = f"PYTHONPATH=tests python -m fuzz --target {target} --seed {seed} --only {number}\n"
    (found / f"{target}-{seed}-{number}.txt").write_text(again + what, errors="backslashreplace")


def _work(name: str, seed: int, numbers: range, at: Any, w: int, parts: Any, found: Path) -> None:
    log_path = found / f"{name}-{seed}-worker{w}.log"
    log = log_path.open("w")
    os.dup2(log.fileno(), 2)
    os.fsync = lambda file: None  # what a disk has after a power cut is not tested here
    faulthandler.enable(log)
    faulthandler.register(signal.SIGALRM, log, chain=True)  # then it ends the process
    target = TARGETS[name]
    part = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(-WARM_UP, 0):
            at[w] = number
            with suppress(Exception):
                _run_one(target, f"{name} {seed} {number}", Path(folder))
        before = _memory()
        resource.setrlimit(resource.RLIMIT_AS, (before[0] + MEMORY, resource.RLIM_INFINITY))
        for number in numbers:
            at[w] = number
            signal.alarm(SECONDS)
            is_found = False
            try:
                part.answers[_run_one(target, f"{name} {seed} {number}", Path(folder))] += 1
            except BaseException:
                is_found = True
                part.n_found += 1
                _describe(found, name, seed, number, traceback.format_exc())
            signal.alarm(0)
            if is_found or (number + 1) % 500 < numbers.step:
                part.most_memory = max(0, _memory()[1] - before[1])
                parts.put(part)
                part = Outcome()
        part.most_memory = max(0, _memory()[1] - before[1])
        parts.put(part)
    log.close()
    if not log_path.stat().st_size:
        log_path.unlink()


def _memory() -> tuple[int, int]:
    """Address space and resident memory of this process, in bytes."""
    sizes = Path("/proc/self/statm").read_text().split()
    return int(sizes[0]) * resource.getpagesize(), int(sizes[1]) * resource.getpagesize()
