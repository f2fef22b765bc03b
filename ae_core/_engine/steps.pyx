"""Training steps without the GIL: many in one call, each in two phases.

Phase 1, rows: the batch is cut into tiles, and each goes forward and backward by itself.
Phase 2, weights: the flat parameter vector is cut into slices, and of each the gradient is made
and, while it is still in cache, used by the solver.
One barrier after each phase. Within a step nothing is allocated and no Python object is touched.

A step so large that phase 2 alone keeps Ctrl-C waiting makes the whole gradient first, which can be
left at any slice, and lets the solver use it after another barrier: that takes no time to speak of.
So does one whose gradient must not be too long, for its length is known only when all of it is.

What needs all rows before the decoder, or matrices of all weights before the rows and of all rows
after them, has phases of its own; a network without that does not meet there.
"""

from cython cimport floating
from libc.math cimport isfinite, sqrt

from ae_core._engine.layers.latent cimport sparsity
from ae_core._engine.layers.contraction cimport gram, gram_rows, spread
from ae_core._engine.passes cimport (
    encode_tile, fill_tile, finish_tile, slice_gradient, slice_penalty,
)
from ae_core._engine.plan cimport Slice
from ae_core._engine.team cimport Team, ae_get, ae_take, ae_wait
from ae_core._engine.layers.low_rank_output cimport (
    blocks_after, blocks_before, make_before, make_gradient, make_spread, n_large,
)
from ae_core._engine.workspace cimport Batch, Workspace

# Multiplications of phase 2 from which on it can be left before it is finished.
cdef double LONG_PHASE = 2.0**32

# Rows of the contractive penalty's matrices that a thread takes at a time.
cdef enum:
    GRAM_ROWS = 32

# What a thread does with the tiles it takes.
cdef enum:
    WHOLE_TILES, UP_TO_THE_CODE, FROM_THE_CODE


cdef class Steps(Team):
    """Some steps of a solver; or, with `gradient`, one step that only writes the gradient."""

    def allocate(self, const Py_ssize_t[::1] order, int n_threads, object low, object high):
        """Everything that a step needs."""
        cdef double work = min(self.batch_size, self.n_order) * <double> self.plan.n_weights
        cdef bint in_two = self.wants_update and (work > LONG_PHASE or self.clip_norm > 0)
        self.space = Workspace(
            self.plan, self.rows, self.itemsize, order, self.batch_size, n_threads, in_two,
            low, high,
        )
        self.space.output.own = self.params + self.plan.own * self.itemsize
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
