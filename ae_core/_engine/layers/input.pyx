"""The input and the first layer's weights, whichever way rows are looked at.

Whole they are filled in here, and the first layer is as any other. Of sparse rows the stored elements
alone may do (sparse_input.pyx).
"""

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile, Trace
from ae_core._engine.layers.dense_input cimport give
from ae_core._engine.layers.side_inputs cimport gather_covariates, side_column, side_sums
from ae_core._engine.plan cimport Layer, Piece
from ae_core._engine.rows cimport gather
from ae_core._engine.workspace cimport Workspace


cdef void fill_input(Workspace space, Tile* tile, const floating* params) noexcept nogil:
    """Take the tile's rows from the table: what the loss compares with, and what is given."""
    cdef Trace* trace = &space.trace
    cdef Batch* batch = tile.batch
    cdef Py_ssize_t n = space.plan.n_features, row = batch.first + tile.first
    cdef int n_covariates = space.plan.family.n_covariates
    cdef floating* targets = <floating*> trace.targets + tile.first * n
    cdef floating* side = <floating*> trace.side + tile.first * trace.n_side
    if trace.targets != NULL:
        gather[floating](space.rows, space.K, batch.order, row, tile.n_rows, 0, n, targets, n)
    if n_covariates:
        gather_covariates[floating](
            space.rows, space.K, batch.order, row, tile.n_rows, n_covariates, side, trace.n_side,
        )
    if space.sparse_input is not None:
        space.sparse_input.fill[floating](tile, <floating*> space.sparse_input.stored.inputs)
    elif space.changes_input:
        give[floating](
            space.plan, space.K, &space.corruption, batch, tile.mine.numbers, tile.first,
            tile.n_rows, NULL if trace.sizes == NULL else trace.sizes + tile.first, targets,
            <floating*> trace.H[0] + tile.first * n, side, trace.n_side,
        )


cdef bint makes_sums(
    Workspace space, Tile* tile, const floating* params, floating* sums,
) noexcept nogil:
    """Make the first layer's sums, yet without biases, unless it is as any other."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[0]
    if space.sparse_input is None:
        return False
    space.sparse_input.forward[floating](params, tile, sums)
    if layer.n_side:
        side_sums[floating](
            space.K, layer, params, tile.n_rows,
            <floating*> trace.side + tile.first * trace.n_side, trace.n_side,
            0, layer.n_out, sums,
        )
    return True


cdef bint makes_input_gradient(
    Workspace space, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil:
    """Make rows of the first layer's weight gradient, unless they are as any other layer's."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[0]
    cdef const floating* delta = <floating*> trace.delta[1]
    cdef const floating* output_delta = NULL
    cdef const floating* H = NULL
    cdef Py_ssize_t n_shared = 0
    if space.sparse_input is None:
        return False
    if piece.first >= layer.n_in:
        if side_column(layer, piece.first, trace.n_side) >= 0:  # covariates are dense
            return False
        space.sparse_input.seen_gradient[floating](piece, batch, delta, gradient)
        return True
    if layer.partner >= 0 and space.sparse_output is not None:
        output_delta = <floating*> space.sparse_output.delta
        H = <floating*> trace.H[layer.partner]
        n_shared = space.plan.layers[layer.partner].n_in
    space.sparse_input.gradient[floating](
        piece, batch, delta, output_delta, H, n_shared, gradient,
    )
    return True
