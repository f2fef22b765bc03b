# Forward and backward over a tile of rows; the weight gradient over a slice of parameters.

from cython cimport floating

from ae_core._engine.kernels cimport ae_kernels
from ae_core._engine.plan cimport Layer, Plan, Slice


# Rows of an array, wherever they stand: element (i, j) at data + i * row + j * column bytes.
ctypedef struct Rows:
    const char* data
    Py_ssize_t row, column


# What the two phases of a step share: for each layer 0 … n_layers of all rows of the batch its
# activations H and deltas, without gaps. H[n_layers] and delta[0] do not exist.
ctypedef struct Trace:
    void** H
    void** delta


cdef void gather(
    Rows source, const Py_ssize_t* order, Py_ssize_t first, int n_rows, int n_columns,
    floating* to,
) noexcept nogil

cdef void layer_sums(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* inputs, floating* sums,
) noexcept nogil

cdef void activate(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows, floating* sums,
) noexcept nogil

cdef double forward_and_backward(
    Plan plan, const ae_kernels* K, const floating* params, Trace* trace,
    Py_ssize_t first, int n_rows, double scale,
) noexcept nogil

cdef void slice_gradient(
    Plan plan, const ae_kernels* K, Slice* slice, Trace* trace, int n_rows, floating* gradient,
) noexcept nogil

cdef const floating* biases_of(Layer* layer, const floating* params) noexcept nogil
