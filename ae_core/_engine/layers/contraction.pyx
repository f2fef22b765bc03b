"""The contractive penalty: the mathematics of ae_core/formulas/contraction.py, without the Jacobian itself.

J = U[1] @ W[1].T is (k, n_features) for each row, and its squared norm is that of U[1] in the metric
of the Gram matrix G = W[1].T @ W[1]: so a step makes G once, and no row ever is as wide as the data.
In the same way the gradient of W[1] is W[1] times one small matrix, the `spread`:

    |J|² = sum of (U[1] @ G) * U[1],    ∂/∂W[1] = W[1] @ (2 Σ share U[1].T @ U[1])

With one layer U[1] is diagonal, and so is all that matters of both.

`down` holds P[l] first, and U[l] after it has been used; `up` ∂/∂U[l], and then ∂/∂P[l].
"""

from cython cimport floating
from libc.math cimport sqrt

from ae_core._engine.kernels.table cimport ae_kernels, product_nn, product_nt, product_tn
from ae_core._engine.plan cimport Family, Layer, Piece
from ae_core._engine.workspace cimport Batch, Scratch, Trace, Workspace


cdef Py_ssize_t gram_rows(Workspace space) noexcept nogil:
    """How many rows the Gram matrix and the spread have; with one layer all are one piece."""
    return 1 if space.plan.family.code == 1 else space.plan.layers[0].n_out


cdef void gram(
    Workspace space, const ae_kernels* K, const floating* params, Py_ssize_t first, Py_ssize_t last,
) noexcept nogil:
    """Rows `first` to `last` of G, before any tile."""
    cdef Layer* layer = &space.plan.layers[0]
    cdef const floating* W = params + layer.weights  # (n_in, n_out)
    cdef floating* G = <floating*> space.trace.gram
    cdef Py_ssize_t k = space.plan.family.n_code, i, j
    if space.plan.family.code > 1:
        product_tn[floating](
            K, <int> (last - first), layer.n_out, layer.n_in, W + first, layer.n_out,
            W, layer.n_out, G + first * layer.n_out, layer.n_out, False,
        )
        return
    for j in range(k):
        G[j] = 0
    for i in range(layer.n_in):
        for j in range(k):
            G[j] += W[i * layer.n_out + j] * W[i * layer.n_out + j]


cdef void bend(
    Workspace space, const ae_kernels* K, Py_ssize_t first, int n_rows, floating* of_this_type,
) noexcept nogil:
    """The slopes f' and the curvatures f″ of the encoder's units, 0 for those that are hidden."""
    cdef Trace* trace = &space.trace
    cdef Family* family = &space.plan.family
    cdef Py_ssize_t units, count, i
    cdef int layer, activation
    cdef floating* H
    cdef floating* mask
    cdef floating* slope
    cdef floating* curve
    for layer in range(1, family.code + 1):
        units = family.n_code if layer == family.code else space.plan.layers[layer - 1].n_out
        count = n_rows * units
        activation = space.plan.layers[layer - 1].activation
        H = <floating*> trace.H[layer] + first * units
        slope = <floating*> trace.slopes[layer] + first * units
        curve = <floating*> trace.curves[layer] + first * units
        mask = NULL
        if trace.masks[layer] != NULL:
            mask = <floating*> trace.masks[layer] + first * units
        for i in range(count):
            slope[i] = curve[i] = 1
        # Of a variational code the Jacobian is that of the mean, which is linear: slope 1, curve 0.
        K.through_activation(activation, count, slope, H, mask)
        K.through_slope(activation, count, curve, H, mask)


cdef double contract_tile(
    Workspace space, const ae_kernels* K, const floating* params, Batch* batch, Scratch* scratch,
    Py_ssize_t first, int n_rows,
) noexcept nogil:
    """The penalty of some rows, times their weights, summed; `curves` becomes ∂/∂Z of each layer."""
    cdef Py_ssize_t i
    cdef double total = 0, weight
    bend[floating](space, K, first, n_rows, NULL)
    for i in range(first, first + n_rows):
        weight = space.trace.weights[i] if space.trace.weights != NULL else 1
        if space.plan.family.code == 1:
            total += weight * contract_one_layer[floating](space, i, weight / batch.total, NULL)
        else:
            total += weight * contract_row[floating](
                space, K, params, scratch, i, weight / batch.total,
            )
    return space.plan.family.contraction * total


