"""The contractive penalty: the mathematics of ae_core/formulas/contraction.py, without the Jacobian itself.

J = U[1] @ W[1].T is (k, n_features) for each row, and its squared norm is that of U[1] in the metric
of the Gram matrix G = W[1].T @ W[1]: so a step makes G once, and no row ever is as wide as the data.
In the same way the gradient of W[1] is W[1] times one small matrix, S:

    |J|² = sum of (U[1] @ G) * U[1],    ∂/∂W[1] = W[1] @ S,    S = 2 Σ share U[1].T @ U[1]

With one layer U[1] is diagonal, and of G and S only the diagonals matter.

`down` holds P[l] first, and U[l] after it has been used; `up` ∂/∂U[l], and then ∂/∂P[l].
"""

from cython cimport floating
from libc.math cimport sqrt

from ae_core._engine.batch cimport Batch, Tile, share_of, weight_of
from ae_core._engine.kernels.table cimport AE_NN, AE_NT, AE_TN, product
from ae_core._engine.memory cimport Room
from ae_core._engine.plan cimport Family, Layer, Piece


cdef class Contraction(Departure):
    """Made where the penalty's strength is not 0."""

    cdef void take_room(self, Room room, Py_ssize_t size, Py_ssize_t m, int n_threads):
        cdef Family* family = &self.plan.family
        cdef Py_ssize_t k = family.n_code, units, layer, n = family.code + 1
        cdef Py_ssize_t n_1 = k if family.code == 1 else self.plan.layers[0].n_out
        self.slopes, self.curves = room.take_pointers(n), room.take_pointers(n)
        self.down, self.up = room.take_pointers(n), room.take_pointers(n)
        for layer in range(1, family.code + 1):
            units = k if layer == family.code else self.plan.layers[layer - 1].n_out
            room.put(self.slopes, layer, m * units * size)
            room.put(self.curves, layer, m * units * size)
            if layer < family.code:
                room.put(self.down, layer, m * k * units * size)
                room.put(self.up, layer, m * k * units * size)
        self.G = room.take((k if family.code == 1 else n_1 * n_1) * size)
        self.S = room.take((k if family.code == 1 else n_1 * n_1) * size)
        self.jacobians = room.take_pointers(n_threads)
        for thread in range(n_threads):
            room.put(self.jacobians, thread, k * n_1 * size)

    # --- before any tile --------------------------------------------------------------------------

    cdef void before_rows(self, const floating* params, int block) noexcept nogil:
        """One block of the rows of G."""
        cdef Layer* layer = &self.plan.layers[0]
        cdef const floating* W = params + layer.weights  # (n_in, n_out)
        cdef floating* G = <floating*> self.G
        cdef Py_ssize_t k = self.plan.family.n_code, i, j, first = block * BLOCK_ROWS
        cdef int height
        if self.plan.family.code > 1:
            height = <int> min(BLOCK_ROWS, layer.n_out - first)
            product[floating](
                self.K, AE_TN, height, layer.n_out, layer.n_in, W + first, layer.n_out,
                W, layer.n_out, G + first * layer.n_out, layer.n_out, False,
            )
            return
        for j in range(k):
            G[j] = 0
        for i in range(layer.n_in):
            for j in range(k):
                G[j] += W[i * layer.n_out + j] * W[i * layer.n_out + j]

    # --- rows -------------------------------------------------------------------------------------

    cdef double forward(self, const floating* params, Tile* tile) noexcept nogil:
        """The penalty of some rows, times their weights, summed; `curves` becomes ∂/∂Z of each layer."""
        cdef Py_ssize_t i, units
        cdef int layer
        cdef double total = 0, share
        for layer in range(1, self.plan.family.code + 1):
            units = self.plan.layers[layer - 1].n_out
            if layer == self.plan.family.code:
                units = self.plan.family.n_code
            bend[floating](
                self, tile, layer, <floating*> self.slopes[layer] + tile.first * units,
                <floating*> self.curves[layer] + tile.first * units,
            )
        for i in range(tile.first, tile.first + tile.n_rows):
            share = share_of(self.trace, tile.batch, i)
            if self.plan.family.code == 1:
                total += weight_of(self.trace, i) * one_layer[floating](
                    self, i, share, <floating*> self.G,
                )
            else:
                total += weight_of(self.trace, i) * several_layers[floating](
                    self, params, tile, i, share,
                )
        return self.plan.family.contraction * total

    cdef void backward(self, Tile* tile, int layer, floating* delta) noexcept nogil:
        """Add the penalty's part of a layer's delta; of a variational code's, that of the mean."""
        cdef int n_out = self.plan.layers[layer - 1].n_out
        cdef int units = self.plan.family.n_code if layer == self.plan.family.code else n_out
        cdef floating* curves = <floating*> self.curves[layer] + tile.first * units
        cdef Py_ssize_t i
        for i in range(tile.n_rows):
            self.K.axpy(units, 1, curves + i * units, delta + i * n_out)

    # --- after all tiles ----------------------------------------------------------------------------

    cdef void after_rows(self, Batch* batch, int block, floating* S) noexcept nogil:
        """One block of the rows of S."""
        cdef Py_ssize_t k = self.plan.family.n_code, i, j, first = block * BLOCK_ROWS
        cdef int n_1 = self.plan.layers[0].n_out
        cdef const floating* U = <floating*> self.down[1]
        cdef const floating* slope = <floating*> self.slopes[1]
        cdef double share
        if self.plan.family.code > 1:
            product[floating](
                self.K, AE_TN, <int> min(BLOCK_ROWS, n_1 - first), n_1, batch.n_rows * <int> k, U + first,
                n_1, U, n_1, S + first * n_1, n_1, False,
            )
            return
        for j in range(k):
            S[j] = 0
        for i in range(batch.n_rows):
            share = share_of(self.trace, batch, i)
            share *= 2 * self.plan.family.contraction
            for j in range(k):
                S[j] += <floating> share * slope[i * k + j] * slope[i * k + j]

    # --- weights ------------------------------------------------------------------------------------

    cdef void add_gradient(
        self, Piece* piece, Batch* batch, const floating* W, floating* gradient,
    ) noexcept nogil:
        """Add the penalty's part to a piece of an encoder layer's weight gradient (height, n_out)."""
        cdef int i = piece.layer, height = piece.last - piece.first, c = self.plan.family.code
        cdef int k = self.plan.family.n_code
        cdef Layer* layer = &self.plan.layers[i]
        cdef int n_out = layer.n_out, n_in = layer.n_in
        cdef const floating* S = <floating*> self.S
        cdef const floating* up
        cdef const floating* slope
        cdef floating factor
        cdef Py_ssize_t row, j, u
        if i == 0 and c == 1:
            for u in range(height):
                for j in range(k):
                    gradient[u * n_out + j] += W[u * n_out + j] * S[j]
        elif i == 0:
            product[floating](
                self.K, AE_NN, height, n_out, n_out, W, n_out, S, n_out, gradient, n_out, True,
            )
        elif i < c - 1:
            product[floating](
                self.K, AE_TN, height, n_out, batch.n_rows * k, <floating*> self.up[i] + piece.first, n_in,
                <floating*> self.down[i + 1], n_out, gradient, n_out, True,
            )
        else:  # U[c] is diagonal
            up, slope = <floating*> self.up[i], <floating*> self.slopes[c]
            for row in range(batch.n_rows):
                for j in range(k):
                    factor = slope[row * k + j]
                    for u in range(height):
                        gradient[u * n_out + j] += (
                            factor * up[(row * k + j) * n_in + piece.first + u]
                        )


