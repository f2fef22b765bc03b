# What is asked of the code: few active units, small ones, a mean activation, or a distribution.

from cython cimport floating

from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Plan
from ae_core._engine.workspace cimport Batch, Scratch, Workspace


cdef void draw_code(
    Workspace space, const ae_kernels* K, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows, floating* of_this_type,
) noexcept nogil

cdef void infer_code(
    Plan plan, const ae_kernels* K, int n_rows, floating* code, floating* to, floating* mask,
) noexcept nogil

cdef double code_losses(
    Workspace space, const ae_kernels* K, Batch* batch, Py_ssize_t first, int n_rows,
    floating* of_this_type,
) noexcept nogil

cdef void sum_code(
    Workspace space, Py_ssize_t first, int n_rows, floating* of_this_type,
) noexcept nogil

cdef double sparsity(Workspace space, Batch* batch, double* mean) noexcept nogil

cdef void add_code_gradient(
    Workspace space, Batch* batch, Scratch* scratch, Py_ssize_t first, int n_rows,
    floating* delta,
) noexcept nogil

cdef void through_draw(
    Workspace space, const ae_kernels* K, Batch* batch, Py_ssize_t first, int n_rows,
    floating* delta,
) noexcept nogil
