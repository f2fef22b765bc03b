# What CSR stores of a batch, and nothing else: the first layer's products, and the output's.

from cython cimport floating
from libc.stdint cimport int32_t

from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Layer, Piece, Plan
from ae_core._engine.rows cimport Rows
from ae_core._engine.workspace cimport Batch, Scratch, Trace, Workspace


cdef inline Py_ssize_t start_of(Trace* trace, Batch* batch, Py_ssize_t row) noexcept nogil:
    """Where the elements of row `row` of the batch start."""
    return trace.stored_starts[batch.first + row] - trace.stored_starts[batch.first]


cdef Py_ssize_t first_from(
    const int32_t* columns, Py_ssize_t low, Py_ssize_t high, int32_t column,
) noexcept nogil

cdef void fill_stored(
    Workspace space, Batch* batch, Py_ssize_t first, int n_rows, floating* of_this_type,
) noexcept nogil

cdef void stored_sums(
    Workspace space, const ae_kernels* K, Layer* layer, const floating* params, Batch* batch,
    Py_ssize_t first, int n_rows, floating* sums,
) noexcept nogil

cdef void sums_of_stored(
    Plan plan, Rows rows, const ae_kernels* K, Layer* layer, const floating* params,
    Py_ssize_t first, int n_rows, floating* sums,
) noexcept nogil

cdef double stored_output_delta(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows,
) noexcept nogil

cdef void stored_input_delta(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch,
    Py_ssize_t first, int n_rows, floating* result,
) noexcept nogil

cdef void stored_input_gradient(
    Workspace space, const ae_kernels* K, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil

cdef void stored_seen_gradient(
    Workspace space, const ae_kernels* K, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil

cdef void stored_output_gradient(
    Workspace space, const floating* inputs, Py_ssize_t length, int height, Batch* batch,
    floating* gradient,
) noexcept nogil

cdef void stored_bias_gradient(
    Workspace space, Batch* batch, floating* gradient,
) noexcept nogil
