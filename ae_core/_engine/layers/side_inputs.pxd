# What a layer is given beside the activations below it: which entries are seen, and covariates.

from cython cimport floating
from libc.stdint cimport uint16_t, uint32_t

from ae_core._engine.kernels.table cimport AE_NN, ae_kernels, product
from ae_core._engine.plan cimport Layer
from ae_core._engine.rows cimport Rows


cdef inline void side_sums(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* side, int n_side, int first, int n_columns, floating* sums,
) noexcept nogil:
    """sums (n_rows, n_columns) += the layer's share of side (n_rows, n_side) @ its rows of W.

    Of its columns those from `first` on; rows of the sums are n_out apart.

    Of the columns of `side` those are the layer's that stand last, at most layer.n_side; the rows of
    W for them stand last too.
    """
    cdef int width = min(n_side, layer.n_side), n_out = layer.n_out
    cdef Py_ssize_t row = layer.n_in + layer.n_side - width
    if width > 0:
        product[floating](
            K, AE_NN, n_rows, n_columns, width, side + (n_side - width), n_side,
            params + layer.weights + row * n_out + first, n_out, sums, n_out, True,
        )


cdef inline int side_column(Layer* layer, int row, int n_side) noexcept nogil:
    """Which column of `side` (m, n_side) a row of the layer's weights belongs to.

    Below 0: none, for the marks of what is seen stand with the stored elements.
    """
    return n_side - (layer.n_in + layer.n_side - row)


cdef void mark_seen(
    Py_ssize_t n, const floating* values, floating* seen,
) noexcept nogil

cdef void unmark_hidden(
    Py_ssize_t n, const uint16_t* numbers, uint32_t threshold, floating* seen,
) noexcept nogil

cdef void gather_covariates(
    Rows rows, const ae_kernels* K, const Py_ssize_t* order, Py_ssize_t first, int n_rows, int n,
    floating* side, Py_ssize_t length,
) noexcept nogil
