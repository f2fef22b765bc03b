"""Training without the GIL: many steps in one call, each in two phases.

Phase 1, rows: the batch is cut into tiles, and each goes forward and backward by itself.
Phase 2, weights: the flat parameter vector is cut into slices, and of each the gradient is made
and, while it is still in cache, used by the solver.
One barrier after each phase. Within a step nothing is allocated and no Python object is touched.

A step so large that phase 2 alone keeps Ctrl-C waiting makes the whole gradient first, which can be
left at any slice, and lets the solver use it after another barrier: that takes no time to speak of.
"""

from cython cimport floating
from libc.math cimport isfinite

from ae_core._engine.kernels cimport ae_kernels, ae_step, kernels_for
from ae_core._engine.memory cimport Buffer, padded
from ae_core._engine.passes cimport (
    Trace, forward_and_backward, slice_gradient, slice_squares,
)
from ae_core._engine.plan cimport Plan, Slice
from ae_core._engine.rows cimport Rows, gather, gather_weights
from ae_core._engine.team cimport Team, ae_add, ae_counter, ae_get, ae_wait

from ae_core._engine.kernels import SOLVERS

# Multiplications of phase 2 from which on it can be left before it is finished.
cdef double LONG_PHASE = 2.0**32


cdef class Training(Team):
    """Some steps of a solver; or, with `gradient`, one step that only writes the gradient."""

    cdef Plan plan
    cdef const ae_kernels* K
    cdef Py_ssize_t itemsize, n_order, batch_size, n_steps, steps_done
    cdef int tile_rows, solver
    cdef Rows rows
    cdef const Py_ssize_t* order
    cdef const double* batch_weights    # [n_steps], sums of the rows'; NULL: these are all 1
    cdef double alpha
    cdef char* params
    cdef char* gradient                 # of all parameters; NULL: the solver uses slices at once
    cdef bint wants_update              # whether there is a solver
    cdef char* memory_0
    cdef char* memory_1
    cdef const ae_step* steps
    cdef double* losses                 # [n_steps]
    cdef double* tile_losses
    cdef double* squares                # per slice, of the weights; only where alpha is not 0
    cdef Trace trace
    cdef Py_ssize_t scratch_bytes
    cdef char* scratch                  # per thread, the gradient of a slice
    cdef Buffer buffer
    cdef ae_counter tiles_taken, slices_taken, updates_taken
    cdef object keep_alive

    def _allocate(self, int n_threads):
        """One block for everything that a step needs."""
        cdef Py_ssize_t rows = min(self.batch_size, self.n_order), i
        cdef int n = self.plan.n_layers
        self.tile_rows = self.plan.tile_rows(rows)
        cdef Py_ssize_t n_tiles = (rows + self.tile_rows - 1) // self.tile_rows
        cdef Py_ssize_t total = 2 * padded((n + 1) * sizeof(void*)) + padded(n_tiles * 8)
        total += padded(self.plan.n_slices * 8)
        if self.rows.weights != NULL:
            total += padded(rows * 8)
        self.scratch_bytes = padded(self.plan.largest_slice * self.itemsize)
        cdef bint is_long = rows * <double> self.plan.n_weights > LONG_PHASE
        cdef Py_ssize_t whole = padded(self.plan.n_params * self.itemsize)
        if self.wants_update and is_long:
            total += whole
        total += n_threads * self.scratch_bytes
        total += padded(rows * self.plan.layers[0].n_in * self.itemsize)
        for i in range(n):
            total += 2 * padded(rows * self.plan.layers[i].n_out * self.itemsize)
        self.buffer = Buffer(total, f"activations of a batch of {rows} rows")

        cdef char* at = self.buffer.data
        self.trace.H = <void**> at
        at += padded((n + 1) * sizeof(void*))
        self.trace.delta = <void**> at
        at += padded((n + 1) * sizeof(void*))
        self.tile_losses = <double*> at
        at += padded(n_tiles * 8)
        self.squares = <double*> at
        at += padded(self.plan.n_slices * 8)
        self.trace.weights = NULL
        if self.rows.weights != NULL:
            self.trace.weights = <double*> at
            at += padded(rows * 8)
        self.scratch = at
        at += n_threads * self.scratch_bytes
        if self.wants_update and is_long:
            self.gradient = at
            at += whole
        self.trace.H[0], self.trace.delta[0] = at, NULL
        at += padded(rows * self.plan.layers[0].n_in * self.itemsize)
        for i in range(n):
            self.trace.H[i + 1] = at
            at += padded(rows * self.plan.layers[i].n_out * self.itemsize)
            self.trace.delta[i + 1] = at
            at += padded(rows * self.plan.layers[i].n_out * self.itemsize)

    def _square_all(self):
        """The squares that the first step needs."""
        cdef Py_ssize_t k
        with nogil:
            for k in range(self.plan.n_slices):
                if self.itemsize == sizeof(float):
                    self._square[float](k, NULL)
                else:
                    self._square[double](k, NULL)

    cdef void work(self, int thread) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                self._work[float](thread, NULL)
            else:
                self._work[double](thread, NULL)

    cdef void _work(self, int thread, floating* of_this_type) noexcept nogil:
        cdef Py_ssize_t step, first, tile, n_tiles
        cdef int n_rows
        cdef double loss, weight, penalty
        cdef bint stopped
        for step in range(self.n_steps):
            first = step * self.batch_size
            n_rows = <int> min(self.batch_size, self.n_order - first)
            n_tiles = (<Py_ssize_t> n_rows + self.tile_rows - 1) // self.tile_rows
            weight = self.batch_weights[step] if self.batch_weights != NULL else n_rows
            penalty = self._penalty()  # here, because phase 2 changes the squares
            self._rows_phase[floating](thread, first, n_rows, n_tiles, weight, NULL)
            # All threads agree whether to leave here, before any parameter of this step has changed.
            if ae_wait(&self.barrier, self.n_threads, &self.tiles_taken, &self.stopped):
                return
            loss = 0
            for tile in range(n_tiles):  # always in this order, whoever made them
                loss += self.tile_losses[tile]
            loss = (loss + penalty) / weight
            if thread == 0:
                self.losses[step] = loss
            if self.wants_update and not isfinite(loss):
                return
            self._weights_phase[floating](thread, step, n_rows, self.alpha / weight, NULL)
            stopped = ae_wait(&self.barrier, self.n_threads, &self.slices_taken, &self.stopped)
            if self.gradient != NULL and self.wants_update:
                if stopped:
                    return
                self._update_phase[floating](thread, step, NULL)
                ae_wait(&self.barrier, self.n_threads, &self.updates_taken, &self.stopped)
            if thread == 0:
                self.steps_done = step + 1

    cdef double _penalty(self) noexcept nogil:
        """½ alpha Σ W²; the squares are added in the same order by every thread."""
        cdef double total = 0
        cdef Py_ssize_t k
        if self.alpha == 0:
            return 0
        for k in range(self.plan.n_slices):
            total += self.squares[k]
        return 0.5 * self.alpha * total

    cdef void _rows_phase(
        self, int thread, Py_ssize_t first, int n_rows, Py_ssize_t n_tiles, double weight,
        floating* of_this_type,
    ) noexcept nogil:
        cdef Py_ssize_t tile, n_in = self.rows.n_columns
        cdef int start, height
        cdef floating* inputs = <floating*> self.trace.H[0]
        while not ae_get(&self.stopped):
            tile = ae_add(&self.tiles_taken, 1)
            if tile >= n_tiles:
                return
            start = <int> tile * self.tile_rows
            height = min(self.tile_rows, n_rows - start)
            gather[floating](
                self.rows, self.K, self.order, first + start, height, inputs + start * n_in,
            )
            if self.trace.weights != NULL:
                gather_weights(
                    self.rows, self.order, first + start, height, self.trace.weights + start,
                )
            self.tile_losses[tile] = forward_and_backward[floating](
                self.plan, self.K, <const floating*> self.params, &self.trace, start, height,
                weight,
            )
            if self.should_stop(thread, 3.0 * height * self.plan.n_weights):
                return

    cdef void _weights_phase(
        self, int thread, Py_ssize_t step, int n_rows, double strength, floating* of_this_type,
    ) noexcept nogil:
        cdef Py_ssize_t k, size = sizeof(floating)
        cdef Slice* slice
        cdef char* gradient
        while True:
            k = ae_add(&self.slices_taken, 1)
            if k >= self.plan.n_slices:
                return
            slice = &self.plan.slices[k]
            if self.gradient != NULL:
                gradient = self.gradient + slice.start * size
            else:
                gradient = self.scratch + thread * self.scratch_bytes
            slice_gradient[floating](
                self.plan, self.K, slice, &self.trace, n_rows, <const floating*> self.params,
                strength, <floating*> gradient,
            )
            if self.gradient == NULL:
                self._update[floating](k, gradient, step, NULL)
            elif self.should_stop(thread, <double> n_rows * (slice.stop - slice.start)):
                return

    cdef void _update_phase(
        self, int thread, Py_ssize_t step, floating* of_this_type,
    ) noexcept nogil:
        cdef Py_ssize_t k
        while True:
            k = ae_add(&self.updates_taken, 1)
            if k >= self.plan.n_slices:
                return
            self._update[floating](
                k, self.gradient + self.plan.slices[k].start * self.itemsize, step, NULL,
            )

    cdef void _update(
        self, Py_ssize_t k, char* gradient, Py_ssize_t step, floating* of_this_type,
    ) noexcept nogil:
        cdef Slice* slice = &self.plan.slices[k]
        cdef Py_ssize_t offset = slice.start * self.itemsize
        self.K.update(
            self.solver, slice.stop - slice.start, self.params + offset, gradient,
            self.memory_0 + offset, self.memory_1 + offset, &self.steps[step],
        )
        self._square[floating](k, NULL)  # the next step's, while the slice is in cache

    cdef void _square(self, Py_ssize_t k, floating* of_this_type) noexcept nogil:
        if self.alpha != 0:
            self.squares[k] = slice_squares[floating](
                self.plan, self.K, &self.plan.slices[k], <const floating*> self.params,
            )