cdef double contract_one_layer(
    Workspace space, Py_ssize_t row, double share, floating* of_this_type,
) noexcept nogil:
    """|J|² = Σ S² G of a row."""
    cdef Py_ssize_t k = space.plan.family.n_code, j
    cdef const floating* G = <floating*> space.trace.gram
    cdef const floating* slope = <floating*> space.trace.slopes[1] + row * k
    cdef floating* curve = <floating*> space.trace.curves[1] + row * k
    cdef double norm = 0, pull = 2 * space.plan.family.contraction * share
    for j in range(k):
        norm += <double> slope[j] * slope[j] * G[j]
        curve[j] *= <floating> pull * slope[j] * G[j]
    return norm


cdef double contract_row(
    Workspace space, const ae_kernels* K, const floating* params, Scratch* scratch,
    Py_ssize_t row, double share,
) noexcept nogil:
    """The same for several layers: down to U[1], the norm, and up again."""
    cdef Trace* trace = &space.trace
    cdef int c = space.plan.family.code, k = space.plan.family.n_code, layer, n, n_in, n_1, n_last
    cdef Py_ssize_t j, u
    cdef Layer* above
    cdef floating* P
    cdef floating* up
    cdef floating* top
    cdef const floating* slope
    cdef const floating* W
    cdef floating* curve
    cdef floating* R = <floating*> scratch.jacobian
    cdef double norm = 0
    cdef floating pull = <floating> (2 * space.plan.family.contraction * share), total

    # Down. P[c-1] = U[c] @ W[c].T with U[c] diagonal, (k, n_{c-1}).
    above = &space.plan.layers[c - 1]
    n_last = above.n_in
    W = params + above.weights
    P = <floating*> trace.down[c - 1] + row * k * n_last
    slope = <floating*> trace.slopes[c] + row * k
    for j in range(k):
        for u in range(n_last):
            P[j * n_last + u] = slope[j] * W[u * above.n_out + j]
    for layer in range(c - 2, 0, -1):
        above = &space.plan.layers[layer]
        n, n_in = above.n_out, above.n_in
        # U[layer+1] for a moment in `up`, for P[layer+1] is still needed.
        P = <floating*> trace.down[layer + 1] + row * k * n
        up = <floating*> trace.up[layer + 1] + row * k * n
        slope = <floating*> trace.slopes[layer + 1] + row * n
        for j in range(k):
            for u in range(n):
                up[j * n + u] = P[j * n + u] * slope[u]
        product_nt[floating](
            K, k, n_in, n, up, n, params + above.weights, n,
            <floating*> trace.down[layer] + row * k * n_in, n_in, False,
        )

    # |J|² = Σ (U[1] @ G) * U[1]; its gradient by U[1] is 2 share U[1] @ G.
    n_1 = space.plan.layers[0].n_out
    P = <floating*> trace.down[1] + row * k * n_1
    up = <floating*> trace.up[1] + row * k * n_1
    slope = <floating*> trace.slopes[1] + row * n_1
    for j in range(k):
        for u in range(n_1):
            up[j * n_1 + u] = P[j * n_1 + u] * slope[u]
    product_nn[floating](
        K, k, n_1, n_1, up, n_1, <floating*> trace.gram, n_1, R, n_1, False,
    )
    for j in range(<Py_ssize_t> k * n_1):
        norm += <double> up[j] * R[j]
        up[j] = pull * R[j]

    # Up, layer by layer: `up` is ∂/∂U[layer], P is turned into U[layer], `up` into ∂/∂P[layer].
    for layer in range(1, c):
        n = space.plan.layers[layer - 1].n_out
        P = <floating*> trace.down[layer] + row * k * n
        up = <floating*> trace.up[layer] + row * k * n
        slope = <floating*> trace.slopes[layer] + row * n
        curve = <floating*> trace.curves[layer] + row * n
        for u in range(n):
            total = 0
            for j in range(k):
                total += up[j * n + u] * P[j * n + u]
                P[j * n + u] *= slope[u]
                up[j * n + u] *= slope[u]
            curve[u] *= total
        above = &space.plan.layers[layer]
        if layer + 1 < c:
            product_nn[floating](
                K, k, above.n_out, n, up, n, params + above.weights, above.n_out,
                <floating*> trace.up[layer + 1] + row * k * above.n_out, above.n_out, False,
            )
    # Of ∂/∂U[c] = ∂/∂P[c-1] @ W[c] only the diagonal matters.
    above = &space.plan.layers[c - 1]
    W = params + above.weights
    top = <floating*> trace.up[c - 1] + row * k * n_last
    curve = <floating*> trace.curves[c] + row * k
    for j in range(k):
        total = 0
        for u in range(n_last):
            total += top[j * n_last + u] * W[u * above.n_out + j]
        curve[j] *= total
    # U[1] now stands for the spread: times the root of what its row counts.
    P = <floating*> trace.down[1] + row * k * n_1
    pull = <floating> sqrt(2 * space.plan.family.contraction * share)
    for j in range(<Py_ssize_t> k * n_1):
        P[j] *= pull
    return norm


