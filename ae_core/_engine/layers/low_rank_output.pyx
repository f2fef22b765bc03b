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

from ae_core._engine.batch cimport Batch, Scratch, Tile, share_of
from ae_core._engine.kernels.table cimport (
    AE_IDENTITY, AE_NN, AE_NT, AE_SQUARED_ERROR, AE_TN, ae_kernels, ae_output, product,
)
from ae_core._engine.layers.sparse_input cimport SparseInput, Stored, first_from, start_of
from ae_core._engine.memory cimport Room
from ae_core._engine.plan cimport Layer, Piece, Plan

cdef enum:
    SMALL_ROWS = 64     # rows of G and S that a thread makes at a time,
    LARGE_ROWS = 256    # and of the copy

# Cost of one stored element, forward and backward, in multiply-adds of a dense product: measured from
# 2000 x 64 to 10 000 x 256, with 1 % to 30 % stored.
cdef double COST_OF_STORED = 8


cdef bint can_do_without_output(
    Plan plan, SparseInput input, const ae_output* output, Py_ssize_t m,
):
    """Whether the loss of batches of m rows can do without the output, and is faster so."""
    cdef Layer* last = &plan.layers[plan.n_layers - 1]
    cdef Py_ssize_t n_in = last.n_in, n_features = plan.n_features
    if input is None or output.has_missing or output.weights != NULL or last.n_side:
        return False
    if 2 * n_in > n_features:  # no low rank to speak of
        return False
    if output.n_groups > 1 or output.groups[0].loss != AE_SQUARED_ERROR:
        return False
    if output.groups[0].activation != AE_IDENTITY:
        return False
    # In multiply-adds, over n_in: what is made of W and of what is stored; and the dense output.
    return 2.0 * n_in * n_features + COST_OF_STORED * input.n_stored < 3.0 * m * n_features


