# The contractive penalty.

from cython cimport floating

from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Piece
from ae_core._engine.workspace cimport Batch, Scratch, Workspace


cdef Py_ssize_t gram_rows(Workspace space) noexcept nogil

cdef void gram(
    Workspace space, const ae_kernels* K, const floating* params, Py_ssize_t first, Py_ssize_t last,
) noexcept nogil

cdef double contract_tile(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows,
) noexcept nogil

cdef void spread(
    Workspace space, const ae_kernels* K, Batch* batch, Py_ssize_t first, Py_ssize_t last,
    floating* of_this_type,
) noexcept nogil

cdef void add_contraction_gradient(
    Workspace space, const ae_kernels* K, Piece* piece, Batch* batch, const floating* params,
    floating* gradient,
) noexcept nogil