cdef void spread(
    Workspace space, const ae_kernels* K, Batch* batch, Py_ssize_t first, Py_ssize_t last,
    floating* of_this_type,
) noexcept nogil:
    """Rows `first` to `last` of what W[1] is multiplied with, after all tiles."""
    cdef Trace* trace = &space.trace
    cdef Py_ssize_t k = space.plan.family.n_code, i, j
    cdef int n_1 = space.plan.layers[0].n_out
    cdef floating* result = <floating*> trace.spread
    cdef const floating* U = <floating*> trace.down[1]
    cdef const floating* slope = <floating*> trace.slopes[1]
    cdef double share
    if space.plan.family.code > 1:
        product_tn[floating](
            K, <int> (last - first), n_1, batch.n_rows * <int> k, U + first, n_1, U, n_1,
            result + first * n_1, n_1, False,
        )
        return
    for j in range(k):
        result[j] = 0
    for i in range(batch.n_rows):
        share = (trace.weights[i] if trace.weights != NULL else 1) / batch.total
        share *= 2 * space.plan.family.contraction
        for j in range(k):
            result[j] += <floating> share * slope[i * k + j] * slope[i * k + j]


cdef void add_contraction_gradient(
    Workspace space, const ae_kernels* K, Piece* piece, Batch* batch, const floating* params,
    floating* gradient,
) noexcept nogil:
    """Add the penalty's part to a piece of an encoder layer's weight gradient (height, n_out)."""
    cdef Trace* trace = &space.trace
    cdef int i = piece.layer, height = piece.last - piece.first, c = space.plan.family.code
    cdef int k = space.plan.family.n_code
    cdef Layer* layer = &space.plan.layers[i]
    cdef int n_out = layer.n_out, n_in = layer.n_in
    cdef const floating* W = params
    cdef const floating* up
    cdef const floating* slope
    cdef floating factor
    cdef Py_ssize_t row, j, u
    if i == 0 and c == 1:
        for u in range(height):
            for j in range(k):
                gradient[u * n_out + j] += W[u * n_out + j] * (<floating*> trace.spread)[j]
    elif i == 0:
        product_nn[floating](
            K, height, n_out, n_out, W, n_out, <floating*> trace.spread, n_out,
            gradient, n_out, True,
        )
    elif i < c - 1:
        product_tn[floating](
            K, height, n_out, batch.n_rows * k, <floating*> trace.up[i] + piece.first, n_in,
            <floating*> trace.down[i + 1], n_out, gradient, n_out, True,
        )
    else:  # U[c] is diagonal
        up, slope = <floating*> trace.up[i], <floating*> trace.slopes[c]
        for row in range(batch.n_rows):
            for j in range(k):
                factor = slope[row * k + j]
                for u in range(height):
                    gradient[u * n_out + j] += (
                        factor * up[(row * k + j) * n_in + piece.first + u]
                    )
