"""The passes: phase 1 runs a tile of rows there and back, phase 2 makes a slice of the gradient.

The same mathematics as ae_core/network/passes.py, where it is explained. Here the order is chosen so
that rows never talk to each other in phase 1, and parameters never do in phase 2: each can be cut
among threads without a buffer per thread, and gives the same bits however it is cut.

Phase 1 is in three parts, because some penalties on the code need all rows of a batch before the
decoder may start: `fill_tile`, `encode_tile`, `finish_tile`.
"""

from cython cimport floating

from ae_core._engine.layers.latent cimport add_code_gradient, code_losses, draw_code, through_draw
from ae_core._engine.layers.contraction cimport add_contraction_gradient, contract_tile
from ae_core._engine.kernels.table cimport (
    AE_ARRAY_LOG1P, AE_MASKING, AE_NOTHING, ae_kernels, product_nn, product_nt, product_tn,
)
from ae_core._engine.plan cimport Family, Layer, Piece, Plan, Slice
from ae_core._engine.rows cimport gather, gather_weights
from ae_core._engine.layers.side_inputs cimport (
    gather_covariates, mark_seen, side_gradient, side_sums, unmark_hidden,
)
from ae_core._engine.layers.sparse cimport (
    fill_stored, stored_bias_gradient, stored_input_delta, stored_input_gradient,
    stored_output_delta, stored_output_gradient, stored_sums,
)
from ae_core._engine.layers.low_rank_output cimport wide_bias_gradient, wide_gradient, wide_output
from ae_core._engine.workspace cimport Batch, Scratch, Trace, Workspace, row_number

cdef extern from "noise.h" nogil:
    enum:
        AE_CORRUPTION_STREAM


cdef const floating* biases_of(Layer* layer, const floating* params) noexcept nogil:
    """The layer's biases, or NULL."""
    return params + layer.biases if layer.biases >= 0 else NULL


cdef void layer_sums(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* inputs, floating* sums,
) noexcept nogil:
    """sums (n_rows, n_out) = inputs (n_rows, n_in) @ W, yet without biases."""
    cdef const floating* W = params + layer.weights
    cdef int n_in = layer.n_in, n_out = layer.n_out
    if layer.tied:  # W is the encoder's: (n_out, n_in)
        product_nt[floating](K, n_rows, n_out, n_in, inputs, n_in, W, layer.row, sums, n_out, False)
    else:
        product_nn[floating](K, n_rows, n_out, n_in, inputs, n_in, W, n_out, sums, n_out, False)


cdef inline void input_delta(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* delta, floating* result, int row,
) noexcept nogil:
    """result (n_rows, n_in) = delta (n_rows, n_out) @ W.T, yet without the activation's slope.

    The result's rows are `row` elements apart.
    """
    cdef const floating* W = params + layer.weights
    cdef int n_in = layer.n_in, n_out = layer.n_out
    if layer.tied:
        product_nn[floating](
            K, n_rows, n_in, n_out, delta, n_out, W, layer.row, result, row, False,
        )
    else:
        product_nt[floating](K, n_rows, n_in, n_out, delta, n_out, W, n_out, result, row, False)


# --- phase 1: rows ------------------------------------------------------------------------------