# --- rows ---------------------------------------------------------------------------------------


cdef void bend(
    Contraction penalty, Tile* tile, int layer, floating* slope, floating* curve,
) noexcept nogil:
    """The slopes f' and the curvatures f″ of a layer's units, 0 for those that are hidden."""
    cdef Family* family = &penalty.plan.family
    cdef Layer* described = &penalty.plan.layers[layer - 1]
    cdef Py_ssize_t units = family.n_code if layer == family.code else described.n_out
    cdef Py_ssize_t count = tile.n_rows * units, i
    cdef floating* H = <floating*> penalty.trace.H[layer] + tile.first * units
    cdef floating* mask = NULL
    if penalty.trace.masks[layer] != NULL:
        mask = <floating*> penalty.trace.masks[layer] + tile.first * units
    for i in range(count):
        slope[i] = curve[i] = 1
    # Of a variational code the Jacobian is that of the mean, which is linear: slope 1, curve 0.
    penalty.K.through_activation(described.activation, count, slope, H, mask)
    penalty.K.through_slope(described.activation, count, curve, H, mask)


cdef double one_layer(
    Contraction penalty, Py_ssize_t row, double share, const floating* G,
) noexcept nogil:
    """|J|² = Σ S² G of a row, from the diagonal of G (k,)."""
    cdef Py_ssize_t k = penalty.plan.family.n_code, j
    cdef const floating* slope = <floating*> penalty.slopes[1] + row * k
    cdef floating* curve = <floating*> penalty.curves[1] + row * k
    cdef double norm = 0, scale = 2 * penalty.plan.family.contraction * share
    for j in range(k):
        norm += <double> slope[j] * slope[j] * G[j]
        curve[j] *= <floating> scale * slope[j] * G[j]
    return norm


