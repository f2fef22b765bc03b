"""Training steps without the GIL: many in one call, each in two phases.

Phase 1, rows: the batch is cut into tiles, and each goes forward and backward by itself.
Phase 2, weights: the flat parameter vector is cut into slices, and of each the gradient is made
and, while it is still in cache, used by the solver.
One barrier after each phase. Within a step nothing is allocated and no Python object is touched.

If phase 2 would delay Ctrl-C, the whole gradient is computed first, which can be left at any slice,
and the solver updates after another barrier. So it is with a gradient that may have to be clipped:
its length is known only when all of it is.

What needs all rows before the decoder, or matrices of all weights before the rows and of all rows
after them, has phases of its own; a network without that does not meet there.
"""

from cython cimport floating
from libc.math cimport isfinite, sqrt

from ae_core._engine.batch cimport Batch, Scratch, Tile
from ae_core._engine.cells cimport Phase, do_cell, n_phases, phase_of
from ae_core._engine.gradients cimport slice_gradient, slice_penalty
from ae_core._engine.layers.contraction cimport n_gram_blocks
from ae_core._engine.passes cimport encode_tile, fill_tile, finish_tile
from ae_core._engine.plan cimport PIECE_ROWS, Slice
from ae_core._engine.team cimport Team, ae_counter, ae_get, ae_take, ae_wait
from ae_core._engine.workspace cimport Workspace

# Multiplications of phase 2 from which on it can be left before it is finished.
cdef double LONG_PHASE = 2.0**32

# What a thread does with the tiles it takes.
cdef enum:
    WHOLE_TILES, UP_TO_THE_CODE, FROM_THE_CODE

# When matrices are made that stand between the weights and the rows: of all weights, of all rows, and
# then of one another.
cdef enum:
    BEFORE_ROWS, AFTER_ROWS, AFTER_MATRICES


cdef class Steps(Team):
    """Some steps of a solver; or, with `gradient`, one step that only writes the gradient."""

    def allocate(self, const Py_ssize_t[::1] order, int n_threads, object low, object high):
        """Everything that a step needs."""
        cdef Py_ssize_t m = min(self.batch_size, self.n_order), k
        cdef bint is_long = m * <double> self.plan.n_weights > LONG_PHASE
        cdef bint in_two = self.steps != NULL and (is_long or self.clip_norm > 0)
        self.plan.prepare(m, self.itemsize)
        self.space = Workspace(
            self.plan, self.rows, self.itemsize, order, self.batch_size, n_threads, in_two,
            low, high,
        )
        self.space.output.own = self.params + self.plan.own * self.itemsize
        if in_two:
            self.gradient = self.space.gradient
        with nogil:
            for k in range(self.plan.n_slices):  # of the first step
                if self.itemsize == sizeof(float):
                    penalize[float](self, k, <float*> self.params)
                else:
                    penalize[double](self, k, <double*> self.params)

    cdef void work(self, int thread) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                take_steps[float](self, thread, <float*> self.params)
            else:
                take_steps[double](self, thread, <double*> self.params)


cdef inline void take_batch(Steps job, Py_ssize_t step, Batch* batch) noexcept nogil:
    """The rows of a step, and what they count."""
    cdef Py_ssize_t i
    batch.first = step * job.batch_size
    batch.n_rows = <int> min(job.batch_size, job.n_order - batch.first)
    batch.total = job.counts[step] if job.counts != NULL else batch.n_rows
    if job.keys != NULL:
        batch.key = job.keys[step]
    if job.annealing != NULL:
        batch.divergence = job.plan.family.beta * job.annealing[step]
    if job.plan.family.sparsity != 0:
        batch.weight_sum = batch.n_rows
        if job.rows.weights != NULL:
            batch.weight_sum = 0
            for i in range(batch.first, batch.first + batch.n_rows):
                batch.weight_sum += job.rows.weights[job.order[i] if job.order != NULL else i]


