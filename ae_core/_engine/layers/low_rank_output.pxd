# A squared error of sparse rows, without the output that it is the error of.

from cython cimport floating

from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Piece
from ae_core._engine.workspace cimport Batch, Scratch, Workspace


cdef int blocks_before(Workspace space) noexcept nogil

cdef int n_large(Workspace space) noexcept nogil

cdef int blocks_after(Workspace space) noexcept nogil

cdef void make_before(
    Workspace space, const ae_kernels* K, const floating* params, int block,
) noexcept nogil

cdef void make_spread(
    Workspace space, const ae_kernels* K, Batch* batch, int block, floating* of_this_type,
) noexcept nogil

cdef void make_gradient(
    Workspace space, const ae_kernels* K, Batch* batch, Scratch* scratch, int block,
    floating* of_this_type,
) noexcept nogil

cdef double wide_output(
    Workspace space, const ae_kernels* K, Batch* batch, Py_ssize_t first, int n_rows, floating* result,
) noexcept nogil

cdef void wide_gradient(
    Workspace space, const ae_kernels* K, Piece* piece, floating* gradient,
) noexcept nogil

cdef void wide_bias_gradient(Workspace space, floating* gradient) noexcept nogil
