# An output that is compared with what CSR stores alone.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile
from ae_core._engine.kernels.table cimport ae_output
from ae_core._engine.layers.sparse_input cimport SparseInput
from ae_core._engine.plan cimport Departure, Piece


cdef class SparseOutput(Departure):
    cdef SparseInput input
    cdef const ae_output* output
    cdef void* delta                # of each stored element
    cdef void** column_weights      # [n_threads] (n_features,): room for doubles

    cdef double forward(self, const floating* params, Tile* tile, floating* z) noexcept nogil
    cdef void backward(self, const floating* params, Tile* tile, floating* result) noexcept nogil
    cdef void gradient(self, Piece* piece, Batch* batch, floating* gradient) noexcept nogil
    cdef void bias_gradient(self, Batch* batch, floating* gradient) noexcept nogil


cdef bint is_compared_sparsely(SparseInput input, const ae_output* output)
