# A plain layer: forward, backward, and its weights. Everything else in this folder is a departure
# from it.

from cython cimport floating

from ae_core._engine.batch cimport Batch, Trace
from ae_core._engine.kernels.table cimport AE_NN, AE_NT, AE_TN, ae_kernels, product
from ae_core._engine.layers.side_inputs cimport side_column, side_sums
from ae_core._engine.plan cimport Layer, Piece


cdef inline const floating* biases_of(Layer* layer, const floating* params) noexcept nogil:
    """The layer's biases, or NULL."""
    return params + layer.biases if layer.biases >= 0 else NULL


cdef inline void layer_sums(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* inputs, const floating* side, int n_side, int first, int n_columns,
    floating* sums,
) noexcept nogil:
    """sums (n_rows, n_out) = inputs (n_rows, n_in) @ W, and the side inputs' part; without biases.

    Of the columns those from `first` on, where `sums` points.
    """
    # Of a tied layer W is the encoder's, (n_out, n_in).
    cdef Py_ssize_t step = layer.row if layer.tied else 1
    product[floating](
        K, AE_NT if layer.tied else AE_NN, n_rows, n_columns, layer.n_in, inputs, layer.n_in,
        params + layer.weights + first * step, layer.row, sums, layer.n_out, False,
    )
    if layer.n_side:
        side_sums[floating](K, layer, params, n_rows, side, n_side, first, n_columns, sums)


cdef inline void activate(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows, floating* sums,
) noexcept nogil:
    """Activations (n_rows, n_out) in place of the sums, with biases."""
    K.activate(layer.activation, n_rows, layer.n_out, sums, biases_of[floating](layer, params))


cdef inline void input_delta(
    const ae_kernels* K, Layer* layer, const floating* params, int n_rows,
    const floating* delta, int first, int n_columns, floating* result, int length,
) noexcept nogil:
    """result (n_rows, n_in) = delta (n_rows, n_out) @ W.T, yet without the activation's slope.

    Of the columns those from `first` on, where `result` points; its rows are `length` elements apart.
    """
    cdef Py_ssize_t step = 1 if layer.tied else layer.row
    product[floating](
        K, AE_NN if layer.tied else AE_NT, n_rows, n_columns, layer.n_out, delta, layer.n_out,
        params + layer.weights + first * step, layer.row, result, length, False,
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
    product[floating](
        K, AE_TN, piece.last - piece.first, layer.n_out, batch.n_rows, inputs, length,
        <floating*> trace.delta[piece.layer + 1], layer.n_out, gradient, layer.n_out, False,
    )


cdef inline void add_tied_gradient(
    const ae_kernels* K, Layer* layer, int n_shared, Piece* piece, Trace* trace, Batch* batch,
    floating* gradient,
) noexcept nogil:
    """What the decoder's layer adds that shares these weights, turned as the encoder stores them.

    It shares the first n_shared columns: of a variational code those of its mean.
    """
    product[floating](
        K, AE_TN, piece.last - piece.first, n_shared, batch.n_rows,
        <floating*> trace.delta[layer.partner + 1] + piece.first, layer.n_in,
        <floating*> trace.H[layer.partner], n_shared, gradient, layer.n_out, True,
    )