cdef void take_steps(Steps job, int thread, floating* params) noexcept nogil:
    cdef bint has_matrices = n_blocks(job.space, BEFORE_ROWS) > 0
    cdef bint needs_all_codes = job.plan.family.sparsity != 0
    cdef Py_ssize_t step, tile, n_tiles, tile_rows = job.space.tile_rows
    cdef Batch batch
    cdef double loss, penalty
    cdef bint stopped
    cdef ae_counter* rows_taken = &job.tiles_taken
    if job.space.is_cut_by_columns:
        rows_taken = &job.blocks_taken
    batch.order, batch.key, batch.divergence = job.order, 0, job.plan.family.beta
    for step in range(job.n_steps):
        take_batch(job, step, &batch)
        n_tiles = (batch.n_rows + tile_rows - 1) // tile_rows if batch.n_rows > tile_rows else 1
        penalty = weight_penalty(job)  # here, because phase 2 changes it
        if has_matrices and matrices_phase[floating](job, thread, BEFORE_ROWS, &batch, params):
            return
        if needs_all_codes:
            rows_phase[floating](job, thread, &batch, n_tiles, UP_TO_THE_CODE, params)
            if ae_wait(&job.barrier, job.n_threads, &job.tiles_taken, &job.stopped):
                return
            rows_phase[floating](job, thread, &batch, n_tiles, FROM_THE_CODE, params)
        elif job.space.is_cut_by_columns:
            n_tiles = (batch.n_rows + PIECE_ROWS - 1) // PIECE_ROWS
            if cells_phases[floating](job, thread, &batch, params):
                return
        else:
            rows_phase[floating](job, thread, &batch, n_tiles, WHOLE_TILES, params)
        # All threads agree whether to leave here, before any parameter of this step has changed.
        if ae_wait(&job.barrier, job.n_threads, rows_taken, &job.stopped):
            return
        loss = 0
        for tile in range(n_tiles):  # always in this order, whoever made them
            loss += job.space.tile_losses[tile]
        loss = (loss + penalty) / batch.total
        if needs_all_codes:
            loss += job.space.code.sparsity(&batch, thread)
        if thread == 0:
            job.losses[step] = loss
        if job.steps != NULL and not isfinite(loss):
            return
        if has_matrices and (
            matrices_phase[floating](job, thread, AFTER_ROWS, &batch, params)
            or matrices_phase[floating](job, thread, AFTER_MATRICES, &batch, params)
        ):
            return
        weights_phase[floating](job, thread, step, &batch, params)
        stopped = ae_wait(&job.barrier, job.n_threads, &job.slices_taken, &job.stopped)
        if job.gradient != NULL and job.steps != NULL:
            if stopped:
                return
            update_phase[floating](job, step, params)
            ae_wait(&job.barrier, job.n_threads, &job.updates_taken, &job.stopped)
        if thread == 0:
            job.steps_done = step + 1


cdef double weight_penalty(Steps job) noexcept nogil:
    """½ alpha Σ W² + alpha_l1 Σ |W|, added in the same order by every thread."""
    cdef double total = 0
    cdef Py_ssize_t k
    if not job.plan.family.is_decayed:
        return 0
    for k in range(job.plan.n_slices):
        total += job.space.penalties[k]
    return total


cdef bint matrices_phase(
    Steps job, int thread, int when, Batch* batch, const floating* params,
) noexcept nogil:
    """Blocks of small matrices, if any, and a barrier after them; whether to stop there."""
    cdef Py_ssize_t block
    cdef int n = n_blocks(job.space, when)
    if n == 0:
        return False
    while ae_take(&job.blocks_taken, n, job.n_threads, &block):
        make_block[floating](
            job.space, when, <int> block, params, batch, &job.space.scratch[thread],
        )
        if job.should_stop(thread, <double> batch.n_rows * job.plan.n_weights):
            break
    return ae_wait(&job.barrier, job.n_threads, &job.blocks_taken, &job.stopped)


cdef void rows_phase(
    Steps job, int thread, Batch* batch, Py_ssize_t n_tiles, int part, const floating* params,
) noexcept nogil:
    cdef Py_ssize_t i
    cdef Tile tile
    tile.batch, tile.mine = batch, &job.space.scratch[thread]
    while not ae_get(&job.stopped) and ae_take(&job.tiles_taken, n_tiles, job.n_threads, &i):
        tile.first = i * job.space.tile_rows
        tile.n_rows = <int> min(job.space.tile_rows, batch.n_rows - tile.first)
        if part != FROM_THE_CODE:
            fill_tile[floating](job.space, &tile, params)
            encode_tile[floating](job.space, &tile, params)
        if part != UP_TO_THE_CODE:
            job.space.tile_losses[i] = finish_tile[floating](job.space, &tile, params)
        if job.should_stop(thread, 3.0 * tile.n_rows * job.plan.n_weights):
            return


cdef bint cells_phases(Steps job, int thread, Batch* batch, const floating* params) noexcept nogil:
    """All of phase 1, cut by columns too, but for its last barrier; whether to stop there."""
    cdef int number, n = n_phases(job.space)
    cdef Py_ssize_t cell
    cdef double work
    cdef bint has_met = True
    cdef Phase phase
    for number in range(n):
        phase = phase_of(job.space, number, batch.n_rows)
        if phase.n_cells == 0:
            continue
        if not has_met and ae_wait(&job.barrier, job.n_threads, &job.blocks_taken, &job.stopped):
            return True
        has_met = False
        work = 3.0 * batch.n_rows * job.plan.n_weights / n / phase.n_cells
        while ae_take(&job.blocks_taken, phase.n_cells, job.n_threads, &cell):
            do_cell[floating](
                job.space, &phase, cell, batch, &job.space.scratch[thread], params,
            )
            if job.should_stop(thread, work):
                break
    return False


