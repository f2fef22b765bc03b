"""Training without the GIL: many steps in one call, each in two phases.

Phase 1, rows: the batch is cut into tiles, and each goes forward and backward by itself.
Phase 2, weights: the flat parameter vector is cut into slices, and of each the gradient is made
and, while it is still in cache, used by the solver.
One barrier after each phase. Within a step nothing is allocated and no Python object is touched.

A step so large that phase 2 alone keeps Ctrl-C waiting makes the whole gradient first, which can be
left at any slice, and lets the solver use it after another barrier: that takes no time to speak of.
So does one whose gradient must not be too long, for its length is known only when all of it is.

Penalties that need all rows before the decoder, or something of all weights before the rows, have
phases of their own; a network without them does not meet there.
"""

from cython cimport floating
from libc.math cimport isfinite, sqrt
from libc.stdint cimport uint64_t

from ae_core._engine.code cimport sparsity
from ae_core._engine.contraction cimport gram, gram_rows, spread
from ae_core._engine.kernels cimport ae_kernels, ae_step, kernels_for
from ae_core._engine.passes cimport (
    encode_tile, fill_tile, finish_tile, slice_gradient, slice_penalty,
)
from ae_core._engine.plan cimport Family, Plan, Slice
from ae_core._engine.rows cimport Rows
from ae_core._engine.team cimport Team, ae_counter, ae_get, ae_take, ae_wait
from ae_core._engine.wide cimport (
    blocks_after, blocks_before, make_before, make_gradient, make_spread, n_large,
)
from ae_core._engine.workspace cimport Batch, Workspace

from ae_core._engine.kernels import SOLVERS

# Multiplications of phase 2 from which on it can be left before it is finished.
cdef double LONG_PHASE = 2.0**32

# Rows of the contractive penalty's matrices that a thread takes at a time.
cdef enum:
    GRAM_ROWS = 32

# What a thread does with the tiles it takes.
cdef enum:
    WHOLE_TILES, UP_TO_THE_CODE, FROM_THE_CODE


