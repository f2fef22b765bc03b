# Forward and backward over a tile of rows; the weight gradient over a slice of parameters.

from cython cimport floating

from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Layer, Plan, Slice
from ae_core._engine.workspace cimport Batch, Scratch, Trace, Workspace


cdef void layer_sums(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* inputs, floating* sums,
) noexcept nogil

cdef const floating* biases_of(Layer* layer, const floating* params) noexcept nogil

cdef void fill_tile(
    Workspace space, const ae_kernels* K, Batch* batch, Scratch* scratch, Py_ssize_t first, int n_rows,
    floating* of_this_type,
) noexcept nogil

cdef void encode_tile(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows,
) noexcept nogil

cdef double finish_tile(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows,
) noexcept nogil

cdef void slice_gradient(
    Workspace space, const ae_kernels* K, Slice* slice, Batch* batch,
    const floating* params, floating* gradient,
) noexcept nogil

cdef double slice_penalty(
    Plan plan, const ae_kernels* K, Slice* slice, const floating* params,
) noexcept nogil
