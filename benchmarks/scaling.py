"""What more threads give a training step: a prediction up to 64, compared with the measured for 2.

    python benchmarks/scaling.py                             # under two minutes
    python benchmarks/scaling.py --config deep@100 --bandwidth 60

Few machines have 64 cores, but a step here is a list of pieces whose cuts are known beforehand
(ae_core/_engine/README.md): tiles or cells of rows, slices of parameters, with a barrier after each
phase. The cuts are the plan's, stated again below and compared with what the
plan says of itself. On one core is measured, for each shape of piece, how long its matrix products
take, what an element of an activation takes, and how fast memory is copied; the sum of all pieces
is then scaled to the measured time of a step with one thread, and the factor is printed (near 1
where the pieces explain the step). Threads take pieces in their order, so that list scheduling
gives the end of each phase.

What is assumed, and not measured: a barrier takes ``log2(threads)`` times as long as between two
threads, where it is measured; all threads together read and write at most ``--bandwidth`` GB/s, and
a phase takes no less than its bytes need (weights, gradient's inputs and the solver's memory once);
clocks do not fall when more cores work.
"""

import argparse
import heapq
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy is loaded

import numpy as np  # noqa: E402
from peers import LEARNING_RATE  # noqa: E402
from problems import CONFIGURATIONS, Configuration  # noqa: E402
from report import duration, table  # noqa: E402

from ae_core import Adam, Architecture, Network  # noqa: E402
from ae_core._engine.for_tests import elementary, levels, product  # noqa: E402

THREADS = (1, 2, 4, 8, 16, 32, 64)
STEPS = ("deep", "deep@200", "deep-small", "mnist")

# As in ae_core/_engine/plan.pyx and plan.pxd; `Cuts` compares the result with the plan's own.
SMALLEST_SLICE, LARGEST_SLICE, SLICES = 8192, 131_072, 8
PIECE_ROWS = 8
CELLS_OF_THREAD, FEWEST_ROWS = 4, 32  # cells.pyx
ITEM = 4  # bytes of a float32
SOLVER_BYTES = 7 * ITEM  # of a parameter: itself and two moments read and written, its gradient


# --- how a step is cut ----------------------------------------------------------------------------