cdef class Training(Team):
    """Some steps of a solver; or, with `gradient`, one step that only writes the gradient."""

    cdef Plan plan
    cdef Rows rows
    cdef Workspace space
    cdef const ae_kernels* K
    cdef Py_ssize_t itemsize, n_order, batch_size, n_steps, steps_done
    cdef int solver
    cdef const Py_ssize_t* order
    cdef const double* counts           # [n_steps], how many whole rows; NULL: as many as there are
    cdef const uint64_t* keys           # [n_steps]
    cdef const double* annealing        # [n_steps]
    cdef double clip_norm               # 0: none
    cdef char* params
    cdef char* gradient                 # of all parameters; NULL: the solver uses slices at once
    cdef bint wants_update              # whether there is a solver
    cdef char* memory_0
    cdef char* memory_1
    cdef char* average                  # NULL: none is kept
    cdef const ae_step* steps
    cdef double* losses                 # [n_steps]
    cdef ae_counter tiles_taken, slices_taken, updates_taken, blocks_taken
    cdef object keep_alive

    def _allocate(self, const Py_ssize_t[::1] order, int n_threads, object low, object high):
        """Everything that a step needs."""
        cdef double work = min(self.batch_size, self.n_order) * <double> self.plan.n_weights
        cdef bint in_two = self.wants_update and (work > LONG_PHASE or self.clip_norm > 0)
        self.space = Workspace(
            self.plan, self.rows, self.itemsize, order, self.batch_size, n_threads, in_two,
            low, high,
        )
        if in_two:
            self.gradient = self.space.gradient
        self._penalize_all()

    def _penalize_all(self):
        """The penalties that the first step needs."""
        cdef Py_ssize_t k
        with nogil:
            for k in range(self.plan.n_slices):
                if self.itemsize == sizeof(float):
                    self._penalize[float](k, NULL)
                else:
                    self._penalize[double](k, NULL)

    cdef void work(self, int thread) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                self._work[float](thread, NULL)
            else:
                self._work[double](thread, NULL)

    cdef inline void _take_batch(self, Py_ssize_t step, Batch* batch) noexcept nogil:
        """The rows of a step, and what they count."""
        cdef Py_ssize_t i
        batch.first = step * self.batch_size
        batch.n_rows = <int> min(self.batch_size, self.n_order - batch.first)
        batch.total = self.counts[step] if self.counts != NULL else batch.n_rows
        if self.keys != NULL:
            batch.key = self.keys[step]
        if self.annealing != NULL:
            batch.pull = self.plan.family.beta * self.annealing[step]
        if self.plan.family.sparsity != 0:
            batch.weight_sum = batch.n_rows
            if self.rows.weights != NULL:
                batch.weight_sum = 0
                for i in range(batch.first, batch.first + batch.n_rows):
                    batch.weight_sum += self.rows.weights[
                        self.order[i] if self.order != NULL else i
                    ]

    cdef void _work(self, int thread, floating* of_this_type) noexcept nogil:
        cdef bint has_matrices = self.plan.family.contraction != 0 or self.space.skips_output
        cdef bint is_sparse = self.plan.family.sparsity != 0
        cdef Py_ssize_t step, tile, n_tiles, tile_rows = self.space.tile_rows
        cdef Batch batch
        cdef double loss, penalty
        cdef bint stopped
        batch.order, batch.key, batch.pull = self.order, 0, self.plan.family.beta
        for step in range(self.n_steps):
            self._take_batch(step, &batch)
            n_tiles = (batch.n_rows + tile_rows - 1) // tile_rows if batch.n_rows > tile_rows else 1
            penalty = self._penalty()  # here, because phase 2 changes it
            if has_matrices:
                self._matrices_phase[floating](thread, False, &batch, NULL)
                if ae_wait(&self.barrier, self.n_threads, &self.blocks_taken, &self.stopped):
                    return
            if is_sparse:
                self._rows_phase[floating](thread, &batch, n_tiles, UP_TO_THE_CODE, NULL)
                if ae_wait(&self.barrier, self.n_threads, &self.tiles_taken, &self.stopped):
                    return
                self._rows_phase[floating](thread, &batch, n_tiles, FROM_THE_CODE, NULL)
            else:
                self._rows_phase[floating](thread, &batch, n_tiles, WHOLE_TILES, NULL)
            # All threads agree whether to leave here, before any parameter of this step has changed.
            if ae_wait(&self.barrier, self.n_threads, &self.tiles_taken, &self.stopped):
                return
            loss = 0
            for tile in range(n_tiles):  # always in this order, whoever made them
                loss += self.space.tile_losses[tile]
            loss = (loss + penalty) / batch.total
            if is_sparse:
                loss += sparsity(self.space, &batch, self.space.scratch[thread].code)
            if thread == 0:
                self.losses[step] = loss
            if self.wants_update and not isfinite(loss):
                return
            if has_matrices:
                self._matrices_phase[floating](thread, True, &batch, NULL)
                if ae_wait(&self.barrier, self.n_threads, &self.blocks_taken, &self.stopped):
                    return
            if self.space.skips_output:
                self._wide_phase[floating](thread, &batch, NULL)
                if ae_wait(&self.barrier, self.n_threads, &self.blocks_taken, &self.stopped):
                    return
            self._weights_phase[floating](thread, step, &batch, NULL)
            stopped = ae_wait(&self.barrier, self.n_threads, &self.slices_taken, &self.stopped)
            if self.gradient != NULL and self.wants_update:
                if stopped:
                    return
                self._update_phase[floating](step, NULL)
                ae_wait(&self.barrier, self.n_threads, &self.updates_taken, &self.stopped)
            if thread == 0:
                self.steps_done = step + 1

    cdef double _penalty(self) noexcept nogil:
        """½ alpha Σ W² + alpha_l1 Σ |W|, added in the same order by every thread."""
        cdef double total = 0
        cdef Py_ssize_t k
        if not self.plan.family.is_decayed:
            return 0
        for k in range(self.plan.n_slices):
            total += self.space.squares[k]
        return total

    cdef void _matrices_phase(
        self, int thread, bint is_after, Batch* batch, floating* of_this_type,
    ) noexcept nogil:
        """What stands between the weights and the rows: small matrices of either, in blocks.

        Before the rows Gram matrices, after them what weights are multiplied with: the contractive
        penalty's, and those of an output that is not made.
        """
        cdef int n_wide = blocks_after(self.space) if is_after else blocks_before(self.space), block
        cdef const floating* params = <const floating*> self.params
        cdef Py_ssize_t n_rows = 0, first, last
        if self.plan.family.contraction != 0:
            n_rows = gram_rows(self.space)
        while True:
            block = <int> ae_take(&self.blocks_taken, 1, self.n_threads) - n_wide
            first = <Py_ssize_t> block * GRAM_ROWS
            last = min(first + GRAM_ROWS, n_rows)
            if first >= n_rows:
                return
            if block < 0 and is_after:
                make_spread[floating](self.space, self.K, batch, block + n_wide, NULL)
            elif block < 0:
                make_before[floating](self.space, self.K, params, block + n_wide)
            elif is_after:
                spread[floating](self.space, self.K, batch, first, last, NULL)
            else:
                gram[floating](self.space, self.K, params, first, last)
            if self.should_stop(thread, <double> GRAM_ROWS * self.plan.n_weights):
                return

    cdef void _wide_phase(self, int thread, Batch* batch, floating* of_this_type) noexcept nogil:
        """The gradient of an output layer whose output is not made."""
        cdef int block
        while True:
            block = <int> ae_take(&self.blocks_taken, 1, self.n_threads)
            if block >= n_large(self.space):
                return
            make_gradient[floating](
                self.space, self.K, batch, &self.space.scratch[thread], block, NULL,
            )
            if self.should_stop(thread, <double> batch.n_rows * self.plan.n_weights):
                return

    cdef void _rows_phase(
        self, int thread, Batch* batch, Py_ssize_t n_tiles, int part, floating* of_this_type,
    ) noexcept nogil:
        cdef Py_ssize_t tile, start
        cdef int height
        cdef const floating* params = <const floating*> self.params
        while not ae_get(&self.stopped):
            tile = ae_take(&self.tiles_taken, 1, self.n_threads)
            if tile >= n_tiles:
                return
            start = tile * self.space.tile_rows
            height = <int> min(self.space.tile_rows, batch.n_rows - start)
            if part != FROM_THE_CODE:
                fill_tile[floating](
                    self.space, self.K, batch, &self.space.scratch[thread], start, height, NULL,
                )
                encode_tile[floating](
                    self.space, self.K, params, batch, &self.space.scratch[thread], start, height,
                )
            if part != UP_TO_THE_CODE:
                self.space.tile_losses[tile] = finish_tile[floating](
                    self.space, self.K, params, batch, &self.space.scratch[thread], start, height,
                )
            if self.should_stop(thread, 3.0 * height * self.plan.n_weights):
                return

    cdef void _weights_phase(
        self, int thread, Py_ssize_t step, Batch* batch, floating* of_this_type,
    ) noexcept nogil:
        cdef Py_ssize_t k, size = sizeof(floating)
        cdef Slice* slice
        cdef char* gradient
        while True:
            k = ae_take(&self.slices_taken, 1, self.n_threads)
            if k >= self.plan.n_slices:
                return
            slice = &self.plan.slices[k]
            if self.gradient != NULL:
                gradient = self.gradient + slice.start * size
            else:
                gradient = <char*> self.space.scratch[thread].gradient
            slice_gradient[floating](
                self.space, self.K, slice, batch, <const floating*> self.params,
                <floating*> gradient,
            )
            if self.gradient == NULL:
                self._update[floating](k, gradient, step, NULL)
                continue
            if self.clip_norm > 0:
                self.space.gradient_squares[k] = self.K.squares(
                    slice.stop - slice.start, gradient,
                )
            if self.should_stop(thread, <double> batch.n_rows * (slice.stop - slice.start)):
                return

    cdef void _update_phase(self, Py_ssize_t step, floating* of_this_type) noexcept nogil:
        cdef Py_ssize_t k
        cdef double norm = 0
        cdef char* gradient
        cdef Slice* slice
        if self.clip_norm > 0:
            for k in range(self.plan.n_slices):
                norm += self.space.gradient_squares[k]
            norm = sqrt(norm)
        while True:
            k = ae_take(&self.updates_taken, 1, self.n_threads)
            if k >= self.plan.n_slices:
                return
            slice = &self.plan.slices[k]
            gradient = self.gradient + slice.start * self.itemsize
            if norm > self.clip_norm:
                self.K.scale(slice.stop - slice.start, self.clip_norm / norm, gradient)
            self._update[floating](k, gradient, step, NULL)

    cdef void _update(
        self, Py_ssize_t k, char* gradient, Py_ssize_t step, floating* of_this_type,
    ) noexcept nogil:
        cdef Slice* slice = &self.plan.slices[k]
        cdef Py_ssize_t offset = slice.start * self.itemsize
        self.K.update(
            self.solver, slice.stop - slice.start, self.params + offset, gradient,
            self.memory_0 + offset, self.memory_1 + offset, &self.steps[step],
        )
        if self.average != NULL:
            self.K.average(
                slice.stop - slice.start, self.steps[step].newest, self.params + offset,
                self.average + offset,
            )
        self._penalize[floating](k, NULL)  # the next step's, while the slice is in cache

    cdef void _penalize(self, Py_ssize_t k, floating* of_this_type) noexcept nogil:
        if self.plan.family.is_decayed:
            self.space.squares[k] = slice_penalty[floating](
                self.plan, self.K, &self.plan.slices[k], <const floating*> self.params,
            )


