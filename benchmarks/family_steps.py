"""Training steps of several networks in turn, on this core: what one costs beside another."""

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

from ae_core import Adam, Architecture, Network, reference
from ae_core.data.rows import Rows
from ae_core.formulas.noise import noise_key
from ae_core.formulas.solvers import Solver

BLOCK_SECONDS = 0.2
TOLERANCE = 1e-3
N_CHECKED = 2


class Steps:
    """A network at work in blocks of steps; the parameters go on from block to block.

    Parameters
    ----------
    name : str
    architecture : Architecture
    rows : Rows
    batch_size : int
    solver : Solver
    """

    def __init__(
        self,
        name: str,
        architecture: Architecture,
        rows: Rows,
        batch_size: int,
        solver: Solver | None = None,
    ) -> None:
        self.name, self.rows, self.batch_size = name, rows, batch_size
        self.solver = Adam() if solver is None else solver
        self.network = Network(architecture, dtype="float32", random_state=0, n_threads=1)
        self.random = np.random.default_rng(0)
        self.n_epochs = 0
        self.block = 1

    def check(self) -> None:
        """Refuse to time what computes something else than the reference.

        Raises
        ------
        ValueError
            When the first losses are not the reference's, in float64, within 1e-3.
        """
        params = self.network.params
        exact = reference.Network(self.network.architecture, params.astype(np.float64))
        order, each = self._order(N_CHECKED), self._each(N_CHECKED)
        for network in (exact, self.network):
            state = self.solver.start(network.params)
            losses = network.train_steps(
                self.rows, order, self.batch_size, self.solver, state, *each
            )
            if network is exact:
                expected = losses
        if not np.allclose(losses, expected, rtol=TOLERANCE):
            raise ValueError(f"{self.name} computes something else: {losses}, not {expected}")
        self.state = state

    def run(self, n_steps: int) -> float:
        """Seconds of a step, over so many; orders are drawn before the clock starts."""
        order, each = self._order(n_steps), self._each(n_steps)
        start = time.perf_counter()
        losses = self.network.train_steps(
            self.rows, order, self.batch_size, self.solver, self.state, *each
        )
        seconds = time.perf_counter() - start
        if not np.isfinite(losses).all():
            raise ValueError(f"{self.name}: a loss that is not finite ends steps early")
        return seconds / n_steps

    def calibrate(self) -> None:
        """Find how many steps make a block."""
        self.run(1)
        seconds = self.run(1)
        while seconds * self.block < BLOCK_SECONDS / 4:
            self.block = min(10 * self.block, round(BLOCK_SECONDS / seconds))
            seconds = self.run(self.block)
        self.block = max(1, round(BLOCK_SECONDS / seconds))

    def _order(self, n_steps: int) -> np.ndarray:
        n_rows, n_visits = len(self.rows), n_steps * self.batch_size
        epochs = [self.random.permutation(n_rows) for _ in range(-(-n_visits // n_rows))]
        return np.concatenate(epochs)[:n_visits]

    def _each(self, n_steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Each step's rate, and the key of its noise: another one in every block."""
        self.n_epochs += 1
        key = noise_key(0, self.n_epochs)
        return np.full(n_steps, 1e-3), np.full(n_steps, key, dtype=np.uint64)


def interleaved(
    steps: Sequence[Steps], n_rounds: int, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Seconds of a step of each, round after round, so that a slow spell hits all of them."""
    for each in steps:
        each.check()
        each.calibrate()
        say(f"{each.name}: agrees with the reference; blocks of {each.block} steps")
    seconds: dict[str, list[float]] = {each.name: [] for each in steps}
    for i in range(n_rounds):
        for each in steps:
            each.run(1)  # fills the caches with what is its own
            seconds[each.name].append(each.run(each.block))
        say(f"round {i + 1} of {n_rounds}")
    return seconds


def step_rows(seconds: dict[str, list[float]], base: str) -> list[tuple[str, ...]]:
    """A table's rows: medians, slowest by fastest round, ratios of medians to that of `base`."""
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return [
        (
            name,
            f"{1e3 * medians[name]:.3f} ms",
            f"{max(times) / min(times):.2f}",
            f"{medians[name] / medians[base]:.3f}",
        )
        for name, times in seconds.items()
    ]
