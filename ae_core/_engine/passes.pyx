"""The passes: phase 1 runs a tile of rows forward and backward, phase 2 makes a slice of the gradient.

The same mathematics as ae_core/network/passes.py, where it is explained. Here the order is chosen so
that rows never talk to each other in phase 1, and parameters never do in phase 2: each can be cut
among threads without a buffer per thread, and gives the same bits however it is cut.

Phase 1 is in three parts, because some penalties on the code need all rows of a batch before the
decoder may start: `fill_tile`, `encode_tile`, `finish_tile`.

What is written here is the plain autoencoder; where a step departs from it, a file of layers/ says
how.
"""

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile, Trace
from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.layers.dense cimport (
    activate, add_tied_gradient, input_delta, layer_sums, weight_gradient,
)
from ae_core._engine.layers.input cimport fill_input, makes_input_gradient, makes_sums
from ae_core._engine.layers.output cimport (
    adds_output_gradient, makes_output_gradient, output_bias_gradient, output_pass,
)
from ae_core._engine.layers.units cimport add_unit_losses, back_through_units, change_units
from ae_core._engine.plan cimport Family, Layer, Piece, Plan, Slice
from ae_core._engine.rows cimport gather_per_row
from ae_core._engine.workspace cimport Workspace


# --- phase 1: rows ------------------------------------------------------------------------------


cdef void fill_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil:
    """Take the tile's rows from the table."""
    cdef Trace* trace = &space.trace
    cdef Batch* batch = tile.batch
    if trace.weights != NULL:
        gather_per_row(
            space.rows.weights, batch.order, batch.first + tile.first, tile.n_rows,
            trace.weights + tile.first,
        )
    if trace.sizes != NULL:
        gather_per_row(
            space.rows.sizes, batch.order, batch.first + tile.first, tile.n_rows,
            trace.sizes + tile.first,
        )
    fill_input[floating](space, tile, params)


cdef inline void forward_layer(
    Workspace space, Tile* tile, const floating* params, int i,
) noexcept nogil:
    """H[i + 1] from H[i], for a layer that is not the last."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[i]
    cdef Py_ssize_t first = tile.first, n_units = space.plan.layers[i + 1].n_in
    cdef floating* A = <floating*> trace.A[i + 1] + first * layer.n_out
    if not (i == 0 and makes_sums[floating](space, tile, params, A)):
        layer_sums[floating](
            space.K, layer, params, tile.n_rows, <floating*> trace.H[i] + first * layer.n_in,
            <floating*> trace.side + first * trace.n_side, trace.n_side, A,
        )
    activate[floating](space.K, layer, params, tile.n_rows, A)
    if not layer.is_plain:
        change_units[floating](
            space, tile, i + 1, <floating*> trace.H[i + 1] + first * n_units,
        )


cdef void encode_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil:
    """From the input to the code, and what penalties need of it."""
    cdef int i
    for i in range(space.plan.family.code):
        forward_layer[floating](space, tile, params, i)


cdef double finish_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil:
    """From the code to the output, and all the way back.

    Fills H and delta, each row's delta times its weight over the total. Returns the sum of the
    rows' losses, each times its weight.
    """
    cdef Trace* trace = &space.trace
    cdef int last = space.plan.n_layers - 1, i
    cdef Layer* layer
    cdef Layer* below
    cdef const floating* H
    cdef floating* into
    cdef double loss
    for i in range(space.plan.family.code, last):
        forward_layer[floating](space, tile, params, i)
    into = <floating*> trace.delta[last] + tile.first * space.plan.layers[last - 1].n_out
    loss = output_pass[floating](space, tile, params, into)
    add_unit_losses[floating](space, tile, params, &loss)
    for i in range(last, 0, -1):
        layer, below = &space.plan.layers[i], &space.plan.layers[i - 1]
        into = <floating*> trace.delta[i] + tile.first * below.n_out
        if i < last:
            input_delta[floating](
                space.K, layer, params, tile.n_rows,
                <floating*> trace.delta[i + 1] + tile.first * layer.n_out, into, below.n_out,
            )
        H = <floating*> trace.H[i] + tile.first * layer.n_in
        if below.is_plain:
            space.K.through_activation(
                below.activation, tile.n_rows * <Py_ssize_t> below.n_out, into, H, NULL,
            )
        else:
            back_through_units[floating](space, tile, i, H, into)
    return loss


# --- phase 2: weights ---------------------------------------------------------------------------


cdef inline void matrix_gradient(
    Workspace space, Piece* piece, Batch* batch, const floating* W, floating* gradient,
) noexcept nogil:
    """Rows of a weight matrix's gradient, from all rows of the batch; W has the same rows."""
    cdef Trace* trace = &space.trace
    cdef int i = piece.layer, last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[i]
    if not (
        i == 0 and makes_input_gradient[floating](space, piece, batch, gradient)
        or i == last and makes_output_gradient[floating](space, piece, batch, gradient)
    ):
        weight_gradient[floating](space.K, layer, piece, trace, batch, gradient)
    if layer.partner >= 0 and piece.first < layer.n_in and not (
        i == 0 and adds_output_gradient[floating](space, piece, gradient)
    ):
        add_tied_gradient[floating](
            space.K, layer, space.plan.layers[layer.partner].n_in, piece, trace, batch, gradient,
        )
    if space.contraction is not None and i < space.plan.family.code and piece.first < layer.n_in:
        space.contraction.add_gradient[floating](piece, batch, W, gradient)


