"""The passes: phase 1 runs a tile of rows there and back, phase 2 makes a slice of the gradient.

The same mathematics as ae_core/reference.py, where it is explained. Here the order is chosen so
that rows never talk to each other in phase 1, and parameters never do in phase 2: each can be cut
among threads without a buffer per thread, and gives the same bits however it is cut.
"""

from cython cimport floating

from ae_core._engine.kernels cimport ae_kernels, product_nn, product_nt, product_tn
from ae_core._engine.plan cimport Layer, Piece, Plan, Slice


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
        product_nt[floating](K, n_rows, n_out, n_in, inputs, n_in, W, n_in, sums, n_out, False)
    else:
        product_nn[floating](K, n_rows, n_out, n_in, inputs, n_in, W, n_out, sums, n_out, False)


cdef void input_delta(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* delta, floating* result,
) noexcept nogil:
    """result (n_rows, n_in) = delta (n_rows, n_out) @ W.T, yet without the activation's slope."""
    cdef const floating* W = params + layer.weights
    cdef int n_in = layer.n_in, n_out = layer.n_out
    if layer.tied:
        product_nn[floating](K, n_rows, n_in, n_out, delta, n_out, W, n_in, result, n_in, False)
    else:
        product_nt[floating](K, n_rows, n_in, n_out, delta, n_out, W, n_out, result, n_in, False)


cdef void activate(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows, floating* sums,
) noexcept nogil:
    """sums (n_rows, n_out) become activations: biases and activation in one pass."""
    K.activate(layer.activation, n_rows, layer.n_out, sums, biases_of[floating](layer, params))


cdef double output_delta(
    Plan plan, const ae_kernels* K, const floating* params, Trace* trace,
    Py_ssize_t first, int n_rows, double total_weight, floating* sums,
) noexcept nogil:
    """sums (n_rows, n_features) of the last layer become its delta; returns the losses, summed."""
    cdef Layer* layer = &plan.layers[plan.n_layers - 1]
    cdef const floating* biases = biases_of[floating](layer, params)
    cdef const floating* targets = <floating*> trace.H[0] + first * layer.n_out
    cdef double loss = 0, weight
    cdef Py_ssize_t i
    if trace.weights == NULL:
        return K.output_delta(
            layer.activation, plan.loss, n_rows, layer.n_out, sums, biases, targets,
            1 / total_weight,
        )
    for i in range(n_rows):
        weight = trace.weights[first + i]
        loss += weight * K.output_delta(
            layer.activation, plan.loss, 1, layer.n_out, sums + i * layer.n_out, biases,
            targets + i * layer.n_out, weight / total_weight,
        )
    return loss


cdef double forward_and_backward(
    Plan plan, const ae_kernels* K, const floating* params, Trace* trace,
    Py_ssize_t first, int n_rows, double total_weight,
) noexcept nogil:
    """Phase 1 for rows `first` to `first + n_rows` of the batch, whose H[0] is filled.

    Fills their H and delta, each row's delta times its share of the total weight. Returns the sum
    of their losses, each times its weight.
    """
    cdef int last = plan.n_layers - 1, i
    cdef Layer* layer
    cdef floating* inputs
    cdef floating* outputs
    for i in range(last):
        layer = &plan.layers[i]
        inputs = <floating*> trace.H[i] + first * layer.n_in
        outputs = <floating*> trace.H[i + 1] + first * layer.n_out
        layer_sums[floating](K, layer, params, n_rows, inputs, outputs)
        activate[floating](K, layer, params, n_rows, outputs)

    # The output exists only as its delta: one pass makes it, takes the loss, and forgets it.
    layer = &plan.layers[last]
    inputs = <floating*> trace.H[last] + first * layer.n_in
    outputs = <floating*> trace.delta[last + 1] + first * layer.n_out
    layer_sums[floating](K, layer, params, n_rows, inputs, outputs)
    cdef double loss = output_delta[floating](
        plan, K, params, trace, first, n_rows, total_weight, outputs,
    )
    for i in range(last, 0, -1):
        layer = &plan.layers[i]
        inputs = <floating*> trace.delta[i] + first * layer.n_in
        outputs = <floating*> trace.delta[i + 1] + first * layer.n_out
        input_delta[floating](K, layer, params, n_rows, outputs, inputs)
        K.through_activation(
            plan.layers[i - 1].activation, <Py_ssize_t> n_rows * layer.n_in,
            inputs, <floating*> trace.H[i] + first * layer.n_in,
        )
    return loss


cdef void slice_gradient(
    Plan plan, const ae_kernels* K, Slice* slice, Trace* trace, int n_rows,
    const floating* params, double strength, floating* gradient,
) noexcept nogil:
    """Phase 2: the gradient (slice.stop - slice.start,) from all rows of the batch.

    And of the penalty, ½ strength times the sum of squares of the weights.
    """
    cdef Piece piece
    cdef Layer* layer
    cdef int i, k, height
    params += slice.start
    for k in range(slice.first_piece, slice.last_piece):
        piece = plan.pieces[k]
        i = piece.layer
        layer = &plan.layers[i]
        if piece.first < 0:
            K.column_sums(n_rows, layer.n_out, trace.delta[i + 1], gradient)
            gradient += layer.n_out
            params += layer.n_out
            continue
        height = piece.last - piece.first
        product_tn[floating](
            K, height, layer.n_out, n_rows,
            <floating*> trace.H[i] + piece.first, layer.n_in,
            <floating*> trace.delta[i + 1], layer.n_out,
            gradient, layer.n_out, False,
        )
        if layer.partner >= 0:  # tied: what the decoder adds, turned as the encoder stores it
            product_tn[floating](
                K, height, layer.n_out, n_rows,
                <floating*> trace.delta[layer.partner + 1] + piece.first, layer.n_in,
                <floating*> trace.H[layer.partner], layer.n_out,
                gradient, layer.n_out, True,
            )
        if strength != 0:
            K.penalize(<Py_ssize_t> height * layer.n_out, strength, params, gradient)
        gradient += <Py_ssize_t> height * layer.n_out
        params += <Py_ssize_t> height * layer.n_out


cdef double slice_squares(
    Plan plan, const ae_kernels* K, Slice* slice, const floating* params,
) noexcept nogil:
    """The sum of squares of the slice's weights; biases go free."""
    cdef Piece piece
    cdef Py_ssize_t count
    cdef double squares = 0
    cdef int k
    params += slice.start
    for k in range(slice.first_piece, slice.last_piece):
        piece = plan.pieces[k]
        count = plan.layers[piece.layer].n_out
        if piece.first >= 0:
            count *= piece.last - piece.first
            squares += K.squares(count, params)
        params += count
    return squares
