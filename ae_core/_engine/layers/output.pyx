"""The output layer, forward and backward in one: it exists only as its delta, which one pass makes,
takes the loss of, and forgets.

Made whole it is a plain layer. Of sparse rows it may be compared at the stored elements alone
(sparse_output.pyx), or not be made at all (low_rank_output.pyx).
"""

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile, Trace
from ae_core._engine.layers.dense cimport biases_of, input_delta, layer_sums
from ae_core._engine.layers.row_sizes cimport add_offsets
from ae_core._engine.plan cimport Layer, Piece
from ae_core._engine.workspace cimport Workspace


cdef double output_pass(
    Workspace space, Tile* tile, const floating* params, floating* into,
) noexcept nogil:
    """∂loss / ∂H of the last hidden layer; returns the losses, times weights, summed."""
    cdef int last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[last]
    cdef floating* delta
    cdef double loss
    if space.low_rank_output is not None:
        return space.low_rank_output.forward_and_back[floating](tile, into)
    if space.sparse_output is not None:
        delta = <floating*> space.sparse_output.delta
        loss = space.sparse_output.forward[floating](params, tile, delta)
        space.sparse_output.backward[floating](params, tile, into)
        return loss
    delta = <floating*> space.trace.delta[last + 1] + tile.first * layer.n_out
    output_sums[floating](space, tile, params, delta)
    loss = output_delta[floating](space, tile, params, delta)
    input_delta[floating](
        space.K, layer, params, tile.n_rows, delta, into, space.plan.layers[last - 1].n_out,
    )
    return loss


cdef inline void output_sums(
    Workspace space, Tile* tile, const floating* params, floating* sums,
) noexcept nogil:
    """sums (n_rows, n_features) of the last layer, yet without biases."""
    cdef Trace* trace = &space.trace
    cdef int last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[last]
    layer_sums[floating](
        space.K, layer, params, tile.n_rows, <floating*> trace.H[last] + tile.first * layer.n_in,
        <floating*> trace.side + tile.first * trace.n_side, trace.n_side, sums,
    )


cdef double output_delta(
    Workspace space, Tile* tile, const floating* params, floating* delta,
) noexcept nogil:
    """The last layer's sums (n_rows, n_features) become its delta; returns the losses, times weights,
    summed."""
    cdef Trace* trace = &space.trace
    cdef Batch* batch = tile.batch
    cdef int last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[last]
    cdef const floating* biases = biases_of[floating](layer, params)
    cdef Py_ssize_t n = layer.n_out, n_own = space.output.n_own, i
    cdef const floating* targets = <floating*> trace.targets + tile.first * n
    cdef floating* own = NULL
    cdef double loss = 0, weight
    if n_own:
        own = <floating*> trace.own_delta + tile.first * n_own
    if trace.sizes != NULL:
        add_offsets[floating](
            &space.output, tile.n_rows, n, trace.sizes + tile.first, delta,
        )
    if trace.weights == NULL:
        return space.K.output_delta(
            &space.output, tile.n_rows, n, delta, biases, targets, 1 / batch.total, own,
        )
    for i in range(tile.n_rows):
        weight = trace.weights[tile.first + i]
        loss += weight * space.K.output_delta(
            &space.output, 1, n, delta + i * n, biases, targets + i * n, weight / batch.total,
            NULL if own == NULL else own + i * n_own,
        )
    return loss


# --- weights ------------------------------------------------------------------------------------


cdef bint makes_output_gradient(
    Workspace space, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil:
    """Make rows of the layer's weight gradient, unless they are made as a plain layer's are."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[piece.layer]
    cdef const floating* inputs = <floating*> trace.H[piece.layer] + piece.first
    cdef int length = layer.n_in
    if space.low_rank_output is not None:
        space.low_rank_output.gradient[floating](piece, gradient)
        return True
    if space.sparse_output is None:
        return False
    if piece.first >= layer.n_in:
        inputs, length = <floating*> trace.side + (piece.first - layer.n_in), trace.n_side
    space.sparse_output.gradient[floating](
        inputs, length, piece.last - piece.first, batch, gradient,
    )
    return True


cdef bint adds_output_gradient(Workspace space, Piece* piece, floating* gradient) noexcept nogil:
    """The same where the layer is tied, and the piece is one of the first layer's.

    It is added to what the piece has already; or is in it, as of `SparseInput.gradient`.
    """
    if space.low_rank_output is not None:
        space.low_rank_output.gradient[floating](piece, gradient)
        return True
    return space.sparse_output is not None


cdef void output_bias_gradient(Workspace space, Batch* batch, floating* gradient) noexcept nogil:
    """The layer's bias gradient (n_features,)."""
    cdef int n = space.plan.n_layers
    if space.low_rank_output is not None:
        space.low_rank_output.bias_gradient[floating](gradient)
    elif space.sparse_output is not None:
        space.sparse_output.bias_gradient[floating](batch, gradient)
    else:
        space.K.column_sums(
            batch.n_rows, space.plan.n_features, space.trace.delta[n], gradient,
        )
