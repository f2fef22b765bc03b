# Forward and backward over a tile of rows; the weight gradient over a slice of parameters.

from cython cimport floating

from ae_core._engine.kernels cimport ae_kernels
from ae_core._engine.plan cimport Layer, Plan, Slice


# What the two phases of a step share: for each layer 0 … n_layers of all rows of the batch its
# activations H and deltas, without gaps. H[n_layers] and delta[0] do not exist.
ctypedef struct Trace:
    void** H
    void** delta
    double* weights         # of the rows, or NULL: all 1


cdef void layer_sums(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* inputs, floating* sums,
) noexcept nogil

cdef void activate(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows, floating* sums,
) noexcept nogil

cdef double forward_and_backward(
    Plan plan, const ae_kernels* K, const floating* params, Trace* trace,
    Py_ssize_t first, int n_rows, double total_weight,
) noexcept nogil

cdef void slice_gradient(
    Plan plan, const ae_kernels* K, Slice* slice, Trace* trace, int n_rows,
    const floating* params, double strength, floating* gradient,
) noexcept nogil

cdef double slice_squares(
    Plan plan, const ae_kernels* K, Slice* slice, const floating* params,
) noexcept nogil

cdef const floating* biases_of(Layer* layer, const floating* params) noexcept nogil
