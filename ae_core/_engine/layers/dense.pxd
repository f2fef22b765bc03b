# A plain layer: forward, backward, and its weights. Everything else in this folder is a departure
# from it.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Trace
from ae_core._engine.kernels.table cimport ae_kernels, product_nn, product_nt, product_tn
from ae_core._engine.layers.side_inputs cimport side_column, side_sums
from ae_core._engine.plan cimport Layer, Piece


cdef inline const floating* biases_of(Layer* layer, const floating* params) noexcept nogil:
    """The layer's biases, or NULL."""
    return params + layer.biases if layer.biases >= 0 else NULL


cdef inline void layer_sums(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* inputs, const floating* side, int n_side, floating* sums,
) noexcept nogil:
    """sums (n_rows, n_out) = inputs (n_rows, n_in) @ W, and the side inputs' part; without biases."""
    some_sums[floating](
        K, layer, params, n_rows, inputs, side, n_side, 0, layer.n_out, sums,
    )


cdef inline void some_sums(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* inputs, const floating* side, int n_side, int first, int n_columns,
    floating* sums,
) noexcept nogil:
    """Those columns of `layer_sums`, n_out elements from row to row."""
    cdef const floating* W = params + layer.weights
    cdef int n_in = layer.n_in, n_out = layer.n_out
    if layer.tied:  # W is the encoder's: (n_out, n_in)
        product_nt[floating](
            K, n_rows, n_columns, n_in, inputs, n_in,
            W + <Py_ssize_t> first * layer.row, layer.row, sums, n_out, False,
        )
    else:
        product_nn[floating](
            K, n_rows, n_columns, n_in, inputs, n_in, W + first, n_out, sums, n_out, False,
        )
    if layer.n_side:
        side_sums[floating](
            K, layer, params, n_rows, side, n_side, first, n_columns, sums,
        )


cdef inline void activate(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows, floating* sums,
) noexcept nogil:
    """Activations (n_rows, n_out) in place of the sums, with biases."""
    K.activate(layer.activation, n_rows, layer.n_out, sums, biases_of[floating](layer, params))


cdef inline void input_delta(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* delta, floating* result, int length,
) noexcept nogil:
    """result (n_rows, n_in) = delta (n_rows, n_out) @ W.T, yet without the activation's slope.

    The result's rows are `length` elements apart.
    """
    some_input_delta[floating](
        K, layer, params, n_rows, delta, 0, layer.n_in, result, length,
    )


cdef inline void some_input_delta(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* delta, int first, int n_columns, floating* result, int length,
) noexcept nogil:
    """Those columns of `input_delta`."""
    cdef const floating* W = params + layer.weights
    cdef int n_out = layer.n_out
    if layer.tied:
        product_nn[floating](
            K, n_rows, n_columns, n_out, delta, n_out, W + first, layer.row,
            result, length, False,
        )
    else:
        product_nt[floating](
            K, n_rows, n_columns, n_out, delta, n_out,
            W + <Py_ssize_t> first * n_out, n_out, result, length, False,
        )


cdef inline void weight_gradient(
    const ae_kernels* K, Layer* layer, Piece* piece, Trace* trace, Batch* batch, floating* gradient,
) noexcept nogil:
    """gradient (height, n_out) = those columns of the layer's inputs (m, height).T @ delta (m, n_out)."""
    cdef const floating* inputs
    cdef int length = layer.n_in
    if piece.first < layer.n_in:
        inputs = <floating*> trace.H[piece.layer] + piece.first
    else:
        inputs = <floating*> trace.side + side_column(layer, piece.first, trace.n_side)
        length = trace.n_side
    product_tn[floating](
        K, piece.last - piece.first, layer.n_out, batch.n_rows, inputs, length,
        <floating*> trace.delta[piece.layer + 1], layer.n_out, gradient, layer.n_out, False,
    )


cdef inline void add_tied_gradient(
    const ae_kernels* K, Layer* layer, int n_shared, Piece* piece, Trace* trace, Batch* batch,
    floating* gradient,
) noexcept nogil:
    """What the decoder's layer adds that shares these weights, turned as the encoder stores them.

    It shares the first n_shared columns: of a variational code those of its mean.
    """
    product_tn[floating](
        K, piece.last - piece.first, n_shared, batch.n_rows,
        <floating*> trace.delta[layer.partner + 1] + piece.first, layer.n_in,
        <floating*> trace.H[layer.partner], n_shared, gradient, layer.n_out, True,
    )
