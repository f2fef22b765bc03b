"""What a layer is given beside the activations below it: `network_input` and `beside_code` of
ae_core/network/passes.py.

Such a layer has n_side rows of weights after its n_in. What they are multiplied with stands in one
array for all layers, `side` (m, n_side): of the first layer 1 or 0 for each feature, whether it is
seen, and then covariates; of the decoder's first layer the covariates alone, its last columns.
Nothing is learned about these inputs, so that on the way back they end here.

Where the first layer looks at stored elements alone, and what is not stored is not seen, the array
has covariates only: layers/sparse.pyx has the marks, one for each element.
"""

from cython cimport floating
from libc.stdint cimport uint16_t, uint32_t

from ae_core._engine.kernels.table cimport ae_kernels, product_tn
from ae_core._engine.layers.sparse cimport stored_output_gradient, stored_seen_gradient
from ae_core._engine.plan cimport Layer, Piece
from ae_core._engine.rows cimport Rows, gather
from ae_core._engine.workspace cimport Batch, Trace, Workspace


cdef void mark_seen(
    Py_ssize_t n_rows, Py_ssize_t n, const floating* values, floating* seen, Py_ssize_t length,
) noexcept nogil:
    """seen (n_rows, n) = 1, and 0 where values (n_rows, n) are NaN; its rows are `length` apart."""
    cdef Py_ssize_t _i, j
    for _i in range(n_rows):
        for j in range(n):
            seen[j] = values[j] == values[j]
        values += n
        seen += length


cdef void unmark_hidden(
    Py_ssize_t n, const uint16_t* numbers, uint32_t threshold, floating* seen,
) noexcept nogil:
    """0 in seen (n,) where masking corruption hides the entry."""
    cdef Py_ssize_t j
    for j in range(n):
        if numbers[j] < threshold:
            seen[j] = 0


cdef void gather_covariates(
    Rows rows, const ae_kernels* K, const Py_ssize_t* order, Py_ssize_t first, int n_rows, int n,
    floating* side, Py_ssize_t length,
) noexcept nogil:
    """The last n columns of side (n_rows, length) = those of some rows, 0 for what is missing."""
    cdef Py_ssize_t i, j
    side += length - n
    gather[floating](rows, K, order, first, n_rows, rows.n_columns - n, n, side, length)
    if not rows.has_holes:
        return
    for i in range(n_rows):
        for j in range(n):
            if side[i * length + j] != side[i * length + j]:
                side[i * length + j] = 0


cdef void side_gradient(
    Workspace space, const ae_kernels* K, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil:
    """The gradient of some of the rows of weights that a layer has for its side inputs."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[piece.layer]
    # Columns of `side` from the end: there the layers agree.
    cdef int column = space.n_side - (layer.n_in + layer.n_side - piece.first)
    cdef const floating* side
    if column < 0:
        stored_seen_gradient[floating](space, K, piece, batch, gradient)
        return
    side = <floating*> trace.side + column
    if trace.stored_delta != NULL and piece.layer == space.plan.n_layers - 1:
        stored_output_gradient[floating](
            space, side, space.n_side, piece.last - piece.first, batch, gradient,
        )
        return
    product_tn[floating](
        K, piece.last - piece.first, layer.n_out, batch.n_rows, side, space.n_side,
        <floating*> trace.delta[piece.layer + 1], layer.n_out, gradient, layer.n_out, False,
    )