cdef Training _new_job(
    Plan plan, Py_ssize_t itemsize, Rows rows, Py_ssize_t n_steps, double alpha,
    const double[::1] batch_weights,
):
    cdef Training job = Training()
    cdef Py_ssize_t i
    if rows.n_rows == 0 or rows.n_columns != plan.layers[0].n_in:
        raise ValueError(
            f"X has shape ({rows.n_rows}, {rows.n_columns}): {plan.layers[0].n_in} columns and at "
            "least one row are needed"
        )
    if (rows.weights == NULL) != (batch_weights is None):
        raise ValueError("batch_weights are needed for rows with weights, and for no others")
    if batch_weights is not None:
        if batch_weights.shape[0] != n_steps:
            raise ValueError(
                f"batch_weights has {batch_weights.shape[0]} entries: {n_steps} are needed"
            )
        for i in range(n_steps):
            if not batch_weights[i] > 0:
                raise ValueError(f"batch_weights has {batch_weights[i]}: each must be positive")
        job.batch_weights = &batch_weights[0]
    job.plan, job.rows, job.n_steps, job.alpha = plan, rows, n_steps, alpha
    job.itemsize = itemsize
    job.K = kernels_for(itemsize)
    return job


def train_steps(
    Plan plan not None, floating[::1] params not None, Rows rows not None,
    const Py_ssize_t[::1] order not None, Py_ssize_t batch_size, str solver not None,
    list memory not None, const double[:, ::1] constants not None, double[::1] losses not None,
    Py_ssize_t[::1] done not None, int n_threads,
    const double[::1] batch_weights=None, double alpha=0,
):
    """Take one step per row of `constants`.

    Parameters
    ----------
    plan : Plan
    params : array of shape (n_params,)
        Changed in place.
    rows : n_samples rows of n_features
    order : array of shape (n_order,)
        Row numbers, batch after batch; checked.
    batch_size : int
    solver : one of `ae_core._engine.kernels.SOLVERS`
    memory : list of 1 or 2 arrays of shape (n_params,)
        Changed in place.
    constants : array of shape (n_steps, 6)
        What kernels.h calls a step.
    losses : array of shape (n_steps,)
        Receives the loss of each batch before its step.
    done : array of shape (1,)
        Receives the number of steps completed, also when Ctrl-C ends the call.
    n_threads : int
    batch_weights : array of shape (n_steps,), optional
        The sum of weights of each batch; for rows that have weights, and no others.
    alpha : float
        Strength of the penalty on the weights.

    Raises
    ------
    ValueError
        When lengths or row numbers do not fit.
    MemoryError
        When there is no room for the activations of a batch; nothing is changed then.
    KeyboardInterrupt
        On Ctrl-C; parameters are those of a whole step.
    """
    if len(memory) != (2 if solver == "adam" else 1):
        raise ValueError(f"{solver} does not remember {len(memory)} vectors")
    if n_threads < 1:
        raise ValueError(f"n_threads={n_threads}: at least 1 is needed")
    cdef floating[::1] memory_0 = memory[0]
    cdef floating[::1] memory_1 = memory[len(memory) - 1]
    cdef Py_ssize_t row, n_steps = constants.shape[0]
    for name, length in (
        ("params", params.shape[0]), ("memory", memory_0.shape[0]), ("memory", memory_1.shape[0]),
    ):
        if length != plan.n_params:
            raise ValueError(f"{name} has {length} entries: {plan.n_params} are needed")
    if constants.shape[1] * sizeof(double) != sizeof(ae_step) or losses.shape[0] != n_steps:
        raise ValueError(f"constants ({n_steps}, {constants.shape[1]}), losses {losses.shape[0]}")
    if batch_size < 1 or (order.shape[0] + batch_size - 1) // batch_size != n_steps:
        raise ValueError(
            f"{order.shape[0]} rows in batches of {batch_size} do not make {n_steps} steps"
        )
    if batch_size > 2**31 - 1 or done.shape[0] != 1:
        raise ValueError(f"batch_size={batch_size} or done, of {done.shape[0]}, does not fit")
    with nogil:
        for row in order:
            if row < 0 or row >= rows.n_rows:
                with gil:
                    raise ValueError(f"order has row {row}: X has rows 0 to {rows.n_rows - 1}")
    if n_steps == 0:
        return
    cdef Training job = _new_job(
        plan, sizeof(floating), rows, n_steps, alpha, batch_weights,
    )
    job.keep_alive = (params, order, memory, constants, losses, batch_weights)
    job.order = &order[0]
    job.n_order = order.shape[0]
    job.batch_size = batch_size
    job.params = <char*> &params[0]
    job.memory_0 = <char*> &memory_0[0]
    job.memory_1 = <char*> &memory_1[0]
    job.solver = SOLVERS.index(solver)
    job.wants_update = True
    job.steps = <const ae_step*> &constants[0, 0]
    job.losses = &losses[0]
    job._allocate(n_threads)
    job._square_all()
    try:
        job.run(n_threads)
    finally:
        done[0] = job.steps_done