cdef Training _new_job(
    Plan plan, Py_ssize_t itemsize, Rows rows, Py_ssize_t n_steps, const double[::1] counts,
    int n_threads,
):
    """A job whose data is checked.

    Raises
    ------
    ValueError
        When shapes do not fit.
    """
    cdef Training job = Training()
    cdef Py_ssize_t i
    if n_threads < 1:
        raise ValueError(f"n_threads={n_threads}: at least 1 is needed")
    if rows.n_rows == 0 or rows.n_columns != plan.layers[0].n_in:
        raise ValueError(
            f"X has shape ({rows.n_rows}, {rows.n_columns}): {plan.layers[0].n_in} columns and at "
            "least one row are needed"
        )
    if rows.weights != NULL and counts is None:
        raise ValueError("counts are needed for rows with weights")
    if counts is not None:
        if counts.shape[0] != n_steps:
            raise ValueError(f"counts has {counts.shape[0]} entries: {n_steps} are needed")
        for i in range(n_steps):
            if not counts[i] > 0:
                raise ValueError(f"counts has {counts[i]}: each must be positive")
        job.counts = &counts[0]
    job.plan, job.rows, job.n_steps = plan, rows, n_steps
    job.itemsize = itemsize
    job.K = kernels_for(itemsize)
    return job