cdef void fill_tile(
    Workspace space, const ae_kernels* K, Batch* batch, Scratch* scratch, Py_ssize_t first, int n_rows,
    floating* of_this_type,
) noexcept nogil:
    """Take rows `first` to `first + n_rows` of the batch from the table; spoil what is given."""
    cdef Trace* trace = &space.trace
    cdef Family* family = &space.plan.family
    cdef Py_ssize_t n = space.plan.n_features, row = batch.first + first, i
    cdef floating* targets = <floating*> trace.targets + first * n
    cdef floating* side = <floating*> trace.side + first * space.n_side
    cdef floating* inputs
    cdef floating* given
    cdef bint is_noisy, is_masked
    if trace.weights != NULL:
        gather_weights(space.rows, batch.order, row, n_rows, trace.weights + first)
    if trace.targets != NULL:
        gather[floating](space.rows, K, batch.order, row, n_rows, 0, n, targets, n)
    if family.n_covariates:
        gather_covariates[floating](
            space.rows, K, batch.order, row, n_rows, family.n_covariates, side, space.n_side,
        )
    if trace.stored_starts != NULL:
        fill_stored[floating](space, batch, first, n_rows, NULL)
        return
    inputs = <floating*> trace.H[0] + first * n
    if family.input_mask:
        mark_seen[floating](n_rows, n, targets, side, space.n_side)
    if inputs == targets:
        return
    is_noisy = space.corruption.kind != AE_NOTHING
    is_masked = family.input_mask and space.corruption.kind == AE_MASKING
    for i in range(n_rows):
        given = targets + i * n
        if family.log_input:
            K.elementary(AE_ARRAY_LOG1P, n, targets + i * n, inputs + i * n)
            given = inputs + i * n
        if is_noisy:
            K.noise(
                batch.key, AE_CORRUPTION_STREAM, row_number(batch, first + i), n, scratch.numbers,
            )
        K.spoil(&space.corruption, n, given, scratch.numbers, inputs + i * n)
        if is_masked:
            unmark_hidden[floating](
                n, scratch.numbers, space.corruption.threshold, side + i * space.n_side,
            )


cdef inline void forward_layer(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch, Scratch* scratch,
    int i, Py_ssize_t first, int n_rows,
) noexcept nogil:
    """H[i + 1] from H[i], for a layer that is not the last."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[i]
    cdef bint is_plain = layer.is_plain
    cdef bint is_code = i + 1 == space.plan.family.code
    cdef floating* outputs = <floating*> trace.H[i + 1]
    cdef floating* mask
    cdef Py_ssize_t row
    if is_code and space.plan.family.variational:
        outputs = <floating*> trace.posterior
    outputs += first * layer.n_out
    if i == 0 and trace.stored_starts != NULL:
        stored_sums[floating](space, K, layer, params, batch, first, n_rows, outputs)
    else:
        layer_sums[floating](
            K, layer, params, n_rows, <floating*> trace.H[i] + first * layer.n_in, outputs,
        )
    if layer.n_side:
        side_sums[floating](
            K, layer, params, n_rows, <floating*> trace.side + first * space.n_side, space.n_side,
            outputs,
        )
    K.activate(
        layer.activation, n_rows, layer.n_out, outputs, biases_of[floating](layer, params),
    )
    if is_plain:
        return
    mask = <floating*> trace.masks[i + 1]
    if is_code and space.plan.family.is_changed:
        draw_code[floating](space, K, batch, scratch, first, n_rows, NULL)
    elif mask != NULL:
        mask += first * layer.n_out
        for row in range(n_rows):
            K.noise(
                batch.key, i + 1, row_number(batch, first + row), layer.n_out, scratch.numbers,
            )
            K.hide(
                layer.n_out, scratch.numbers, space.plan.family.hidden, space.plan.family.kept_scale,
                mask + row * layer.n_out, outputs + row * layer.n_out,
            )


cdef void encode_tile(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows,
) noexcept nogil:
    """From the input to the code, and what penalties need of it."""
    cdef int i
    for i in range(space.plan.family.code):
        forward_layer[floating](space, K, params, batch, scratch, i, first, n_rows)


cdef inline double output_delta(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch,
    Py_ssize_t first, int n_rows,
) noexcept nogil:
    """The last layer's delta, from its inputs; returns the losses, times weights, summed."""
    cdef Trace* trace = &space.trace
    cdef int last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[last]
    cdef const floating* biases = biases_of[floating](layer, params)
    cdef Py_ssize_t n = layer.n_out, i
    cdef const floating* targets = <floating*> trace.targets + first * n
    cdef floating* sums = <floating*> trace.delta[last + 1] + first * n
    cdef floating* own = NULL
    cdef double loss = 0, weight
    if trace.own_delta != NULL:
        own = <floating*> trace.own_delta + first * space.output.n_own
    layer_sums[floating](
        K, layer, params, n_rows, <floating*> trace.H[last] + first * layer.n_in, sums,
    )
    if layer.n_side:
        side_sums[floating](
            K, layer, params, n_rows, <floating*> trace.side + first * space.n_side, space.n_side,
            sums,
        )
    if trace.weights == NULL:
        return K.output_delta(
            &space.output, n_rows, n, sums, biases, targets, 1 / batch.total, own,
        )
    for i in range(n_rows):
        weight = trace.weights[first + i]
        loss += weight * K.output_delta(
            &space.output, 1, n, sums + i * n, biases, targets + i * n, weight / batch.total,
            NULL if own == NULL else own + i * space.output.n_own,
        )
    return loss


