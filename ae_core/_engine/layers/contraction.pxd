# The contractive penalty.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile
from ae_core._engine.plan cimport Departure, Piece


cdef class Contraction(Departure):
    cdef void** slopes          # (m, units) f' of the encoder's units
    cdef void** curves          # (m, units) f″, in the end what is added to their deltas
    cdef void** down            # (m k, units)
    cdef void** up              # (m k, units)
    cdef void* G                # (n_1, n_1) W[1].T @ W[1]; with one layer its diagonal, (k,)
    cdef void* S                # (n_1, n_1) what W[1] is multiplied with; with one layer (k,)
    cdef void** jacobians       # [n_threads] (k, n_1)

    cdef int n_blocks(self) noexcept nogil
    cdef void before_rows(self, const floating* params, int block) noexcept nogil
    cdef double forward(self, const floating* params, Tile* tile) noexcept nogil
    cdef void backward(self, Tile* tile, int layer, floating* delta) noexcept nogil
    cdef void after_rows(self, Batch* batch, int block, floating* S) noexcept nogil
    cdef void add_gradient(
        self, Piece* piece, Batch* batch, const floating* W, floating* gradient,
    ) noexcept nogil