cdef void decay(
    Family* family, const ae_kernels* K, Batch* batch, Py_ssize_t count, const floating* weights,
    floating* gradient,
) noexcept nogil:
    """Add the gradient of ½ alpha Σ W² + alpha_l1 Σ |W|."""
    if family.alpha != 0:
        K.axpy(count, family.alpha / batch.total, weights, gradient)
    if family.alpha_l1 != 0:
        K.penalize_l1(count, family.alpha_l1 / batch.total, weights, gradient)


cdef void slice_gradient(
    Workspace space, Slice* slice, Batch* batch, const floating* params, floating* gradient,
) noexcept nogil:
    """The gradient (slice.stop - slice.start,) from all rows of the batch, and of the penalty."""
    cdef Trace* trace = &space.trace
    cdef Family* family = &space.plan.family
    cdef Piece* piece
    cdef int k
    params += slice.start
    for k in range(slice.first_piece, slice.last_piece):
        piece = &space.plan.pieces[k]
        if piece.first >= 0:
            matrix_gradient[floating](space, piece, batch, params, gradient)
            if family.is_decayed:
                decay[floating](family, space.K, batch, piece.count, params, gradient)
        elif piece.layer < 0:
            space.K.column_sums(batch.n_rows, piece.count, trace.own_delta, gradient)
        elif piece.layer == space.plan.n_layers - 1:
            output_bias_gradient[floating](space, batch, gradient)
        else:
            space.K.column_sums(
                batch.n_rows, piece.count, trace.delta[piece.layer + 1], gradient,
            )
        gradient += piece.count
        params += piece.count


cdef double slice_penalty(
    Plan plan, const ae_kernels* K, Slice* slice, const floating* params,
) noexcept nogil:
    """½ alpha Σ W² + alpha_l1 Σ |W| of the slice's weights; biases go free."""
    cdef Piece* piece
    cdef double penalty = 0
    cdef int k
    params += slice.start
    for k in range(slice.first_piece, slice.last_piece):
        piece = &plan.pieces[k]
        if piece.first >= 0:
            if plan.family.alpha != 0:
                penalty += 0.5 * plan.family.alpha * K.squares(piece.count, params)
            if plan.family.alpha_l1 != 0:
                penalty += plan.family.alpha_l1 * K.sizes(piece.count, params)
        params += piece.count
    return penalty