class Cuts:
    """The pieces of a step on so many rows.

    Raises
    ------
    SystemExit
        When the plan says otherwise: then this file has to follow plan.pyx.
    """

    def __init__(self, network: Network, sizes: Sequence[int], n_rows: int) -> None:
        self.n_rows, self.layers = n_rows, list(pairwise(sizes))
        most, _, _, self.is_cut_by_columns = network._plan.describe(n_rows, ITEM)
        self.tiles = self._tiles()
        self.slices = self._slices()
        own = max(len(self.tiles), len(self.slices))
        if self.is_cut_by_columns:
            cells = (len(self.tiles) * len(columns(n_out)) for _, n_out in self.layers)
            own = max(own, *cells)
        if own != most:
            raise SystemExit(f"error: the plan has work for {most} threads, these cuts for {own}")

    def _tiles(self) -> list[int]:
        """Rows of each tile."""
        largest = max(a * b for a, b in self.layers)
        n_tiles = -(-self.n_rows // (128 if largest <= 131_072 else 256))
        rows = -(-self.n_rows // n_tiles)
        return [min(rows, self.n_rows - first) for first in range(0, self.n_rows, rows)]

    def _slices(self) -> list[list[tuple[int, int]]]:
        """Of each slice its parts of weight matrices: rows, columns; a bias is one of 0 rows."""
        n_weights = sum(a * b for a, b in self.layers)
        most = min(LARGEST_SLICE, max(SMALLEST_SLICE, n_weights // SLICES))
        parts = []
        for n_in, n_out in self.layers:
            rows = max(1, most // n_out)
            parts += [(min(rows, n_in - first), n_out) for first in range(0, n_in, rows)]
            parts.append((0, n_out))
        slices: list[list[tuple[int, int]]] = []
        length = 0
        for part in parts:
            count = max(part[0], 1) * part[1]
            if slices and length + count <= most:
                slices[-1].append(part)
                length += count
            else:
                slices.append([part])
                length = count
        return slices


def columns(n: int) -> list[int]:
    """Widths of the cells of a layer of so many units."""
    width = 128 if n >= 512 else 64
    return [min(width, n - first) for first in range(0, n, width)]


def cell_rows(n_rows: int, n_blocks: int, n_threads: int) -> list[int]:
    """Rows of the cells of so many blocks of columns: as few as keep all threads busy."""
    wanted = CELLS_OF_THREAD * n_threads if n_threads > 1 else 1
    wanted = -(-wanted // n_blocks)
    rows = min(n_rows, max(FEWEST_ROWS, -(-n_rows // wanted)))
    return [min(rows, n_rows - first) for first in range(0, n_rows, rows)]


# --- how long a piece takes on one core -----------------------------------------------------------


def best(call: Callable[[], object], seconds: float = 0.01) -> float:
    """Seconds of one call, the best of some."""
    call()
    found, until = [], time.perf_counter() + seconds
    while not found or (time.perf_counter() < until and len(found) < 200):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


class Rates:
    """Measured seconds of products, by shape, of elements and of bytes."""

    def __init__(self) -> None:
        self.products: dict[tuple[str, int, int, int], float] = {}
        x = np.random.default_rng(0).random(1 << 16, dtype=np.float32)
        y, level = np.empty_like(x), levels() - 1
        self.element = best(lambda: elementary("logistic", x, y, level)) / len(x)
        source = np.ones(1 << 24, dtype=np.float32)
        target = np.empty_like(source)
        self.byte = best(lambda: np.copyto(target, source), 0.3) / (2 * source.nbytes)

    def product(self, form: str, m: int, k: int, n: int) -> float:
        """Seconds of a product of (m, k) and (k, n)."""
        if (form, m, k, n) not in self.products:
            a = np.ones((k, m) if form == "tn" else (m, k), dtype=np.float32)
            b = np.ones((n, k) if form == "nt" else (k, n), dtype=np.float32)
            c, level = np.empty((m, n), dtype=np.float32), levels() - 1
            self.products[form, m, k, n] = best(lambda: product(form, a, b, c, level))
        return self.products[form, m, k, n]


@dataclass
class Phase:
    """Pieces that threads take in their order, and a barrier after them."""

    name: str
    pieces: list[float]
    n_bytes: float

    def seconds(self, n_threads: int, barrier: float, bandwidth: float) -> float:
        """Until the last thread has arrived."""
        free = [0.0] * n_threads
        for piece in self.pieces:
            heapq.heapreplace(free, free[0] + piece)
        return max(max(free), self.n_bytes / bandwidth) + barrier


def phases(cuts: Cuts, rates: Rates, n_threads: int) -> list[Phase]:
    """A step; only how large its cells are goes by the number of threads."""
    if cuts.is_cut_by_columns:
        rows = row_phases(cuts, rates, n_threads)
    else:
        rows = [whole_tiles(cuts, rates)]
    pieces = []
    for parts in cuts.slices:
        seconds = sum(
            rates.product("tn", some, cuts.n_rows, n_out) if some else 0 for some, n_out in parts
        )
        count = sum(max(some, 1) * n_out for some, n_out in parts)
        pieces.append(seconds + count * SOLVER_BYTES * rates.byte)
    n_params = sum((a + 1) * b for a, b in cuts.layers)
    units = sum(a + b for a, b in cuts.layers)
    n_bytes = n_params * SOLVER_BYTES + cuts.n_rows * units * ITEM
    return [*rows, Phase("weights", pieces, n_bytes)]


def whole_tiles(cuts: Cuts, rates: Rates) -> Phase:
    """Every tile forward and backward by itself."""
    pieces = []
    for m in cuts.tiles:
        seconds = 2.0 * m * cuts.layers[0][0] * ITEM * rates.byte  # taken from the table
        for layer, (n_in, n_out) in enumerate(cuts.layers):
            seconds += rates.product("nn", m, n_in, n_out) + 2 * m * n_out * rates.element
            seconds += rates.product("nt", m, n_out, n_in) if layer else 0
        pieces.append(seconds)
    n_bytes = ITEM * (sum(a * b for a, b in cuts.layers) + cuts.n_rows * 2 * cuts.layers[0][0])
    return Phase("tiles", pieces, n_bytes)


def row_phases(cuts: Cuts, rates: Rates, n_threads: int) -> list[Phase]:
    """Layer by layer, each cut by columns too (cells.pyx)."""
    pieces = [min(PIECE_ROWS, cuts.n_rows - i) for i in range(0, cuts.n_rows, PIECE_ROWS)]
    n_features = cuts.layers[0][0]
    taken = [2.0 * m * n_features * ITEM * rates.byte for m in pieces]
    found = [Phase("fill", taken, 2.0 * ITEM * cuts.n_rows * n_features)]

    def cells(name: str, form: str, n_in: int, n_out: int, per_element: float) -> Phase:
        seconds = [
            rates.product(form, m, n_in, width) + per_element * m * width * rates.element
            for width in columns(n_out)
            for m in cell_rows(cuts.n_rows, len(columns(n_out)), n_threads)
        ]
        return Phase(name, seconds, ITEM * (n_in * n_out + cuts.n_rows * (n_in + n_out)))

    for n_in, n_out in cuts.layers:
        found.append(cells("sums", "nn", n_in, n_out, 1))
    found.append(Phase("loss", [2.0 * m * n_features * rates.element for m in pieces], 0))
    for n_in, n_out in cuts.layers[:0:-1]:
        found.append(cells("delta", "nt", n_out, n_in, 1))
    return found


# --- real steps -----------------------------------------------------------------------------------


def measured(c: Configuration, n_rows: int, n_threads: Sequence[int], rounds: int) -> list[float]:
    """Seconds of a real step with so many threads: medians of blocks in turn."""
    X = np.random.default_rng(0).random((max(4 * n_rows, 512), c.sizes[0]), dtype=np.float32)
    architecture = Architecture(c.sizes, c.activations, c.loss, biases=c.biases)
    runs = []
    for n in n_threads:
        network = Network(architecture, random_state=0, dtype=np.float32, n_threads=n)
        solver = Adam(LEARNING_RATE)
        runs.append((network, solver, solver.start(network.params), []))

    def block(network: Network, solver: Adam, state: object, n_steps: int) -> float:
        order = np.arange(n_steps * n_rows) % len(X)
        start = time.perf_counter()
        network.train_steps(X, order, n_rows, solver, state, np.full(n_steps, LEARNING_RATE))
        return (time.perf_counter() - start) / n_steps

    once = block(*runs[0][:3], 2)
    n_steps = max(2, min(2000, round(0.15 / once)))
    for round_ in range(rounds + 1):
        for network, solver, state, seconds in runs:
            each = block(network, solver, state, n_steps)
            seconds += [each] if round_ else []  # the first fills the caches
    return [statistics.median(seconds) for *_, seconds in runs]


def barrier_seconds() -> float:
    """What two threads wait for each other, of the steps of a network that has next to no work."""
    from ae_core._engine.training import train_steps
    from ae_core.data.rows import Rows
    from ae_core.network.engine_terms import engine_rows, step_constants

    network = Network(Architecture((2, 1, 2), "tanh"), random_state=0, dtype=np.float32)
    rows, n_steps = engine_rows(Rows.of_plain(np.ones((2, 2), dtype=np.float32))), 20_000
    solver = Adam(LEARNING_RATE)
    name, constants = step_constants(solver, 0, np.full(n_steps, LEARNING_RATE))
    memory = [np.zeros_like(network.params) for _ in range(2)]
    order = np.tile(np.arange(2, dtype=np.intp), n_steps)

    def step(n_threads: int) -> float:
        losses, done = np.empty(n_steps), np.zeros(1, dtype=np.intp)
        start = time.perf_counter()
        given = (network._plan, network.params, rows, order, 2, name, memory, constants)
        train_steps(*given, losses, done, n_threads)
        return (time.perf_counter() - start) / n_steps

    pairs = [(step(1), step(2)) for _ in range(5)]
    return max(0.0, min(two for _, two in pairs) - min(one for one, _ in pairs)) / 2


# --- the prediction -------------------------------------------------------------------------------


def predict(name: str, rates: Rates, barrier: float, options: argparse.Namespace) -> list[str]:
    """A row of the table."""
    configuration, _, batch = name.partition("@")
    c = CONFIGURATIONS[configuration]
    n_rows = int(batch or c.batch_size)
    architecture = Architecture(c.sizes, c.activations, c.loss, biases=c.biases)
    cuts = Cuts(Network(architecture, random_state=0, dtype=np.float32), c.sizes, n_rows)
    steps = {n: phases(cuts, rates, n) for n in THREADS}
    real = measured(c, n_rows, (1, 2), options.rounds)
    explained = sum(sum(phase.pieces) for phase in steps[1])
    seconds = []
    for n, step in steps.items():
        for phase in step:  # what no piece explains belongs to all of them alike
            phase.pieces = [piece * real[0] / explained for piece in phase.pieces]
        between = barrier * np.log2(n)
        bandwidth = min(options.bandwidth * 1e9, n / rates.byte)
        seconds.append(sum(phase.seconds(n, between, bandwidth) for phase in step))
    if options.phases:
        for few, many in zip(steps[1], steps[16], strict=True):
            each = f"{duration(few.seconds(1, 0, np.inf))}, {duration(many.seconds(16, 0, np.inf))}"
            print(f"  {name}, {many.name}: {len(many.pieces)} pieces; on 1 and 16 threads {each}")
    way = "cells" if cuts.is_cut_by_columns else "tiles"
    speed_ups = [f"{seconds[0] / s:.1f}" for s in seconds[1:]]
    measured_for_2 = f"{real[0] / real[1]:.2f}"
    label = f"{configuration}, {n_rows} rows"
    factor = f"{real[0] / explained:.2f}"
    return [label, way, duration(real[0]), factor, measured_for_2, *speed_ups]


def main() -> None:
    """Measure, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", nargs="+", default=STEPS, metavar="NAME[@ROWS]")
    parser.add_argument("--bandwidth", type=float, default=40.0, help="GB/s of all threads")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--phases", action="store_true", help="say how long each phase is")
    options = parser.parse_args()
    rates, barrier = Rates(), barrier_seconds()
    print(f"- a barrier between two threads: {1e6 * barrier:.2f} µs (measured)")
    print(f"- memory: {1e-9 / rates.byte:.1f} GB/s on one core (a copy, measured); of all threads")
    print(f"  {options.bandwidth:g} GB/s (assumed)")
    rows = [predict(name, rates, barrier, options) for name in options.config]
    counts = [f"{n} predicted" for n in THREADS[1:]]
    header = ["step", "cut into", "one thread", "step / pieces", "2 measured", *counts]
    print("", *table(header, rows, n_left=2), sep="\n")


if __name__ == "__main__":
    main()