def loss_and_gradient(
    Plan plan not None, const floating[::1] params not None, Rows rows not None,
    floating[::1] gradient not None, int n_threads,
    const double[::1] batch_weights=None, double alpha=0,
):
    """The loss of all rows; its gradient is written to `gradient`. As one of `train_steps`.

    Raises
    ------
    ValueError
        When shapes do not fit.
    MemoryError
        When there is no room for the activations of all rows.
    KeyboardInterrupt
        On Ctrl-C.
    """
    cdef double loss = 0
    if n_threads < 1:
        raise ValueError(f"n_threads={n_threads}: at least 1 is needed")
    for name, length in (("params", params.shape[0]), ("gradient", gradient.shape[0])):
        if length != plan.n_params:
            raise ValueError(f"{name} has {length} entries: {plan.n_params} are needed")
    if rows.n_rows > 2**31 - 1:
        raise ValueError(f"X has {rows.n_rows} rows: at most {2**31 - 1} fit a batch")
    cdef Training job = _new_job(plan, sizeof(floating), rows, 1, alpha, batch_weights)
    job.keep_alive = (params, gradient, batch_weights)
    job.n_order = job.batch_size = rows.n_rows
    job.params = <char*> &params[0]
    job.gradient = <char*> &gradient[0]
    job.losses = &loss
    job._allocate(n_threads)
    job._square_all()
    job.run(n_threads)
    return loss
