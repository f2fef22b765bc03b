# The contractive penalty.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile, Trace
from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.memory cimport Room
from ae_core._engine.plan cimport Piece, Plan


cdef class Contraction:
    cdef Plan plan
    cdef const ae_kernels* K
    cdef Trace* trace
    cdef void** slopes          # (m, units) f' of the encoder's units
    cdef void** curves          # (m, units) f″, in the end what is added to their deltas
    cdef void** down            # (m k, units)
    cdef void** up              # (m k, units)
    cdef void* G                # (n_1, n_1) W[1].T @ W[1]; with one layer its diagonal, (k,)
    cdef void* S                # (n_1, n_1) what W[1] is multiplied with; with one layer (k,)
    cdef void** jacobians       # [n_threads] (k, n_1)

    cdef void take_room(self, Room room, Py_ssize_t size, Py_ssize_t m, int n_threads)
    cdef int n_blocks(self) noexcept nogil
    cdef void before_rows(self, const floating* params, int block) noexcept nogil
    cdef double forward(self, const floating* params, Tile* tile) noexcept nogil
    cdef void backward(self, Tile* tile, int layer, floating* delta) noexcept nogil
    cdef void after_rows(self, Batch* batch, int block, floating* S) noexcept nogil
    cdef void add_gradient(
        self, Piece* piece, Batch* batch, const floating* W, floating* gradient,
    ) noexcept nogil