cdef double several_layers(
    Contraction penalty, const floating* params, Tile* tile, Py_ssize_t row, double share,
) noexcept nogil:
    """The same for several layers: down to U[1], the norm, and up again."""
    cdef int c = penalty.plan.family.code, k = penalty.plan.family.n_code, layer, n
    cdef int n_1 = penalty.plan.layers[0].n_out
    cdef Py_ssize_t j, u
    cdef Layer* layers = penalty.plan.layers
    cdef Layer* top = &layers[c - 1]
    cdef int n_last = top.n_in
    cdef const floating* W = params + top.weights
    cdef floating* P = <floating*> penalty.down[c - 1] + row * k * n_last
    cdef floating* up = NULL
    cdef floating* curve
    cdef const floating* slope = <floating*> penalty.slopes[c] + row * k
    cdef floating* R = <floating*> penalty.jacobians[tile.mine.thread]
    cdef double norm = 0
    cdef floating scale = <floating> (2 * penalty.plan.family.contraction * share), total

    # Down. P[c-1] = U[c] @ W[c].T with U[c] diagonal, (k, n_{c-1}).
    for j in range(k):
        for u in range(n_last):
            P[j * n_last + u] = slope[j] * W[u * top.n_out + j]
    for layer in range(c - 1, 0, -1):
        # U[layer], (k, n), for a moment in `up`, for P[layer] is still needed.
        n = layers[layer - 1].n_out
        P = <floating*> penalty.down[layer] + row * k * n
        up = <floating*> penalty.up[layer] + row * k * n
        slope = <floating*> penalty.slopes[layer] + row * n
        for j in range(k):
            for u in range(n):
                up[j * n + u] = P[j * n + u] * slope[u]
        if layer > 1:
            product[floating](
                penalty.K, AE_NT, k, layers[layer - 1].n_in, n, up, n,
                params + layers[layer - 1].weights, n,
                <floating*> penalty.down[layer - 1] + row * k * layers[layer - 1].n_in,
                layers[layer - 1].n_in, False,
            )

    # |J|² = Σ (U[1] @ G) * U[1]; its gradient by U[1] is 2 share U[1] @ G.
    product[floating](
        penalty.K, AE_NN, k, n_1, n_1, up, n_1, <floating*> penalty.G, n_1, R, n_1, False,
    )
    for j in range(<Py_ssize_t> k * n_1):
        norm += <double> up[j] * R[j]
        up[j] = scale * R[j]

    # Up, layer by layer: `up` is ∂/∂U[layer], P is turned into U[layer], `up` into ∂/∂P[layer].
    for layer in range(1, c):
        n = layers[layer - 1].n_out
        P = <floating*> penalty.down[layer] + row * k * n
        up = <floating*> penalty.up[layer] + row * k * n
        slope = <floating*> penalty.slopes[layer] + row * n
        curve = <floating*> penalty.curves[layer] + row * n
        for u in range(n):
            total = 0
            for j in range(k):
                total += up[j * n + u] * P[j * n + u]
                P[j * n + u] *= slope[u]
                up[j * n + u] *= slope[u]
            curve[u] *= total
        if layer + 1 < c:
            product[floating](
                penalty.K, AE_NN, k, layers[layer].n_out, n, up, n, params + layers[layer].weights,
                layers[layer].n_out, <floating*> penalty.up[layer + 1] + row * k * layers[layer].n_out,
                layers[layer].n_out, False,
            )
    # Of ∂/∂U[c] = ∂/∂P[c-1] @ W[c] only the diagonal matters.
    curve = <floating*> penalty.curves[c] + row * k
    for j in range(k):
        total = 0
        for u in range(n_last):
            total += up[j * n_last + u] * W[u * top.n_out + j]
        curve[j] *= total
    # U[1] times the root of what its row counts: then S is U[1].T @ U[1].
    P = <floating*> penalty.down[1] + row * k * n_1
    scale = <floating> sqrt(2 * penalty.plan.family.contraction * share)
    for j in range(<Py_ssize_t> k * n_1):
        P[j] *= scale
    return norm
