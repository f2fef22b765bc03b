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

from ae_core._engine.batch cimport Batch, Tile
from ae_core._engine.cells cimport Phase, do_cell, n_cells, n_phases, phase_of, takes_loss
from ae_core._engine.layers.matrices cimport (
    AFTER_MATRICES, AFTER_ROWS, BEFORE_ROWS, make_block, n_blocks,
)
from ae_core._engine.passes cimport (
    encode_tile, fill_tile, finish_tile, slice_gradient, slice_penalty,
)
from ae_core._engine.plan cimport PIECE_ROWS, Slice
from ae_core._engine.team cimport Team, ae_counter, ae_get, ae_take, ae_wait
from ae_core._engine.workspace cimport Workspace

# Multiplications of phase 2 from which on it can be left before it is finished.
cdef double LONG_PHASE = 2.0**32

# What a thread does with the tiles it takes.
cdef enum:
    WHOLE_TILES, UP_TO_THE_CODE, FROM_THE_CODE


cdef class Steps(Team):
    """Some steps of a solver; or, with `gradient`, one step that only writes the gradient."""

    def allocate(self, const Py_ssize_t[::1] order, int n_threads, object low, object high):
        """Everything that a step needs."""
        cdef double work = min(self.batch_size, self.n_order) * <double> self.plan.n_weights
        self.plan.prepare(min(self.batch_size, self.n_order), self.itemsize)
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
                    self._penalize[float](k, <float*> self.params)
                else:
                    self._penalize[double](k, <double*> self.params)

    cdef void work(self, int thread) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                self._work[float](thread, <float*> self.params)
            else:
                self._work[double](thread, <double*> self.params)

    cdef inline void _take_batch(self, Py_ssize_t step, Batch* batch) noexcept nogil:
        """The rows of a step, and what they count."""
        cdef Py_ssize_t i
        batch.first = step * self.batch_size
        batch.n_rows = <int> min(self.batch_size, self.n_order - batch.first)
        batch.total = self.counts[step] if self.counts != NULL else batch.n_rows
        if self.keys != NULL:
            batch.key = self.keys[step]
        if self.annealing != NULL:
            batch.divergence = self.plan.family.beta * self.annealing[step]
        if self.plan.family.sparsity != 0:
            batch.weight_sum = batch.n_rows
            if self.rows.weights != NULL:
                batch.weight_sum = 0
                for i in range(batch.first, batch.first + batch.n_rows):
                    batch.weight_sum += self.rows.weights[
                        self.order[i] if self.order != NULL else i
                    ]

    cdef void _work(self, int thread, floating* params) noexcept nogil:
        cdef bint has_matrices = n_blocks(self.space, BEFORE_ROWS) > 0
        cdef bint has_later_matrices = n_blocks(self.space, AFTER_MATRICES) > 0
        cdef bint needs_all_codes = self.plan.family.sparsity != 0
        cdef Py_ssize_t step, tile, n_tiles, tile_rows = self.space.tile_rows
        cdef Batch batch
        cdef double loss, penalty
        cdef bint stopped
        cdef ae_counter* rows_taken = &self.tiles_taken
        if self.space.is_cut_by_columns:
            rows_taken = &self.blocks_taken
        batch.order, batch.key, batch.divergence = self.order, 0, self.plan.family.beta
        for step in range(self.n_steps):
            self._take_batch(step, &batch)
            n_tiles = (batch.n_rows + tile_rows - 1) // tile_rows if batch.n_rows > tile_rows else 1
            penalty = self._penalty()  # here, because phase 2 changes it
            if has_matrices and self._matrices_phase[floating](thread, BEFORE_ROWS, &batch, params):
                return
            if needs_all_codes:
                self._rows_phase[floating](thread, &batch, n_tiles, UP_TO_THE_CODE, params)
                if ae_wait(&self.barrier, self.n_threads, &self.tiles_taken, &self.stopped):
                    return
                self._rows_phase[floating](thread, &batch, n_tiles, FROM_THE_CODE, params)
            elif self.space.is_cut_by_columns:
                n_tiles = (batch.n_rows + PIECE_ROWS - 1) // PIECE_ROWS
                if self._cells_phases[floating](thread, &batch, params):
                    return
            else:
                self._rows_phase[floating](thread, &batch, n_tiles, WHOLE_TILES, params)
            # All threads agree whether to leave here, before any parameter of this step has changed.
            if ae_wait(&self.barrier, self.n_threads, rows_taken, &self.stopped):
                return
            loss = 0
            for tile in range(n_tiles):  # always in this order, whoever made them
                loss += self.space.tile_losses[tile]
            loss = (loss + penalty) / batch.total
            if needs_all_codes:
                loss += self.space.code.sparsity_of_all(&batch, &self.space.scratch[thread])
            if thread == 0:
                self.losses[step] = loss
            if self.wants_update and not isfinite(loss):
                return
            if has_matrices and self._matrices_phase[floating](thread, AFTER_ROWS, &batch, params):
                return
            if has_later_matrices and self._matrices_phase[floating](
                thread, AFTER_MATRICES, &batch, params,
            ):
                return
            self._weights_phase[floating](thread, step, &batch, params)
            stopped = ae_wait(&self.barrier, self.n_threads, &self.slices_taken, &self.stopped)
            if self.gradient != NULL and self.wants_update:
                if stopped:
                    return
                self._update_phase[floating](step, params)
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
            total += self.space.penalties[k]
        return total

    cdef bint _matrices_phase(
        self, int thread, int when, Batch* batch, const floating* params,
    ) noexcept nogil:
        """Blocks of layers/matrices.pyx, and a barrier after them; whether to stop there."""
        cdef int block, n = n_blocks(self.space, when)
        while True:
            block = <int> ae_take(&self.blocks_taken, 1, self.n_threads)
            if block >= n:
                break
            make_block[floating](
                self.space, when, block, params, batch, &self.space.scratch[thread],
            )
            if self.should_stop(thread, <double> batch.n_rows * self.plan.n_weights):
                break
        return ae_wait(&self.barrier, self.n_threads, &self.blocks_taken, &self.stopped) != 0

    cdef void _rows_phase(
        self, int thread, Batch* batch, Py_ssize_t n_tiles, int part, const floating* params,
    ) noexcept nogil:
        cdef Py_ssize_t i
        cdef Tile tile
        tile.batch, tile.mine = batch, &self.space.scratch[thread]
        while not ae_get(&self.stopped):
            i = ae_take(&self.tiles_taken, 1, self.n_threads)
            if i >= n_tiles:
                return
            tile.first = i * self.space.tile_rows
            tile.n_rows = <int> min(self.space.tile_rows, batch.n_rows - tile.first)
            if part != FROM_THE_CODE:
                fill_tile[floating](self.space, &tile, params)
                encode_tile[floating](self.space, &tile, params)
            if part != UP_TO_THE_CODE:
                self.space.tile_losses[i] = finish_tile[floating](self.space, &tile, params)
            if self.should_stop(thread, 3.0 * tile.n_rows * self.plan.n_weights):
                return

    cdef bint _cells_phases(self, int thread, Batch* batch, const floating* params) noexcept nogil:
        """All of phase 1, cut by columns too, but for its last barrier; whether to stop there."""
        cdef int number, n = n_phases(self.space)
        cdef Py_ssize_t cell, n_of_phase
        cdef double loss, work
        cdef bint has_met = True
        cdef Phase phase
        for number in range(n):
            phase = phase_of(self.space, number)
            n_of_phase = n_cells(self.space, batch, &phase)
            if n_of_phase == 0:
                continue
            if not has_met and ae_wait(
                &self.barrier, self.n_threads, &self.blocks_taken, &self.stopped,
            ):
                return True
            has_met = False
            work = 3.0 * batch.n_rows * self.plan.n_weights / n / n_of_phase
            while True:
                cell = ae_take(&self.blocks_taken, 1, self.n_threads)
                if cell >= n_of_phase:
                    break
                loss = do_cell[floating](
                    self.space, &phase, cell, batch, &self.space.scratch[thread], params,
                )
                if takes_loss(&phase):
                    self.space.tile_losses[cell] = loss
                if self.should_stop(thread, work):
                    break
        return False

    cdef void _weights_phase(
        self, int thread, Py_ssize_t step, Batch* batch, floating* params,
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
            slice_gradient[floating](self.space, slice, batch, params, <floating*> gradient)
            if self.gradient == NULL:
                self._update[floating](k, gradient, step, params)
                continue
            if self.clip_norm > 0:
                self.space.gradient_squares[k] = self.K.squares(
                    slice.stop - slice.start, gradient,
                )
            if self.should_stop(thread, <double> batch.n_rows * (slice.stop - slice.start)):
                return

    cdef void _update_phase(self, Py_ssize_t step, floating* params) noexcept nogil:
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
            self._update[floating](k, gradient, step, params)

    cdef void _update(
        self, Py_ssize_t k, char* gradient, Py_ssize_t step, floating* params,
    ) noexcept nogil:
        cdef Slice* slice = &self.plan.slices[k]
        cdef Py_ssize_t offset = slice.start * sizeof(floating)
        self.K.update(
            self.solver, slice.stop - slice.start, params + slice.start, gradient,
            self.memory_0 + offset, self.memory_1 + offset, &self.steps[step],
        )
        if self.average != NULL:
            self.K.average(
                slice.stop - slice.start, self.steps[step].newest, params + slice.start,
                self.average + offset,
            )
        self._penalize[floating](k, params)  # the next step's, while the slice is in cache

    cdef void _penalize(self, Py_ssize_t k, const floating* params) noexcept nogil:
        if self.plan.family.is_decayed:
            self.space.penalties[k] = slice_penalty[floating](
                self.plan, self.K, &self.plan.slices[k], params,
            )
