# An output that is compared with what CSR stores alone.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile, Trace
from ae_core._engine.kernels.table cimport ae_kernels, ae_output
from ae_core._engine.layers.sparse_input cimport SparseInput
from ae_core._engine.memory cimport Room
from ae_core._engine.plan cimport Piece, Plan


cdef class SparseOutput:
    cdef Plan plan
    cdef SparseInput input
    cdef const ae_kernels* K
    cdef const ae_output* output
    cdef Trace* trace
    cdef void* delta                # of each stored element
    cdef void** column_weights      # [n_threads] (n_features,): room for doubles

    cdef void take_room(self, Room room, Py_ssize_t size, int n_threads)
    cdef double forward(self, const floating* params, Tile* tile, floating* z) noexcept nogil
    cdef void backward(self, const floating* params, Tile* tile, floating* result) noexcept nogil
    cdef void gradient(self, Piece* piece, Batch* batch, floating* gradient) noexcept nogil
    cdef void bias_gradient(self, Batch* batch, floating* gradient) noexcept nogil


cdef bint is_compared_sparsely(SparseInput input, const ae_output* output)
