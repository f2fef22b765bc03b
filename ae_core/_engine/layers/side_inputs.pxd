# What a layer is given beside the activations below it: `network_input` and `beside_code` of
# ae_core/network/passes.py.
#
# Such a layer has n_side rows of weights after its n_in. What they are multiplied with stands in one
# array for all layers, `side` (m, n_side): of the first layer 1 or 0 for each feature, whether it is
# seen, and then covariates; of the decoder's first layer the covariates alone, its last columns.
# No delta goes back to these inputs: nothing below them is learned.
#
# Where the first layer looks at stored elements alone, and what is not stored is not seen, the array
# has covariates only: layers/sparse_input.pyx has the marks, one for each element.

from cython cimport floating

from ae_core._engine.kernels.table cimport AE_NN, ae_kernels, product
from ae_core._engine.plan cimport Layer
from ae_core._engine.rows cimport Rows, gather


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


cdef inline void gather_covariates(
    Rows rows, const ae_kernels* K, const Py_ssize_t* order, Py_ssize_t first, int n_rows, int n,
    floating* side, Py_ssize_t length,
) noexcept nogil:
    """The last n columns of side (n_rows, length) = those of some rows, 0 for what is missing."""
    cdef Py_ssize_t i, j
    side += length - n
    gather[floating](rows, K, order, first, n_rows, rows.n_columns - n, n, side, length)
    if not rows.has_missing:
        return
    for i in range(n_rows):
        for j in range(n):
            if side[i * length + j] != side[i * length + j]:
                side[i * length + j] = 0