cdef void weights_phase(
    Steps job, int thread, Py_ssize_t step, Batch* batch, floating* params,
) noexcept nogil:
    cdef Py_ssize_t k
    cdef Slice* slice
    cdef char* gradient
    while ae_take(&job.slices_taken, job.plan.n_slices, job.n_threads, &k):
        slice = &job.plan.slices[k]
        if job.gradient != NULL:
            gradient = job.gradient + slice.start * job.itemsize
        else:
            gradient = <char*> job.space.scratch[thread].gradient
        slice_gradient[floating](job.space, slice, batch, params, <floating*> gradient)
        if job.gradient == NULL:
            update[floating](job, k, gradient, step, params)
            continue
        if job.clip_norm > 0:
            job.space.gradient_squares[k] = job.K.squares(slice.stop - slice.start, gradient)
        if job.should_stop(thread, <double> batch.n_rows * (slice.stop - slice.start)):
            return


cdef void update_phase(Steps job, Py_ssize_t step, floating* params) noexcept nogil:
    cdef Py_ssize_t k
    cdef double norm = 0
    cdef char* gradient
    cdef Slice* slice
    if job.clip_norm > 0:
        for k in range(job.plan.n_slices):
            norm += job.space.gradient_squares[k]
        norm = sqrt(norm)
    while ae_take(&job.updates_taken, job.plan.n_slices, job.n_threads, &k):
        slice = &job.plan.slices[k]
        gradient = job.gradient + slice.start * job.itemsize
        if norm > job.clip_norm:
            job.K.scale(slice.stop - slice.start, job.clip_norm / norm, gradient)
        update[floating](job, k, gradient, step, params)


cdef void update(
    Steps job, Py_ssize_t k, char* gradient, Py_ssize_t step, floating* params,
) noexcept nogil:
    cdef Slice* slice = &job.plan.slices[k]
    cdef Py_ssize_t offset = slice.start * sizeof(floating)
    job.K.update(
        job.solver, slice.stop - slice.start, params + slice.start, gradient,
        job.memory_0 + offset, job.memory_1 + offset, &job.steps[step],
    )
    if job.average != NULL:
        job.K.average(
            slice.stop - slice.start, job.steps[step].newest, params + slice.start,
            job.average + offset,
        )
    penalize[floating](job, k, params)  # the next step's, while the slice is in cache


cdef void penalize(Steps job, Py_ssize_t k, const floating* params) noexcept nogil:
    if job.plan.family.is_decayed:
        job.space.penalties[k] = slice_penalty[floating](
            job.plan, job.K, &job.plan.slices[k], params,
        )


# --- small matrices: of an output that is not made, and of the contractive penalty --------------
#
# Each time there are numbered blocks of work, first the output's, so that threads can share them.


cdef inline int n_of_output(Workspace space, int when) noexcept nogil:
    """How many of the blocks are the output's."""
    if space.low_rank_output is None:
        return 0
    if when == BEFORE_ROWS:
        return space.low_rank_output.n_small() + space.low_rank_output.n_large()
    if when == AFTER_ROWS:
        return space.low_rank_output.n_small()
    return space.low_rank_output.n_large()


cdef int n_blocks(Workspace space, int when) noexcept nogil:
    """How many blocks of work there are; 0 where a network has no such matrices."""
    cdef int n = n_of_output(space, when)
    if space.contraction is not None and when != AFTER_MATRICES:
        n += n_gram_blocks(space.plan)
    return n


cdef void make_block(
    Workspace space, int when, int block, const floating* params, Batch* batch, Scratch* mine,
) noexcept nogil:
    """Do one of them."""
    cdef int n = n_of_output(space, when)
    if space.contraction is not None and block >= n:
        if when == BEFORE_ROWS:
            space.contraction.before_rows[floating](params, block - n)
        else:
            space.contraction.after_rows[floating](batch, block - n, <floating*> space.contraction.S)
    elif when == BEFORE_ROWS:
        space.low_rank_output.before_rows[floating](params, block)
    elif when == AFTER_ROWS:
        space.low_rank_output.after_rows[floating](
            batch, block, <floating*> space.low_rank_output.S,
        )
    else:
        space.low_rank_output.after_matrices[floating](
            batch, mine, block, <floating*> space.low_rank_output.S,
        )
