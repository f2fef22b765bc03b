# A squared error of sparse rows, without the output that it is the error of.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Scratch, Tile
from ae_core._engine.kernels.table cimport ae_output
from ae_core._engine.layers.sparse_input cimport SparseInput
from ae_core._engine.plan cimport Departure, Layer, Piece, Plan


cdef class LowRankOutput(Departure):
    cdef Layer* layer
    cdef SparseInput input
    cdef void* turned           # (n_features, n_in) a copy of W.T, and then its gradient
    cdef void* biases           # (n_features,) of b, too; 0 without biases
    cdef void* G                # (n_in, n_in) W @ W.T
    cdef void* v                # (n_in,) W @ b
    cdef void* shared           # (m, n_in) the layer's inputs, each row times its share of the loss
    cdef void* S                # (n_in, n_in)
    cdef void* c                # (n_in,)

    cdef int n_small(self) noexcept nogil
    cdef int n_large(self) noexcept nogil
    cdef int block_rows(self) noexcept nogil
    cdef void before_rows(self, const floating* params, int block) noexcept nogil
    cdef double forward_and_back(self, Tile* tile, floating* result) noexcept nogil
    cdef void after_rows(self, Batch* batch, int block, floating* S) noexcept nogil
    cdef void after_matrices(
        self, Batch* batch, Scratch* mine, int block, const floating* S,
    ) noexcept nogil
    cdef void gradient(self, Piece* piece, floating* gradient) noexcept nogil
    cdef void bias_gradient(self, floating* gradient) noexcept nogil


cdef bint can_do_without_output(
    Plan plan, SparseInput input, const ae_output* output, Py_ssize_t m,
)
