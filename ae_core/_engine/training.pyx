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
    Rows, Trace, forward_and_backward, gather, slice_gradient,
)
from ae_core._engine.plan cimport Plan, Slice
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
    cdef char* params
    cdef char* gradient                 # of all parameters; NULL: the solver uses slices at once
    cdef bint wants_update              # whether there is a solver
    cdef char* memory_0
    cdef char* memory_1
    cdef const ae_step* steps
    cdef double* losses                 # [n_steps]
    cdef double* tile_losses
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

    cdef void work(self, int thread) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                self._work[float](thread, NULL)
            else:
                self._work[double](thread, NULL)

    cdef void _work(self, int thread, floating* of_this_type) noexcept nogil:
        cdef Py_ssize_t step, first, tile, n_tiles
        cdef int n_rows
        cdef double loss
        cdef bint stopped
        for step in range(self.n_steps):
            first = step * self.batch_size
            n_rows = <int> min(self.batch_size, self.n_order - first)
            n_tiles = (<Py_ssize_t> n_rows + self.tile_rows - 1) // self.tile_rows
            self._rows_phase[floating](thread, first, n_rows, n_tiles, NULL)
            # All threads agree whether to leave here, before any parameter of this step has changed.
            if ae_wait(&self.barrier, self.n_threads, &self.tiles_taken, &self.stopped):
                return
            loss = 0
            for tile in range(n_tiles):  # always in this order, whoever made them
                loss += self.tile_losses[tile]
            loss /= n_rows
            if thread == 0:
                self.losses[step] = loss
            if self.wants_update and not isfinite(loss):
                return
            self._weights_phase[floating](thread, step, n_rows, NULL)
            stopped = ae_wait(&self.barrier, self.n_threads, &self.slices_taken, &self.stopped)
            if self.gradient != NULL and self.wants_update:
                if stopped:
                    return
                self._update_phase(thread, step)
                ae_wait(&self.barrier, self.n_threads, &self.updates_taken, &self.stopped)
            if thread == 0:
                self.steps_done = step + 1

    cdef void _rows_phase(
        self, int thread, Py_ssize_t first, int n_rows, Py_ssize_t n_tiles, floating* of_this_type,
    ) noexcept nogil:
        cdef Py_ssize_t tile
        cdef int start, height, n_in = self.plan.layers[0].n_in
        cdef floating* inputs = <floating*> self.trace.H[0]
        while not ae_get(&self.stopped):
            tile = ae_add(&self.tiles_taken, 1)
            if tile >= n_tiles:
                return
            start = <int> tile * self.tile_rows
            height = min(self.tile_rows, n_rows - start)
            gather[floating](
                self.rows, self.order, first + start, height, n_in,
                inputs + <Py_ssize_t> start * n_in,
            )
            self.tile_losses[tile] = forward_and_backward[floating](
                self.plan, self.K, <const floating*> self.params, &self.trace, start, height,
                1.0 / n_rows,
            )
            if self.should_stop(thread, 3.0 * height * self.plan.n_weights):
                return

    cdef void _weights_phase(
        self, int thread, Py_ssize_t step, int n_rows, floating* of_this_type,
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
                self.plan, self.K, slice, &self.trace, n_rows, <floating*> gradient
            )
            if self.gradient == NULL:
                self._update(slice, gradient, step)
            elif self.should_stop(thread, <double> n_rows * (slice.stop - slice.start)):
                return

    cdef void _update_phase(self, int thread, Py_ssize_t step) noexcept nogil:
        cdef Py_ssize_t k
        while True:
            k = ae_add(&self.updates_taken, 1)
            if k >= self.plan.n_slices:
                return
            self._update(
                &self.plan.slices[k],
                self.gradient + self.plan.slices[k].start * self.itemsize, step,
            )

    cdef void _update(self, Slice* slice, char* gradient, Py_ssize_t step) noexcept nogil:
        cdef Py_ssize_t offset = slice.start * self.itemsize
        self.K.update(
            self.solver, slice.stop - slice.start, self.params + offset, gradient,
            self.memory_0 + offset, self.memory_1 + offset, &self.steps[step],
        )


cdef Training _new_job(Plan plan, Py_ssize_t itemsize):
    cdef Training job = Training()
    job.plan = plan
    job.itemsize = itemsize
    job.K = kernels_for(itemsize)
    return job


def train_steps(
    Plan plan, floating[::1] params, const floating[:, :] X, const Py_ssize_t[::1] order,
    Py_ssize_t batch_size, str solver, list memory, const double[:, ::1] constants,
    double[::1] losses, Py_ssize_t[::1] done, int n_threads,
):
    """Take one step per row of `constants`.

    Parameters
    ----------
    plan : Plan
    params : array of shape (n_params,)
        Changed in place.
    X : array of shape (n_samples, n_features), any strides
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
    if batch_size > 2**31 - 1 or X.shape[1] != plan.layers[0].n_in:
        raise ValueError(f"batch_size={batch_size} or {X.shape[1]} columns do not fit")
    with nogil:
        for row in order:
            if row < 0 or row >= X.shape[0]:
                with gil:
                    raise ValueError(f"order has row {row}: X has rows 0 to {X.shape[0] - 1}")
    if n_steps == 0:
        return
    cdef Training job = _new_job(plan, sizeof(floating))
    job.keep_alive = (params, X, order, memory, constants, losses)
    job.rows = Rows(<const char*> &X[0, 0], X.strides[0], X.strides[1])
    job.order = &order[0]
    job.n_order = order.shape[0]
    job.batch_size = batch_size
    job.n_steps = n_steps
    job.params = <char*> &params[0]
    job.memory_0 = <char*> &memory_0[0]
    job.memory_1 = <char*> &memory_1[0]
    job.solver = SOLVERS.index(solver)
    job.wants_update = True
    job.steps = <const ae_step*> &constants[0, 0]
    job.losses = &losses[0]
    job._allocate(n_threads)
    try:
        job.run(n_threads)
    finally:
        done[0] = job.steps_done


def loss_and_gradient(
    Plan plan, const floating[::1] params, const floating[:, :] X, floating[::1] gradient,
    int n_threads,
):
    """The mean loss of the rows of X (m, n_features); its gradient is written to `gradient`.

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
    if X.shape[1] != plan.layers[0].n_in or X.shape[0] == 0 or X.shape[0] > 2**31 - 1:
        raise ValueError(f"X has shape ({X.shape[0]}, {X.shape[1]})")
    cdef Training job = _new_job(plan, sizeof(floating))
    job.keep_alive = (params, X, gradient)
    job.rows = Rows(<const char*> &X[0, 0], X.strides[0], X.strides[1])
    job.n_order = job.batch_size = X.shape[0]
    job.n_steps = 1
    job.params = <char*> &params[0]
    job.gradient = <char*> &gradient[0]
    job.losses = &loss
    job._allocate(n_threads)
    job.run(n_threads)
    return loss
