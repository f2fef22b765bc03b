"""A squared error of sparse rows, without the output that it is the error of.

Where what CSR does not store is 0, and has to be reconstructed as 0, the output is as wide as the
data, and its three products are most of a step. But X_hat = H @ W + b is of low rank, and of the
error ½ Σ share |x_hat - x|² a step needs nothing as large (Vincent, de Brébisson & Bouthillier 2015,
"Efficient exact gradient update for training deep networks with very large sparse targets"):

    ∂/∂H = share (H @ G + v - X @ W.T),       G = W @ W.T,  v = W @ b
    ∂/∂W = S @ W + outer(c, b) - (share H).T @ X,           S = H.T @ (share H),  c = H.T @ share
    ∂/∂b = c @ W + b Σ share - X.T @ share
    |x_hat - x|² = 2 h @ (h @ G + v - W @ x) - h @ G @ h + |b|² - 2 b @ x + |x|²

X comes in with what it stores only. G and S @ W cost the same for any batch, while an output grows
with it. The paper carries G on from step to step, and W as a product, which plain gradient descent
allows; here both are made anew, and any solver may move the weights.

Everything of W is done on a copy that is turned, (n_features, n_in): for each element of X there is
a row of it to read, or to add to. It becomes its own gradient, block by block, before the solver
changes anything.
"""

from cython cimport floating
from libc.stdint cimport int32_t
from libc.string cimport memcpy, memset

from ae_core._engine.kernels.table cimport ae_kernels, product_nn, product_nt, product_tn
from ae_core._engine.plan cimport Layer, Piece
from ae_core._engine.layers.sparse cimport first_from, start_of
from ae_core._engine.workspace cimport Batch, Scratch, Trace, Workspace

cdef enum:
    SMALL_ROWS = 64     # rows of G and S that a thread makes at a time,
    LARGE_ROWS = 256    # and of the copy


cdef inline Layer* output_layer(Workspace space) noexcept nogil:
    return &space.plan.layers[space.plan.n_layers - 1]


cdef int n_small(Workspace space) noexcept nogil:
    """In how many blocks the small matrices are made."""
    return (output_layer(space).n_in + SMALL_ROWS - 1) // SMALL_ROWS