cdef inline double output_pass(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows, floating* into,
) noexcept nogil:
    """∂loss / ∂H of the last hidden layer; returns the losses, times weights, summed.

    The output exists only as its delta: one pass makes it, takes the loss, and forgets it.
    """
    cdef Trace* trace = &space.trace
    cdef int last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[last]
    cdef double loss
    if trace.turned != NULL:
        return wide_output[floating](space, K, batch, first, n_rows, into)
    if trace.stored_delta != NULL:
        loss = stored_output_delta[floating](space, K, params, batch, scratch, first, n_rows)
        stored_input_delta[floating](space, K, params, batch, first, n_rows, into)
        return loss
    loss = output_delta[floating](space, K, params, batch, first, n_rows)
    input_delta[floating](
        K, layer, params, n_rows, <floating*> trace.delta[last + 1] + first * layer.n_out, into,
        space.plan.layers[last - 1].n_out,
    )
    return loss


cdef double finish_tile(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows,
) noexcept nogil:
    """From the code to the output, and all the way back.

    Fills H and delta, each row's delta times its weight over the total. Returns the sum of the
    rows' losses, each times its weight.
    """
    cdef Family* family = &space.plan.family
    cdef Trace* trace = &space.trace
    cdef int last = space.plan.n_layers - 1, i
    cdef Layer* layer
    cdef Layer* below
    cdef floating* into
    cdef floating* outputs
    cdef floating* mask
    cdef Py_ssize_t count
    cdef double loss = 0
    for i in range(family.code, last):
        forward_layer[floating](space, K, params, batch, scratch, i, first, n_rows)
    into = <floating*> trace.delta[last] + first * space.plan.layers[last - 1].n_out
    loss += output_pass[floating](space, K, params, batch, scratch, first, n_rows, into)
    if family.is_penalized:
        loss += code_losses[floating](space, K, batch, first, n_rows, NULL)
    if family.contraction != 0:
        loss += contract_tile[floating](space, K, params, batch, scratch, first, n_rows)
    for i in range(last, 0, -1):
        layer, below = &space.plan.layers[i], &space.plan.layers[i - 1]
        into = <floating*> trace.delta[i] + first * below.n_out
        if i < last:
            input_delta[floating](
                K, layer, params, n_rows,
                <floating*> trace.delta[i + 1] + first * layer.n_out, into,
                below.n_out,
            )
        outputs = <floating*> trace.H[i] + first * below.n_out
        count = <Py_ssize_t> n_rows * below.n_out
        if below.is_plain:
            K.through_activation(below.activation, count, into, outputs, NULL)
            continue
        if i == family.code and family.is_penalized:
            add_code_gradient[floating](space, batch, scratch, first, n_rows, into)
        if i == family.code and family.variational:
            through_draw[floating](space, K, batch, first, n_rows, into)
        else:
            mask = <floating*> trace.masks[i]
            if mask != NULL:
                mask += first * below.n_out
            K.through_activation(below.activation, count, into, outputs, mask)
        if family.contraction != 0 and i <= family.code:
            add_curves[floating](space, K, i, first, n_rows, into)
    return loss


cdef void add_curves(
    Workspace space, const ae_kernels* K, int layer, Py_ssize_t first, int n_rows, floating* delta,
) noexcept nogil:
    """The contractive penalty's part of a delta; of a variational code that of the mean."""
    cdef int n_out = space.plan.layers[layer - 1].n_out
    cdef int units = space.plan.family.n_code if layer == space.plan.family.code else n_out
    cdef floating* curves = <floating*> space.trace.curves[layer] + first * units
    cdef Py_ssize_t i
    for i in range(n_rows):
        K.axpy(units, 1, curves + i * units, delta + i * n_out)


