"""What is asked of the code: the mathematics of ae_core/formulas/latent.py, row by row of a tile.

The code (m, k) is drawn from a distribution whose mean and log-variance its layer gives, or is cut
to its largest units, or is what its layer gives; and it may have a loss of its own: for its size, its
divergence, or its mean activation over the batch.
"""

from cython cimport floating
from libc.math cimport INFINITY, fabs, log
from libc.string cimport memmove

from ae_core._engine.batch cimport Batch, Tile, row_number, weight_of
from ae_core._engine.kernels.table cimport AE_SAMPLE_STREAM, ae_kernels
from ae_core._engine.memory cimport Room
from ae_core._engine.plan cimport Family, Layer, Plan


cdef class Code(Departure):
    """Made where the code's layer is not plain for its own sake."""

    cdef void take_room(self, Room room, Py_ssize_t size, Py_ssize_t m, int n_threads):
        cdef Family* family = &self.plan.family
        cdef Py_ssize_t k = family.n_code
        cdef Py_ssize_t n_tiles = (m + self.tile_rows - 1) // self.tile_rows
        if family.variational:
            self.posterior = room.take(m * 2 * k * size)
            self.epsilon = room.take(m * k * size)
            if self.posterior != NULL:
                self.trace.A[family.code] = self.posterior
        if family.sparsity != 0:
            self.sums = <double*> room.take(n_tiles * k * sizeof(double))
            self.means = room.take_pointers(n_threads)
            for thread in range(n_threads):
                room.put(self.means, thread, k * sizeof(double))

    # --- forward and backward ---------------------------------------------------------------------

    cdef void forward(self, Tile* tile, floating* H) noexcept nogil:
        """The code H (n_rows, k) of what the layer gave: drawn, or cut to k units in place."""
        cdef Family* family = &self.plan.family
        cdef Py_ssize_t k = family.n_code, i
        cdef floating* mask
        if family.variational:
            draw[floating](self, tile, H)
        elif family.k_sparse > 0:
            mask = <floating*> self.trace.masks[family.code] + tile.first * k
            for i in range(tile.n_rows):
                self.K.keep_largest(k, family.k_sparse, mask + i * k, H + i * k)
        if family.sparsity != 0:
            add_sums[floating](self, tile, H)

    cdef double losses(self, Tile* tile, const floating* H) noexcept nogil:
        """What the codes H (n_rows, k) cost, each times its weight, but for their mean activation."""
        cdef Family* family = &self.plan.family
        cdef Py_ssize_t k = family.n_code, i, j
        cdef double total = 0, loss, size
        if family.code_l1 == 0 and not family.variational:
            return 0
        for i in range(tile.first, tile.first + tile.n_rows):
            loss = 0
            if family.code_l1 != 0:
                size = 0
                for j in range(k):
                    size += fabs(H[j])
                loss += family.code_l1 * size
            if family.variational:
                loss += tile.batch.divergence * self.K.divergence(
                    k, <floating*> self.posterior + i * 2 * k,
                )
            total += weight_of(self.trace, i) * loss
            H += k
        return total

    cdef void backward(self, Tile* tile, const floating* H, floating* delta) noexcept nogil:
        """delta, ∂loss / ∂H, becomes that of what the layer gave: (n_rows, sums of the layer)."""
        cdef Family* family = &self.plan.family
        cdef Layer* layer = &self.plan.layers[family.code - 1]
        cdef floating* mask = NULL
        if family.code_l1 != 0:
            add_l1_gradient[floating](self, tile, H, delta)
        if family.sparsity != 0:
            add_sparsity_gradient[floating](self, tile, delta)
        if family.variational:
            through_draw[floating](self, tile, delta)
            return
        if family.k_sparse > 0:
            mask = <floating*> self.trace.masks[family.code] + tile.first * family.n_code
        self.K.through_activation(
            layer.activation, tile.n_rows * <Py_ssize_t> family.n_code, delta, H, mask,
        )

    cdef double sparsity(self, Batch* batch, int thread) noexcept nogil:
        """Σ KL(ρ ‖ ρ̂), times its strength; leaves the means ρ̂ (k,) of the batch in the thread's."""
        cdef Family* family = &self.plan.family
        cdef Py_ssize_t k = family.n_code, j, tile
        cdef Py_ssize_t n_tiles = (batch.n_rows + self.tile_rows - 1) // self.tile_rows
        cdef double* mean = <double*> self.means[thread]
        cdef double rho = family.sparsity_target, total = 0
        for j in range(k):
            mean[j] = 0
            for tile in range(n_tiles):  # always in this order, whoever made them
                mean[j] += self.sums[tile * k + j]
            mean[j] /= batch.weight_sum
            if not 0 < mean[j] < 1:
                total = INFINITY
            else:
                total += rho * log(rho / mean[j]) + (1 - rho) * log((1 - rho) / (1 - mean[j]))
        return family.sparsity * total


