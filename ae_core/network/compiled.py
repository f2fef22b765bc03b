"""The compiled twin of the reference: the same constructor, methods and results, fast."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from .._engine import inference
from .._engine.plan import Plan
from .._engine.rows import Rows as EngineRows
from .._typing import Array
from ..basics.memory import room
from ..data.checks import check_n_threads
from ..data.plain_rows import is_plain_array
from ..data.rows import Rows
from ..formulas.corruption import corruption_of
from . import reference
from .blas_threads import single_threaded_blas
from .checks import check_draws, check_key, check_steps
from .engine_terms import engine_rows, plan_of, step_constants
from .passes import given_limits, penalty

if TYPE_CHECKING:
    from ..formulas.solvers import Solver, SolverState

WORTH_A_THREAD = 2_000_000
"""Below this many multiply-adds one thread is used: barriers would cost more."""


class Network(reference.Network):
    """A dense autoencoder: an architecture and a flat parameter vector.

    The compiled twin of `ae_core.reference.Network`, with which it agrees to rounding. Results are
    the same to the bit for every number of threads. (Products of networks of thousands of units are
    left to BLAS, held to one thread meanwhile: another thread of the process that sets its number
    of threads in the middle of a call, with threadpoolctl's ``threadpool_limits``, can change last
    bits.)

    Parameters
    ----------
    architecture : Architecture
        Layers, activations and loss.
    params : array of shape (n_params,), optional
        Parameters to start from; drawn when absent. Used as it is when it already is contiguous and
        of the right dtype, so that the caller's array changes as the network learns.
    dtype : {'float64', 'float32'}
        What the parameters and every computation are in. float32 is about twice as fast.
    initialization : {'glorot', 'he', 'uniform'}
        How to draw parameters: see `ae_core.network.initialization`.
    random_state : None, int, Generator or RandomState
        For drawing parameters.
    n_threads : int, optional
        Threads for large work; by default all cores that this process may use. Small work stays on
        one thread whatever is asked.

    Attributes
    ----------
    params : array of shape (n_params,)
        Every weight and bias, laid out as `Architecture.blocks` says.

    Raises
    ------
    ValueError
        When an argument is not what it should be.

    Examples
    --------
    >>> import numpy as np
    >>> from ae_core import Architecture, Network
    >>> X = np.random.default_rng(0).random((10, 6))
    >>> network = Network(Architecture.symmetrical((6, 4, 2)), random_state=0)
    >>> network.encode(X).shape
    (10, 2)
    """

    @cached_property
    def _plan(self) -> Plan:
        return plan_of(self.architecture)

    @property
    def plan(self) -> Plan:
        """The engine's plan, for those who call it themselves."""
        return self._plan

    def is_small(self, n_rows: int) -> bool:
        """Whether so many rows are one thread's work, without BLAS.

        Parameters
        ----------
        n_rows : int
            Of a call.
        """
        _, n_weights, needs_blas, _ = self._plan.describe(n_rows, self.dtype.itemsize)
        return not needs_blas and n_rows * n_weights < WORTH_A_THREAD

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the plan, which follows from the architecture."""
        return {name: value for name, value in self.__dict__.items() if name != "_plan"}

    def _objective_of_all(
        self, X: Any, params: Any, wants_gradient: bool, noise_key: int
    ) -> tuple[float, Array]:
        rows, params = self._rows(X, compared=True), self._params(params)
        if not wants_gradient and self.architecture.has_simple_loss:
            # Nothing but the rows' errors and the weights: that needs no room for all activations.
            errors = self._errors(rows, params=params).astype(np.float64)  # (m,)
            count = rows.total_count()
            loss = float(rows.weights(slice(None)) @ errors / count)
            if self.architecture.has_penalty:
                loss += penalty(self.architecture, params, count)[0]
            return loss, params[:0]
        from .._engine import training  # which inference does not need

        gradient = np.zeros_like(params)
        with self._threads(len(rows), 3 * len(rows)) as n_threads:
            loss = training.loss_and_gradient(
                self._plan,
                params,
                engine_rows(rows),
                gradient,
                n_threads,
                self._counts(rows, np.arange(len(rows)), len(rows)),
                np.array([check_key(noise_key)], dtype=np.uint64),
                *self._limits(rows),
            )
        return loss, gradient

    def train_steps(
        self,
        X: Any,
        order: Array,
        batch_size: int,
        solver: "Solver",
        state: "SolverState",
        rates: Array,
        noise_keys: Array | None = None,
        annealing: Array | None = None,
    ) -> Array:
        """Take one solver step per batch of rows, changing `params` and `state` in place.

        As `ae_core.reference.Network.train_steps`, in one call without the GIL. Ctrl-C leaves the
        parameters and the state of a whole step.
        """
        from .._engine import training

        rows = self._rows(X, compared=True)
        order = check_steps(order, batch_size, rates, len(rows), solver, state)
        constants = step_constants(solver, state.n_steps, rates)
        if constants is None:  # somebody's own Solver: its formula is only known in Python
            return super().train_steps(
                rows, order, batch_size, solver, state, rates, noise_keys, annealing
            )
        noise_keys, annealing = check_draws(noise_keys, annealing, len(rates))
        name, numbers = constants
        losses = np.full(len(rates), np.nan)
        done = np.zeros(1, dtype=np.intp)
        batch_size = min(batch_size, max(1, len(order)))
        with self._threads(batch_size, 3 * batch_size) as n_threads:
            try:
                training.train_steps(
                    self._plan,
                    self.params,
                    engine_rows(rows),
                    order,
                    batch_size,
                    name,
                    list(state.memory),
                    numbers,
                    losses,
                    done,
                    n_threads,
                    self._counts(rows, order, batch_size),
                    noise_keys,
                    annealing,
                    *self._limits(rows),
                    state.average,
                    solver.clip_norm or 0.0,
                )
            finally:
                state.n_steps += int(done[0])
        return losses

    def _counts(self, rows: Rows, order: Array, batch_size: int) -> Array | None:
        """How many whole rows each batch counts as, where that is not their number."""
        if rows.sample_weight is None and rows.seen is None:
            return None
        return rows.batch_counts(order, batch_size)

    def _limits(self, rows: Rows) -> tuple[Array | None, Array | None]:
        """Each feature's limits, for the corruption that asks."""
        if not corruption_of(self.architecture.corruption).needs_limits:
            return None, None
        low, high = given_limits(self.architecture, rows.input_limits)
        return np.ascontiguousarray(low, self.dtype), np.ascontiguousarray(high, self.dtype)

    def _run(self, rows: Rows, last: int, codes: Rows | None = None) -> Array:
        if last == 0:
            return super()._run(rows, last, codes)
        return self._infer(self.params, rows, last, False, codes)

    def _errors(self, rows: Rows, codes: Rows | None = None, params: Array | None = None) -> Array:
        params = self.params if params is None else params
        return self._infer(params, rows, self.architecture.n_layers, True, codes)[:, 0]

    def _infer(
        self, params: Array, rows: Rows, last: int, wants_losses: bool, codes: Rows | None
    ) -> Array:
        """What layer `last` gives of rows, or their losses; with codes, from these on."""
        width = 1 if wants_losses else self.architecture.layer_sizes[last]
        purpose = "a loss of each row" if wants_losses else f"what layer {last} gives"
        result = room((len(rows), width), self.dtype, purpose)
        given = table = engine_rows(rows)
        first = 0
        if codes is not None:
            given, first = engine_rows(codes), self.architecture.code_layer
        with self._threads(len(rows), len(rows)) as n_threads:
            inference.run_layers(
                self._plan, params, given, result, first, last, wants_losses, n_threads, table
            )
        return result

    def _layer(self, X: Any, last: int) -> Array:
        """The same; of a few rows without the checks, which take longer than a network does."""
        architecture = self.architecture
        if (
            is_plain_array(X, architecture.n_features)
            and X.dtype.itemsize <= self.dtype.itemsize
            and not architecture.n_covariates
            and architecture.input_transform is None
            and self.is_small(len(X))
        ):
            table = EngineRows(X)
            if table.is_finite():  # so that no check has anything to say
                check_n_threads(self.n_threads)
                return self._run_small(table, len(X), 0, last)
        return super()._layer(X, last)

    def run_plain(self, X: Array, first: int, last: int, has_missing: bool = False) -> Array:
        """What layer `last` gives of X, which layer `first` gave: (m, n_last).

        As `encode` and `decode` of a few rows, without their checks, which take longer.

        Parameters
        ----------
        X : array of shape (m, n_first), of the network's dtype
            For ``first=0`` scaled rows, of a table without covariates.
        first, last : int
            From 0 on; or from the code to the output.
        has_missing : bool
            Whether there may be NaN among them, for what is unseen.
        """
        if not self.is_small(len(X)):
            if first:
                return self.decode(Rows.of_plain(X))
            return self._run(Rows.of_plain(X, missing="mask" if has_missing else None), last)
        return self._run_small(EngineRows(X, has_missing=has_missing), len(X), first, last)

    def _run_small(self, table: EngineRows, n_rows: int, first: int, last: int) -> Array:
        """What layer `last` gives of what layer `first` gave, on the thread that asks."""
        shape = n_rows, self.architecture.layer_sizes[last]
        result = room(shape, self.dtype, f"what layer {last} gives")
        inference.run_layers(self._plan, self.params, table, result, first, last, False, 1, table)
        return result

    @contextmanager
    def _threads(self, n_rows: int, passes: int) -> Iterator[int]:
        """How many threads this work is worth; meanwhile BLAS, if used, keeps to one."""
        most, n_weights, needs_blas, _ = self._plan.describe(n_rows, self.dtype.itemsize)
        n_threads = check_n_threads(self.n_threads)
        if passes * n_weights < WORTH_A_THREAD:
            n_threads = 1
        n_threads = min(n_threads, most)
        if needs_blas:
            with single_threaded_blas():
                yield n_threads
        else:
            yield n_threads
