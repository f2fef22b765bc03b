# The contractive penalty.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile
from ae_core._engine.plan cimport Departure, Piece, Plan


# Rows of G and S that a thread makes at a time.
cdef enum:
    BLOCK_ROWS = 32


cdef inline int n_gram_blocks(Plan plan) noexcept nogil:
    """In how many blocks G and S are made; with one layer, in one."""
    cdef int n_rows = 1 if plan.family.code == 1 else plan.layers[0].n_out
    return (n_rows + BLOCK_ROWS - 1) // BLOCK_ROWS


cdef class Contraction(Departure):
    cdef void** slopes          # (m, units) f' of the encoder's units
    cdef void** curves          # (m, units) f″, in the end what is added to their deltas
    cdef void** down            # (m k, units)
    cdef void** up              # (m k, units)
    cdef void* G                # (n_1, n_1) W[1].T @ W[1]; with one layer its diagonal, (k,)
    cdef void* S                # (n_1, n_1) what W[1] is multiplied with; with one layer (k,)
    cdef void** jacobians       # [n_threads] (k, n_1)

    cdef void before_rows(self, const floating* params, int block) noexcept nogil
    cdef double forward(self, const floating* params, Tile* tile) noexcept nogil
    cdef void backward(self, Tile* tile, int layer, floating* delta) noexcept nogil
    cdef void after_rows(self, Batch* batch, int block, floating* S) noexcept nogil
    cdef void add_gradient(
        self, Piece* piece, Batch* batch, const floating* W, floating* gradient,
    ) noexcept nogil
