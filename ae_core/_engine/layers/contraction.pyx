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
from ae_core._engine.kernels.table cimport product_nn, product_nt, product_tn
from ae_core._engine.memory cimport Room
from ae_core._engine.plan cimport Family, Layer, Piece

# Rows of G and S that a thread makes at a time.
cdef enum:
    BLOCK_ROWS = 32


cdef class Contraction:
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

    cdef int n_blocks(self) noexcept nogil:
        """In how many blocks G and S are made; with one layer, in one."""
        cdef int n_rows = 1 if self.plan.family.code == 1 else self.plan.layers[0].n_out
        return (n_rows + BLOCK_ROWS - 1) // BLOCK_ROWS

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
            product_tn[floating](
                self.K, height, layer.n_out, layer.n_in, W + first, layer.n_out,
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
            self._bend[floating](
                tile, layer, <floating*> self.slopes[layer] + tile.first * units,
                <floating*> self.curves[layer] + tile.first * units,
            )
        for i in range(tile.first, tile.first + tile.n_rows):
            share = share_of(self.trace, tile.batch, i)
            if self.plan.family.code == 1:
                total += weight_of(self.trace, i) * self._one_layer[floating](
                    i, share, <floating*> self.G,
                )
            else:
                total += weight_of(self.trace, i) * self._several_layers[floating](
                    params, tile, i, share,
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

    cdef void _bend(self, Tile* tile, int layer, floating* slope, floating* curve) noexcept nogil:
        """The slopes f' and the curvatures f″ of a layer's units, 0 for those that are hidden."""
        cdef Family* family = &self.plan.family
        cdef Layer* described = &self.plan.layers[layer - 1]
        cdef Py_ssize_t units = family.n_code if layer == family.code else described.n_out
        cdef Py_ssize_t count = tile.n_rows * units, i
        cdef floating* H = <floating*> self.trace.H[layer] + tile.first * units
        cdef floating* mask = NULL
        if self.trace.masks[layer] != NULL:
            mask = <floating*> self.trace.masks[layer] + tile.first * units
        for i in range(count):
            slope[i] = curve[i] = 1
        # Of a variational code the Jacobian is that of the mean, which is linear: slope 1, curve 0.
        self.K.through_activation(described.activation, count, slope, H, mask)
        self.K.through_slope(described.activation, count, curve, H, mask)

    cdef double _one_layer(
        self, Py_ssize_t row, double share, const floating* G,
    ) noexcept nogil:
        """|J|² = Σ S² G of a row, from the diagonal of G (k,)."""
        cdef Py_ssize_t k = self.plan.family.n_code, j
        cdef const floating* slope = <floating*> self.slopes[1] + row * k
        cdef floating* curve = <floating*> self.curves[1] + row * k
        cdef double norm = 0, scale = 2 * self.plan.family.contraction * share
        for j in range(k):
            norm += <double> slope[j] * slope[j] * G[j]
            curve[j] *= <floating> scale * slope[j] * G[j]
        return norm

    cdef double _several_layers(
        self, const floating* params, Tile* tile, Py_ssize_t row, double share,
    ) noexcept nogil:
        """The same for several layers: down to U[1], the norm, and up again."""
        cdef int c = self.plan.family.code, k = self.plan.family.n_code, layer, n, n_in, n_1, n_last
        cdef Py_ssize_t j, u
        cdef Layer* above
        cdef floating* P
        cdef floating* up
        cdef floating* top
        cdef const floating* slope
        cdef const floating* W
        cdef floating* curve
        cdef floating* R = <floating*> self.jacobians[tile.mine.thread]
        cdef double norm = 0
        cdef floating scale = <floating> (2 * self.plan.family.contraction * share), total

        # Down. P[c-1] = U[c] @ W[c].T with U[c] diagonal, (k, n_{c-1}).
        above = &self.plan.layers[c - 1]
        n_last = above.n_in
        W = params + above.weights
        P = <floating*> self.down[c - 1] + row * k * n_last
        slope = <floating*> self.slopes[c] + row * k
        for j in range(k):
            for u in range(n_last):
                P[j * n_last + u] = slope[j] * W[u * above.n_out + j]
        for layer in range(c - 2, 0, -1):
            above = &self.plan.layers[layer]
            n, n_in = above.n_out, above.n_in
            # U[layer+1] for a moment in `up`, for P[layer+1] is still needed.
            P = <floating*> self.down[layer + 1] + row * k * n
            up = <floating*> self.up[layer + 1] + row * k * n
            slope = <floating*> self.slopes[layer + 1] + row * n
            for j in range(k):
                for u in range(n):
                    up[j * n + u] = P[j * n + u] * slope[u]
            product_nt[floating](
                self.K, k, n_in, n, up, n, params + above.weights, n,
                <floating*> self.down[layer] + row * k * n_in, n_in, False,
            )

        # |J|² = Σ (U[1] @ G) * U[1]; its gradient by U[1] is 2 share U[1] @ G.
        n_1 = self.plan.layers[0].n_out
        P = <floating*> self.down[1] + row * k * n_1
        up = <floating*> self.up[1] + row * k * n_1
        slope = <floating*> self.slopes[1] + row * n_1
        for j in range(k):
            for u in range(n_1):
                up[j * n_1 + u] = P[j * n_1 + u] * slope[u]
        product_nn[floating](
            self.K, k, n_1, n_1, up, n_1, <floating*> self.G, n_1, R, n_1, False,
        )
        for j in range(<Py_ssize_t> k * n_1):
            norm += <double> up[j] * R[j]
            up[j] = scale * R[j]

        # Up, layer by layer: `up` is ∂/∂U[layer], P is turned into U[layer], `up` into ∂/∂P[layer].
        for layer in range(1, c):
            n = self.plan.layers[layer - 1].n_out
            P = <floating*> self.down[layer] + row * k * n
            up = <floating*> self.up[layer] + row * k * n
            slope = <floating*> self.slopes[layer] + row * n
            curve = <floating*> self.curves[layer] + row * n
            for u in range(n):
                total = 0
                for j in range(k):
                    total += up[j * n + u] * P[j * n + u]
                    P[j * n + u] *= slope[u]
                    up[j * n + u] *= slope[u]
                curve[u] *= total
            above = &self.plan.layers[layer]
            if layer + 1 < c:
                product_nn[floating](
                    self.K, k, above.n_out, n, up, n, params + above.weights, above.n_out,
                    <floating*> self.up[layer + 1] + row * k * above.n_out, above.n_out, False,
                )
        # Of ∂/∂U[c] = ∂/∂P[c-1] @ W[c] only the diagonal matters.
        above = &self.plan.layers[c - 1]
        W = params + above.weights
        top = <floating*> self.up[c - 1] + row * k * n_last
        curve = <floating*> self.curves[c] + row * k
        for j in range(k):
            total = 0
            for u in range(n_last):
                total += top[j * n_last + u] * W[u * above.n_out + j]
            curve[j] *= total
        # U[1] times the root of what its row counts: then S is U[1].T @ U[1].
        P = <floating*> self.down[1] + row * k * n_1
        scale = <floating> sqrt(2 * self.plan.family.contraction * share)
        for j in range(<Py_ssize_t> k * n_1):
            P[j] *= scale
        return norm

    # --- after all tiles ----------------------------------------------------------------------------

    cdef void after_rows(self, Batch* batch, int block, floating* S) noexcept nogil:
        """One block of the rows of S."""
        cdef Py_ssize_t k = self.plan.family.n_code, i, j, first = block * BLOCK_ROWS
        cdef int n_1 = self.plan.layers[0].n_out
        cdef const floating* U = <floating*> self.down[1]
        cdef const floating* slope = <floating*> self.slopes[1]
        cdef double share
        if self.plan.family.code > 1:
            product_tn[floating](
                self.K, <int> min(BLOCK_ROWS, n_1 - first), n_1, batch.n_rows * <int> k, U + first,
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
            product_nn[floating](
                self.K, height, n_out, n_out, W, n_out, S, n_out, gradient, n_out, True,
            )
        elif i < c - 1:
            product_tn[floating](
                self.K, height, n_out, batch.n_rows * k, <floating*> self.up[i] + piece.first, n_in,
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