def train_steps(
    Plan plan not None, floating[::1] params not None, Rows rows not None,
    const Py_ssize_t[::1] order not None, Py_ssize_t batch_size, str solver not None,
    list memory not None, const double[:, ::1] constants not None, double[::1] losses not None,
    Py_ssize_t[::1] done not None, int n_threads, const double[::1] counts=None,
    const uint64_t[::1] keys=None, const double[::1] annealing=None,
    object low=None, object high=None, floating[::1] average=None, double clip_norm=0,
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
    constants : array of shape (n_steps, 7)
        What kernels.h calls a step.
    losses : array of shape (n_steps,)
        Receives the loss of each batch before its step.
    done : array of shape (1,)
        Receives the number of steps completed, also when Ctrl-C ends the call.
    n_threads : int
    counts : array of shape (n_steps,), optional
        How many whole rows each batch counts as, where that is not their number.
    keys, annealing : arrays of shape (n_steps,), optional
        Of the noise, and of a variational code's divergence.
    low, high : arrays of shape (n_features,), of the network's type
        For the corruption that asks for them.
    average : array of shape (n_params,), optional
        Changed in place: the mean of the parameters.
    clip_norm : float
        Longest gradient; 0 for any.

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
    cdef floating[::1] memory_0 = memory[0]
    cdef floating[::1] memory_1 = memory[len(memory) - 1]
    cdef Py_ssize_t row, n_steps = constants.shape[0]
    for name, length in (
        ("params", params.shape[0]), ("memory", memory_0.shape[0]), ("memory", memory_1.shape[0]),
        ("average", plan.n_params if average is None else average.shape[0]),
    ):
        if length != plan.n_params:
            raise ValueError(f"{name} has {length} entries: {plan.n_params} are needed")
    if constants.shape[1] * sizeof(double) != sizeof(ae_step) or losses.shape[0] != n_steps:
        raise ValueError(f"constants ({n_steps}, {constants.shape[1]}), losses {losses.shape[0]}")
    for name, length in (
        ("keys", n_steps if keys is None else keys.shape[0]),
        ("annealing", n_steps if annealing is None else annealing.shape[0]),
    ):
        if length != n_steps:
            raise ValueError(f"{name} has {length} entries: {n_steps} are needed")
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
    cdef Training job = _new_job(plan, sizeof(floating), rows, n_steps, counts, n_threads)
    job.keep_alive = (params, order, memory, constants, losses, counts, keys, annealing, average)
    job.order = &order[0]
    job.n_order = order.shape[0]
    job.batch_size = batch_size
    job.params = <char*> &params[0]
    job.memory_0 = <char*> &memory_0[0]
    job.memory_1 = <char*> &memory_1[0]
    if average is not None:
        job.average = <char*> &average[0]
    job.clip_norm = clip_norm
    if keys is not None:
        job.keys = &keys[0]
    if annealing is not None:
        job.annealing = &annealing[0]
    job.solver = SOLVERS.index(solver)
    job.wants_update = True
    job.steps = <const ae_step*> &constants[0, 0]
    job.losses = &losses[0]
    job._allocate(order, n_threads, low, high)
    try:
        job.run(n_threads)
    finally:
        done[0] = job.steps_done


def loss_and_gradient(
    Plan plan not None, const floating[::1] params not None, Rows rows not None,
    floating[::1] gradient not None, int n_threads, const double[::1] counts=None,
    const uint64_t[::1] keys=None, object low=None, object high=None,
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
    for name, length in (("params", params.shape[0]), ("gradient", gradient.shape[0])):
        if length != plan.n_params:
            raise ValueError(f"{name} has {length} entries: {plan.n_params} are needed")
    if rows.n_rows > 2**31 - 1:
        raise ValueError(f"X has {rows.n_rows} rows: at most {2**31 - 1} fit a batch")
    if keys is not None and keys.shape[0] != 1:
        raise ValueError(f"keys has {keys.shape[0]} entries: 1 is needed")
    cdef Training job = _new_job(plan, sizeof(floating), rows, 1, counts, n_threads)
    job.keep_alive = (params, gradient, counts, keys)
    job.n_order = job.batch_size = rows.n_rows
    job.params = <char*> &params[0]
    job.gradient = <char*> &gradient[0]
    if keys is not None:
        job.keys = &keys[0]
    job.losses = &loss
    job._allocate(None, n_threads, low, high)
    job.run(n_threads)
    return loss