cdef class LowRankOutput(Departure):
    """Made beside the input whose elements it is compared with."""

    cdef void take_room(self, Room room, Py_ssize_t size, Py_ssize_t m, int n_threads):
        cdef Py_ssize_t n_in = self.layer.n_in, n_features = self.plan.n_features
        self.turned = room.take(n_features * n_in * size)
        self.biases = room.take(n_features * size)
        self.G = room.take(n_in * n_in * size)
        self.S = room.take(n_in * n_in * size)
        self.v = room.take(n_in * size)
        self.c = room.take(n_in * size)
        self.shared = room.take(m * n_in * size)

    cdef int n_small(self) noexcept nogil:
        """In how many blocks the small matrices are made."""
        return (self.layer.n_in + SMALL_ROWS - 1) // SMALL_ROWS

    cdef int block_rows(self) noexcept nogil:
        """How many rows of the copy make a block, whose gradient fits a thread's array."""
        return <int> min(LARGE_ROWS, self.plan.largest_slice // self.layer.n_in)

    cdef int n_large(self) noexcept nogil:
        """In how many blocks the copy is made, and becomes a gradient."""
        return (self.layer.n_out + self.block_rows() - 1) // self.block_rows()

    # --- before any tile: G, v and the copy -------------------------------------------------------

    cdef void before_rows(self, const floating* params, int block) noexcept nogil:
        """One block of G and v, or of the turned weights."""
        cdef int first = block * SMALL_ROWS, rows = self.block_rows()
        if block < self.n_small():
            make_gram[floating](self, params, first, min(first + SMALL_ROWS, self.layer.n_in))
            return
        first = (block - self.n_small()) * rows
        turn[floating](self, params, first, min(first + rows, self.layer.n_out))

    # --- rows -------------------------------------------------------------------------------------

    cdef double forward_and_back(self, Tile* tile, floating* result) noexcept nogil:
        """∂loss / ∂H of the last hidden layer; returns the losses, times weights, summed.

        The result's rows are as far apart as that layer's sums. Notes H times its share.
        """
        cdef const ae_kernels* K = self.K
        cdef Stored* stored = &self.input.stored
        cdef Batch* batch = tile.batch
        cdef int n_in = self.layer.n_in, last = self.plan.n_layers - 1
        cdef Py_ssize_t length = self.plan.layers[last - 1].n_out, i, t, j
        cdef const floating* biases = <floating*> self.biases
        cdef const floating* H = <floating*> self.trace.H[last] + tile.first * n_in
        cdef floating* shared = <floating*> self.shared + tile.first * n_in
        cdef const floating* turned = <floating*> self.turned
        cdef const floating* x = <floating*> stored.targets
        cdef double of_biases = K.squares(self.layer.n_out, biases)
        cdef double loss = 0, error, share
        product[floating](
            K, AE_NN, tile.n_rows, n_in, n_in, H, n_in, <floating*> self.G, n_in, result, <int> length,
            False,
        )
        for i in range(tile.first, tile.first + tile.n_rows):
            share = share_of(self.trace, batch, i)
            error = of_biases - dot[floating](n_in, H, result)
            K.axpy(n_in, 1, self.v, result)
            for t in range(start_of(stored, batch, i), start_of(stored, batch, i + 1)):
                j = stored.columns[t]
                error += <double> x[t] * (x[t] - 2 * <double> biases[j])
                K.axpy(n_in, -x[t], turned + j * n_in, result)
            error += 2 * dot[floating](n_in, H, result)
            # Rounding may leave less than nothing of an error of nothing.
            loss += share * batch.total * 0.5 * (0 if error < 0 else error)
            K.scale(n_in, share, result)
            memset(shared, 0, n_in * sizeof(floating))
            K.axpy(n_in, share, H, shared)
            H += n_in
            shared += n_in
            result += length
        return loss

    # --- after all tiles: S and c, and then the gradient ------------------------------------------

    cdef void after_rows(self, Batch* batch, int block, floating* S) noexcept nogil:
        """One block of S (n_in, n_in), and of c."""
        cdef int n_in = self.layer.n_in
        cdef int first = block * SMALL_ROWS, height = min(SMALL_ROWS, n_in - first)
        cdef const floating* H = <floating*> self.trace.H[self.plan.n_layers - 1]
        cdef const floating* shared = <floating*> self.shared
        cdef floating* c = <floating*> self.c + first
        cdef Py_ssize_t i
        product[floating](
            self.K, AE_TN, height, n_in, batch.n_rows, H + first, n_in, shared, n_in,
            S + <Py_ssize_t> first * n_in, n_in, False,
        )
        memset(c, 0, height * sizeof(floating))
        for i in range(batch.n_rows):
            self.K.axpy(height, 1, shared + i * n_in + first, c)

    cdef void after_matrices(
        self, Batch* batch, Scratch* mine, int block, const floating* S,
    ) noexcept nogil:
        """One block of the gradient, of W turned and of b, in place of their copies."""
        cdef const ae_kernels* K = self.K
        cdef Stored* stored = &self.input.stored
        cdef const int32_t* columns = stored.columns
        cdef int n_in = self.layer.n_in, rows = self.block_rows()
        cdef Py_ssize_t first = <Py_ssize_t> block * rows, i, j, t, end
        cdef int32_t stop = <int32_t> min(first + rows, self.plan.n_features)
        cdef int height = <int> (stop - first)
        cdef floating* turned = <floating*> self.turned + first * n_in
        cdef floating* b = <floating*> self.biases + first
        cdef floating* gradient = <floating*> mine.gradient
        cdef const floating* shared = <floating*> self.shared
        cdef const floating* c = <floating*> self.c
        cdef const floating* x = <floating*> stored.targets
        cdef double share, shares = 0
        product[floating](
            K, AE_NN, height, n_in, n_in, turned, n_in, S, n_in, gradient, n_in, False,
        )
        for j in range(height):
            K.axpy(n_in, b[j], c, gradient + j * n_in)
        for i in range(batch.n_rows):
            shares += share_of(self.trace, batch, i)
        K.scale(height, shares, b)
        product[floating](K, AE_NN, height, 1, n_in, turned, n_in, c, 1, b, 1, True)
        for i in range(batch.n_rows):
            share, end = share_of(self.trace, batch, i), start_of(stored, batch, i + 1)
            t = first_from(columns, start_of(stored, batch, i), end, <int32_t> first)
            while t < end and columns[t] < stop:
                j = columns[t] - first
                K.axpy(n_in, -x[t], shared + i * n_in, gradient + j * n_in)
                b[j] -= <floating> share * x[t]
                t += 1
        memcpy(turned, gradient, height * n_in * sizeof(floating))

    # --- weights ----------------------------------------------------------------------------------

    cdef void gradient(self, Piece* piece, floating* gradient) noexcept nogil:
        """A piece of the output layer's weight gradient.

        If the layer is tied it is a piece of the encoder's, which has its own part in it already.
        """
        cdef Py_ssize_t n_in = self.layer.n_in, n_out = self.layer.n_out
        cdef Py_ssize_t height = piece.last - piece.first, j
        cdef const floating* turned = <floating*> self.turned
        if self.layer.tied:
            for j in range(height):
                self.K.axpy(
                    n_in, 1, turned + (piece.first + j) * n_in, gradient + j * self.layer.row,
                )
        else:
            self.K.turn(n_out, height, turned + piece.first, n_in, gradient, n_out)

    cdef void bias_gradient(self, floating* gradient) noexcept nogil:
        """The output layer's bias gradient (n_features,)."""
        memcpy(gradient, self.biases, self.plan.n_features * sizeof(floating))


cdef void make_gram(
    LowRankOutput space, const floating* params, int first, int last,
) noexcept nogil:
    """Rows of G, from the diagonal on, which are columns too; and of v."""
    cdef const ae_kernels* K = space.K
    cdef Layer* layer = space.layer
    cdef int n_in = layer.n_in, n_out = layer.n_out, height = last - first
    cdef Py_ssize_t corner = <Py_ssize_t> first * n_in + first, step = 1 if layer.tied else n_out
    cdef int form = AE_TN if layer.tied else AE_NT  # a tied W is the encoder's: (n_out, n_in)
    cdef const floating* W = params + layer.weights + first * step
    cdef floating* G = <floating*> space.G
    cdef floating* v = <floating*> space.v
    cdef Py_ssize_t i, j
    product[floating](
        K, form, height, n_in - first, n_out, W, layer.row, W, layer.row, G + corner, n_in, False,
    )
    for i in range(first, last):
        for j in range(last, n_in):
            G[j * n_in + i] = G[i * n_in + j]
    if layer.biases < 0:
        memset(v + first, 0, height * sizeof(floating))
    else:
        product[floating](
            K, form, height, 1, n_out, W, layer.row, params + layer.biases,
            1 if layer.tied else n_out, v + first, 1, False,
        )


cdef void turn(
    LowRankOutput space, const floating* params, Py_ssize_t first, Py_ssize_t last,
) noexcept nogil:
    """Rows of the copy of W.T, (n_out, n_in), and of that of b."""
    cdef Layer* layer = space.layer
    cdef Py_ssize_t n_in = layer.n_in, n_out = layer.n_out, j
    cdef const floating* W = params + layer.weights
    cdef floating* turned = <floating*> space.turned + first * n_in
    cdef floating* biases = <floating*> space.biases
    for j in range(first, last):
        biases[j] = params[layer.biases + j] if layer.biases >= 0 else 0
    if layer.tied:
        for j in range(first, last):
            memcpy(turned, W + j * layer.row, n_in * sizeof(floating))
            turned += n_in
        return
    space.K.turn(n_in, last - first, W + first, n_out, turned, n_in)


cdef inline double dot(Py_ssize_t n, const floating* x, const floating* y) noexcept nogil:
    """x (n,) @ y (n,), in doubles: the loss is what is left when large sums have cancelled."""
    cdef double a = 0, b = 0
    cdef Py_ssize_t i = 0
    while i + 2 <= n:
        a += <double> x[i] * y[i]
        b += <double> x[i + 1] * y[i + 1]
        i += 2
    return a + b + (<double> x[i] * y[i] if i < n else 0)