cdef int block_rows(Workspace space) noexcept nogil:
    """How many rows of the copy make a block, whose gradient fits a thread's scratch."""
    return <int> min(LARGE_ROWS, space.plan.largest_slice // output_layer(space).n_in)


cdef int n_large(Workspace space) noexcept nogil:
    """In how many blocks the copy is made, and becomes a gradient."""
    return (output_layer(space).n_out + block_rows(space) - 1) // block_rows(space)


cdef int blocks_before(Workspace space) noexcept nogil:
    """How many blocks of work there are before any tile."""
    if space.trace.turned == NULL:
        return 0
    return n_small(space) + n_large(space)


cdef int blocks_after(Workspace space) noexcept nogil:
    """And after all tiles."""
    return 0 if space.trace.turned == NULL else n_small(space)


cdef inline double share_of(Trace* trace, Batch* batch, Py_ssize_t row) noexcept nogil:
    """What a row weighs in the loss."""
    return (trace.weights[row] if trace.weights != NULL else 1) / batch.total


# --- before any tile: G, v and the copy -----------------------------------------------------------


cdef void make_before(
    Workspace space, const ae_kernels* K, const floating* params, int block,
) noexcept nogil:
    """One block of G and v, or of the turned weights."""
    cdef Layer* layer = output_layer(space)
    cdef int first = block * SMALL_ROWS
    if block < n_small(space):
        make_gram[floating](space, K, params, first, min(first + SMALL_ROWS, layer.n_in))
        return
    first = (block - n_small(space)) * block_rows(space)
    turn[floating](space, K, params, first, min(first + block_rows(space), layer.n_out))


cdef void make_gram(
    Workspace space, const ae_kernels* K, const floating* params, int first, int last,
) noexcept nogil:
    """Rows of G, from the diagonal on, which are columns too; and of v."""
    cdef Layer* layer = output_layer(space)
    cdef int n_in = layer.n_in, n_out = layer.n_out, height = last - first
    cdef Py_ssize_t corner = <Py_ssize_t> first * n_in + first
    cdef const floating* W = params + layer.weights
    cdef const floating* b = params + layer.biases
    cdef floating* G = <floating*> space.trace.wide_gram
    cdef floating* v = <floating*> space.trace.wide_pull
    cdef Py_ssize_t i, j
    if layer.tied:  # W is the encoder's: (n_out, n_in)
        product_tn[floating](
            K, height, n_in - first, n_out, W + first, layer.row, W + first, layer.row,
            G + corner, n_in, False,
        )
    else:
        W += <Py_ssize_t> first * n_out
        product_nt[floating](
            K, height, n_in - first, n_out, W, n_out, W, n_out,
            G + corner, n_in, False,
        )
    for i in range(first, last):
        for j in range(last, n_in):
            G[j * n_in + i] = G[i * n_in + j]
    if layer.biases < 0:
        memset(v + first, 0, height * sizeof(floating))
    elif layer.tied:
        product_tn[floating](K, height, 1, n_out, W + first, layer.row, b, 1, v + first, 1, False)
    else:
        product_nt[floating](K, height, 1, n_out, W, n_out, b, n_out, v + first, 1, False)


cdef void turn(
    Workspace space, const ae_kernels* K, const floating* params, Py_ssize_t first, Py_ssize_t last,
) noexcept nogil:
    """Rows of the copy of W.T, (n_out, n_in), and of that of b."""
    cdef Layer* layer = output_layer(space)
    cdef Py_ssize_t n_in = layer.n_in, n_out = layer.n_out, j
    cdef const floating* W = params + layer.weights
    cdef floating* turned = <floating*> space.trace.turned
    cdef floating* biases = <floating*> space.trace.wide_biases
    for j in range(first, last):
        biases[j] = params[layer.biases + j] if layer.biases >= 0 else 0
    if layer.tied:
        for j in range(first, last):
            memcpy(turned + j * n_in, W + j * layer.row, n_in * sizeof(floating))
        return
    K.turn(n_in, last - first, W + first, n_out, turned + first * n_in, n_in)


# --- rows -----------------------------------------------------------------------------------------


cdef inline double dot(Py_ssize_t n, const floating* x, const floating* y) noexcept nogil:
    """x (n,) @ y (n,), in doubles: the loss is what is left when large sums have cancelled."""
    cdef double a = 0, b = 0
    cdef Py_ssize_t i = 0
    while i + 2 <= n:
        a += <double> x[i] * y[i]
        b += <double> x[i + 1] * y[i + 1]
        i += 2
    return a + b + (<double> x[i] * y[i] if i < n else 0)


cdef double wide_output(
    Workspace space, const ae_kernels* K, Batch* batch, Py_ssize_t first, int n_rows, floating* result,
) noexcept nogil:
    """∂loss / ∂H of the last hidden layer; returns the losses, times weights, summed.

    The result's rows are as far apart as that layer's sums. Notes H times its share.
    """
    cdef Trace* trace = &space.trace
    cdef Layer* layer = output_layer(space)
    cdef int n_in = layer.n_in
    cdef Py_ssize_t row = space.plan.layers[space.plan.n_layers - 2].n_out, i, t, j
    cdef const floating* biases = <floating*> trace.wide_biases
    cdef const floating* H = <floating*> trace.H[space.plan.n_layers - 1] + first * n_in
    cdef floating* shared = <floating*> trace.wide_shared + first * n_in
    cdef const floating* turned = <floating*> trace.turned
    cdef const floating* x = <floating*> trace.stored_targets
    cdef double of_biases = K.squares(layer.n_out, biases)
    cdef double loss = 0, error, share
    product_nn[floating](
        K, n_rows, n_in, n_in, H, n_in, <floating*> trace.wide_gram, n_in, result, row, False,
    )
    for i in range(first, first + n_rows):
        share = share_of(trace, batch, i)
        error = of_biases - dot[floating](n_in, H, result)
        K.axpy(n_in, 1, trace.wide_pull, result)
        for t in range(start_of(trace, batch, i), start_of(trace, batch, i + 1)):
            j = trace.stored_columns[t]
            error += <double> x[t] * (x[t] - 2 * <double> biases[j])
            K.axpy(n_in, -x[t], turned + j * n_in, result)
        error += 2 * dot[floating](n_in, H, result)
        # What rounding left of an error of nothing may lie below it.
        loss += share * batch.total * 0.5 * (0 if error < 0 else error)
        K.scale(n_in, share, result)
        memset(shared, 0, n_in * sizeof(floating))
        K.axpy(n_in, share, H, shared)
        H += n_in
        shared += n_in
        result += row
    return loss


# --- after all tiles: S and c, and then the gradient ------------------------------------------------


cdef void make_spread(
    Workspace space, const ae_kernels* K, Batch* batch, int block, floating* of_this_type,
) noexcept nogil:
    """One block of S and c."""
    cdef Trace* trace = &space.trace
    cdef int n_in = output_layer(space).n_in
    cdef int first = block * SMALL_ROWS, height = min(SMALL_ROWS, n_in - first)
    cdef const floating* H = <floating*> trace.H[space.plan.n_layers - 1]
    cdef const floating* shared = <floating*> trace.wide_shared
    cdef floating* c = <floating*> trace.wide_total + first
    cdef Py_ssize_t i
    product_tn[floating](
        K, height, n_in, batch.n_rows, H + first, n_in, shared, n_in,
        <floating*> trace.wide_spread + <Py_ssize_t> first * n_in, n_in, False,
    )
    memset(c, 0, height * sizeof(floating))
    for i in range(batch.n_rows):
        K.axpy(height, 1, shared + i * n_in + first, c)


cdef void make_gradient(
    Workspace space, const ae_kernels* K, Batch* batch, Scratch* scratch, int block,
    floating* of_this_type,
) noexcept nogil:
    """One block of the gradient, of W turned and of b, in place of their copies."""
    cdef Trace* trace = &space.trace
    cdef int n_in = output_layer(space).n_in, rows = block_rows(space)
    cdef Py_ssize_t first = <Py_ssize_t> block * rows, i, j, t
    cdef int32_t stop = <int32_t> min(first + rows, space.plan.n_features)
    cdef int height = <int> (stop - first)
    cdef floating* turned = <floating*> trace.turned + first * n_in
    cdef floating* b = <floating*> trace.wide_biases + first
    cdef floating* gradient = <floating*> scratch.gradient
    cdef const floating* shared = <floating*> trace.wide_shared
    cdef const floating* c = <floating*> trace.wide_total
    cdef const floating* x = <floating*> trace.stored_targets
    cdef double share, shares = 0
    product_nn[floating](
        K, height, n_in, n_in, turned, n_in, <floating*> trace.wide_spread, n_in,
        gradient, n_in, False,
    )
    for j in range(height):
        K.axpy(n_in, b[j], c, gradient + j * n_in)
    for i in range(batch.n_rows):
        shares += share_of(trace, batch, i)
    K.scale(height, shares, b)
    product_nn[floating](K, height, 1, n_in, turned, n_in, c, 1, b, 1, True)
    for i in range(batch.n_rows):
        share = share_of(trace, batch, i)
        t = first_from(
            trace.stored_columns, start_of(trace, batch, i), start_of(trace, batch, i + 1),
            <int32_t> first,
        )
        while t < start_of(trace, batch, i + 1) and trace.stored_columns[t] < stop:
            j = trace.stored_columns[t] - first
            K.axpy(n_in, -x[t], shared + i * n_in, gradient + j * n_in)
            b[j] -= <floating> share * x[t]
            t += 1
    memcpy(turned, gradient, height * n_in * sizeof(floating))


# --- weights ----------------------------------------------------------------------------------------


cdef void wide_gradient(
    Workspace space, const ae_kernels* K, Piece* piece, floating* gradient,
) noexcept nogil:
    """A piece of the output layer's weight gradient.

    If the layer is tied it is a piece of the encoder's, which has its own part in it already.
    """
    cdef Layer* layer = output_layer(space)
    cdef Py_ssize_t n_in = layer.n_in, n_out = layer.n_out, height = piece.last - piece.first
    cdef const floating* turned = <floating*> space.trace.turned
    cdef Py_ssize_t j
    if layer.tied:
        for j in range(height):
            K.axpy(n_in, 1, turned + (piece.first + j) * n_in, gradient + j * layer.row)
    else:
        K.turn(n_out, height, turned + piece.first, n_in, gradient, n_out)


cdef void wide_bias_gradient(Workspace space, floating* gradient) noexcept nogil:
    """The output layer's bias gradient (n_features,)."""
    memcpy(gradient, space.trace.wide_biases, space.plan.n_features * sizeof(floating))
