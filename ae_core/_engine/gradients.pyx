"""Phase 2 of a step: the gradient of a slice of parameters, from all rows of the batch.

As `backward` of ae_core/network/passes.py. Where a step departs from a plain autoencoder, a file of
layers/ says how.
"""

from cython cimport floating

from ae_core._engine.batch cimport Batch, Trace
from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.layers.dense cimport add_tied_gradient, weight_gradient
from ae_core._engine.layers.side_inputs cimport side_column
from ae_core._engine.plan cimport Family, Layer, Piece, Plan, Slice
from ae_core._engine.workspace cimport Workspace


cdef inline void matrix_gradient(
    Workspace space, Piece* piece, Batch* batch, const floating* W, floating* gradient,
) noexcept nogil:
    """Rows of a weight matrix's gradient, from all rows of the batch; W has the same rows."""
    cdef Trace* trace = &space.trace
    cdef int i = piece.layer, last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[i]
    cdef bint is_of_units = piece.first < layer.n_in  # and not of side inputs
    # Covariates are dense in any table.
    cdef bint is_sparse = i == 0 and space.sparse_input is not None and (
        is_of_units or side_column(layer, piece.first, trace.n_side) < 0
    )
    if is_sparse:
        sparse_input_gradient[floating](space, piece, batch, gradient)
    elif i == last and space.low_rank_output is not None:
        space.low_rank_output.gradient[floating](piece, gradient)
    elif i == last and space.sparse_output is not None:
        space.sparse_output.gradient[floating](piece, batch, gradient)
    else:
        weight_gradient[floating](space.K, layer, piece, trace, batch, gradient)
    if layer.partner >= 0 and is_of_units:
        if i == 0 and space.low_rank_output is not None:
            space.low_rank_output.gradient[floating](piece, gradient)
        elif i > 0 or space.sparse_output is None:  # whose part `SparseInput.gradient` has added
            add_tied_gradient[floating](
                space.K, layer, space.plan.layers[layer.partner].n_in, piece, trace, batch,
                gradient,
            )
    if space.contraction is not None and i < space.plan.family.code and is_of_units:
        space.contraction.add_gradient[floating](piece, batch, W, gradient)


cdef void sparse_input_gradient(
    Workspace space, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil:
    """Rows of the first layer's, where it looks at stored elements alone."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[0]
    cdef const floating* delta = <floating*> trace.delta[1]
    cdef const floating* output_delta = NULL
    cdef const floating* H = NULL
    cdef Py_ssize_t n_shared = 0
    if layer.partner >= 0 and space.sparse_output is not None:
        output_delta = <floating*> space.sparse_output.delta
        H = <floating*> trace.H[layer.partner]
        n_shared = space.plan.layers[layer.partner].n_in
    space.sparse_input.gradient[floating](
        piece, batch, delta, output_delta, H, n_shared, gradient,
    )


cdef void decay(
    Family* family, const ae_kernels* K, Batch* batch, Py_ssize_t count, const floating* weights,
    floating* gradient,
) noexcept nogil:
    """Add the gradient of ½ alpha Σ W² + alpha_l1 Σ |W|."""
    if family.alpha != 0:
        K.axpy(count, family.alpha / batch.total, weights, gradient)
    if family.alpha_l1 != 0:
        K.penalize_l1(count, family.alpha_l1 / batch.total, weights, gradient)


cdef void bias_gradient(
    Workspace space, Piece* piece, Batch* batch, floating* gradient,
) noexcept nogil:
    """Of a layer's biases, or of the losses' own parameters: sums over the rows of what they add to."""
    cdef bint is_last = piece.layer == space.plan.n_layers - 1
    cdef void* delta = space.trace.own_delta
    if is_last and space.low_rank_output is not None:
        space.low_rank_output.bias_gradient[floating](gradient)
    elif is_last and space.sparse_output is not None:
        space.sparse_output.bias_gradient[floating](batch, gradient)
    else:
        if piece.layer >= 0:
            delta = space.trace.delta[piece.layer + 1]
        space.K.column_sums(batch.n_rows, piece.count, delta, gradient)


cdef void slice_gradient(
    Workspace space, Slice* slice, Batch* batch, const floating* params, floating* gradient,
) noexcept nogil:
    """The gradient (slice.stop - slice.start,) from all rows of the batch, and of the penalty."""
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
        else:
            bias_gradient[floating](space, piece, batch, gradient)
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