# --- phase 2: weights ---------------------------------------------------------------------------


cdef inline void weight_gradient(
    Workspace space, const ae_kernels* K, Piece* piece, Batch* batch, const floating* params,
    floating* gradient,
) noexcept nogil:
    """Rows of a weight matrix's gradient, from all rows of the batch."""
    cdef Trace* trace = &space.trace
    cdef int i = piece.layer, height = piece.last - piece.first, partner, n_shared
    cdef Layer* layer = &space.plan.layers[i]
    cdef bint is_stored = trace.stored_starts != NULL, is_last = i == space.plan.n_layers - 1
    if piece.first >= layer.n_in:
        side_gradient[floating](space, K, piece, batch, gradient)
        return
    if is_stored and i == 0:
        stored_input_gradient[floating](space, K, piece, batch, gradient)
    elif is_stored and is_last and trace.turned != NULL:
        wide_gradient[floating](space, K, piece, gradient)
    elif is_stored and is_last and trace.stored_delta != NULL:
        stored_output_gradient[floating](
            space, <floating*> trace.H[i] + piece.first, layer.n_in, height, batch, gradient,
        )
    else:
        product_tn[floating](
            K, height, layer.n_out, batch.n_rows,
            <floating*> trace.H[i] + piece.first, layer.n_in,
            <floating*> trace.delta[i + 1], layer.n_out,
            gradient, layer.n_out, False,
        )
    partner = layer.partner
    # Tied: what the decoder adds, turned as the encoder stores it.
    if partner >= 0 and i == 0 and trace.turned != NULL:
        wide_gradient[floating](space, K, piece, gradient)
    elif partner >= 0 and not (i == 0 and trace.stored_delta != NULL):
        n_shared = space.plan.layers[partner].n_in  # of a variational code its mean's
        product_tn[floating](
            K, height, n_shared, batch.n_rows,
            <floating*> trace.delta[partner + 1] + piece.first, layer.n_in,
            <floating*> trace.H[partner], n_shared,
            gradient, layer.n_out, True,
        )
    if not layer.is_plain and space.plan.family.contraction != 0 and i < space.plan.family.code:
        add_contraction_gradient[floating](space, K, piece, batch, params, gradient)


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
    Workspace space, const ae_kernels* K, Slice* slice, Batch* batch,
    const floating* params, floating* gradient,
) noexcept nogil:
    """The gradient (slice.stop - slice.start,) from all rows of the batch, and of the penalty."""
    cdef Piece* piece
    cdef int k
    cdef Family* family = &space.plan.family
    for k in range(slice.first_piece, slice.last_piece):
        piece = &space.plan.pieces[k]
        if piece.first >= 0:
            weight_gradient[floating](space, K, piece, batch, params + slice.start, gradient)
            if family.is_decayed:
                decay[floating](family, K, batch, piece.count, params + slice.start, gradient)
        elif piece.layer < 0:
            K.column_sums(batch.n_rows, piece.count, space.trace.own_delta, gradient)
        elif space.trace.turned != NULL and piece.layer == space.plan.n_layers - 1:
            wide_bias_gradient[floating](space, gradient)
        elif space.trace.stored_delta != NULL and piece.layer == space.plan.n_layers - 1:
            stored_bias_gradient[floating](space, batch, gradient)
        else:
            K.column_sums(
                batch.n_rows, piece.count, space.trace.delta[piece.layer + 1], gradient,
            )
        gradient += piece.count
        params += piece.count


cdef double slice_penalty(
    Plan plan, const ae_kernels* K, Slice* slice, const floating* params,
) noexcept nogil:
    """½ alpha Σ W² + alpha_l1 Σ |W| of the slice's weights; biases go free."""
    cdef Piece piece
    cdef double penalty = 0
    cdef int k
    params += slice.start
    for k in range(slice.first_piece, slice.last_piece):
        piece = plan.pieces[k]
        if piece.first >= 0:
            if plan.family.alpha != 0:
                penalty += 0.5 * plan.family.alpha * K.squares(piece.count, params)
            if plan.family.alpha_l1 != 0:
                penalty += plan.family.alpha_l1 * K.sizes(piece.count, params)
        params += piece.count
    return penalty