# --- a variational code -------------------------------------------------------------------------


cdef void draw(Code code, Tile* tile, floating* H) noexcept nogil:
    """H (n_rows, k) = mean + exp(½ log-variance) epsilon."""
    cdef Py_ssize_t k = code.plan.family.n_code, i, row
    for i in range(tile.n_rows):
        row = tile.first + i
        code.K.noise(
            tile.batch.key, AE_SAMPLE_STREAM, row_number(tile.batch, row), k, tile.mine.numbers,
        )
        code.K.sample(
            k, <floating*> code.posterior + row * 2 * k, tile.mine.numbers,
            code.plan.quantiles(sizeof(floating), False), <floating*> code.epsilon + row * k, H + i * k,
        )


cdef void through_draw(Code code, Tile* tile, floating* delta) noexcept nogil:
    """delta (n_rows, 2k), whose first k are ∂loss / ∂H, becomes that of mean and log-variance."""
    cdef Py_ssize_t k = code.plan.family.n_code, i, row
    for i in range(tile.n_rows):
        row = tile.first + i
        code.K.through_sample(
            k, <floating*> code.posterior + row * 2 * k, <floating*> code.epsilon + row * k,
            tile.batch.divergence * weight_of(code.trace, row) / tile.batch.total, delta + i * 2 * k,
        )


# --- the mean activation, and the size of units -------------------------------------------------


cdef void add_sums(Code code, Tile* tile, const floating* H) noexcept nogil:
    """This tile's part of the mean activations."""
    cdef Py_ssize_t k = code.plan.family.n_code, i, j
    cdef double* sums = code.sums + tile.first // code.tile_rows * k
    cdef double weight
    for j in range(k):
        sums[j] = 0
    for i in range(tile.n_rows):
        weight = weight_of(code.trace, tile.first + i)
        for j in range(k):
            sums[j] += weight * H[i * k + j]


cdef void add_sparsity_gradient(Code code, Tile* tile, floating* delta) noexcept nogil:
    """Add ∂/∂H of the sparsity to delta, whose rows are as far apart as the layer's sums."""
    cdef Family* family = &code.plan.family
    cdef Py_ssize_t k = family.n_code, i, j
    cdef Py_ssize_t length = code.plan.layers[family.code - 1].n_out
    cdef double* slope = <double*> code.means[tile.mine.thread]
    cdef double rho = family.sparsity_target
    cdef floating scale
    code.sparsity(tile.batch, tile.mine.thread)
    for j in range(k):
        slope[j] = -rho / slope[j] + (1 - rho) / (1 - slope[j])
    for i in range(tile.n_rows):
        scale = <floating> (
            family.sparsity * weight_of(code.trace, tile.first + i) / tile.batch.weight_sum
        )
        for j in range(k):
            delta[i * length + j] += scale * <floating> slope[j]


cdef void add_l1_gradient(Code code, Tile* tile, const floating* H, floating* delta) noexcept nogil:
    """Add ∂/∂H of Σ |h| to delta, whose rows are as far apart as the layer's sums."""
    cdef Family* family = &code.plan.family
    cdef Py_ssize_t k = family.n_code, i, j
    cdef Py_ssize_t length = code.plan.layers[family.code - 1].n_out
    cdef floating scale
    for i in range(tile.n_rows):
        scale = <floating> (
            family.code_l1 * weight_of(code.trace, tile.first + i) / tile.batch.total
        )
        for j in range(k):
            if H[i * k + j] > 0:
                delta[i * length + j] += scale
            elif H[i * k + j] < 0:
                delta[i * length + j] -= scale


cdef void infer_code(
    Plan plan, const ae_kernels* K, int n_rows, floating* code, floating* to, floating* mask,
) noexcept nogil:
    """`Code.forward` at inference: cut to k units in place, or the mean of its distribution.

    The mean is written to `to` (n_rows, k), which may be where the code is; `mask` is room for k.
    """
    cdef Py_ssize_t k = plan.family.n_code, i
    if plan.family.k_sparse > 0:
        for i in range(n_rows):
            K.keep_largest(k, plan.family.k_sparse, mask, code + i * k)
    if plan.family.variational:
        for i in range(n_rows):
            memmove(to + i * k, code + i * 2 * k, k * sizeof(floating))
