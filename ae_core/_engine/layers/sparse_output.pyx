"""An output that is compared with what CSR stores alone, as all the rest is missing.

Of each stored element there are the sum, and then its delta. Loops over the weights go row by row of
the matrix, outermost: one row of it stays in cache while all the tile's elements pick from it.
"""

from cython cimport floating
from libc.math cimport log
from libc.stdint cimport int32_t
from libc.string cimport memset

from ae_core._engine.batch cimport Batch, Tile, weight_of
from ae_core._engine.kernels.table cimport AE_EXP, ae_group, ae_is_row_loss, ae_output
from ae_core._engine.layers.sparse_input cimport SparseInput, Stored, first_from, start_of
from ae_core._engine.memory cimport Room
from ae_core._engine.plan cimport Layer, Piece


cdef bint is_compared_sparsely(SparseInput input, const ae_output* output):
    """Whether the loss is that of the stored elements, one by one."""
    cdef int g
    if input is None or not input.rows.implicit or output.n_own:
        return False
    for g in range(output.n_groups):
        if ae_is_row_loss(output.groups[g].loss):
            return False
    return True


cdef class SparseOutput(Departure):
    """Made beside the input whose elements it is compared with."""

    cdef void take_room(self, Room room, Py_ssize_t size, Py_ssize_t m, int n_threads):
        self.delta = room.take(self.input.n_stored * size)
        self.column_weights = room.take_pointers(n_threads)
        for thread in range(n_threads):
            room.put(self.column_weights, thread, self.plan.n_features * sizeof(double))

    cdef double forward(self, const floating* params, Tile* tile, floating* z) noexcept nogil:
        """The delta of the stored elements, in z; returns the losses, times weights, summed."""
        cdef Stored* stored = &self.input.stored
        cdef Batch* batch = tile.batch
        cdef Py_ssize_t i, t, low, high, stop
        cdef const floating* targets = <floating*> stored.targets
        cdef double* column_weights = <double*> self.column_weights[tile.mine.thread]
        cdef ae_group group
        cdef ae_output output
        cdef double loss = 0, weight
        cdef int g
        output.groups, output.n_groups, output.n_own = &group, 1, 0
        output.has_missing = self.output.has_missing
        output.weights = NULL if self.output.weights == NULL else column_weights
        make_sums[floating](self, params, tile, z)
        for i in range(tile.first, tile.first + tile.n_rows):
            weight = weight_of(self.trace, i)
            low, stop = start_of(stored, batch, i), start_of(stored, batch, i + 1)
            for g in range(self.output.n_groups):
                group = self.output.groups[g]
                high = first_from(stored.columns, low, stop, <int32_t> group.stop)
                if high == low:
                    continue
                group.start, group.stop = 0, high - low
                if output.weights != NULL:
                    for t in range(low, high):
                        column_weights[t - low] = self.output.weights[stored.columns[t]]
                loss += weight * self.K.output_delta(
                    &output, 1, high - low, z + low, NULL, targets + low, weight / batch.total,
                    NULL,
                )
                low = high
        return loss

    cdef void backward(self, const floating* params, Tile* tile, floating* result) noexcept nogil:
        """∂loss / ∂H of the last hidden layer, whose rows are as far apart as that layer's sums."""
        cdef Stored* stored = &self.input.stored
        cdef Batch* batch = tile.batch
        cdef int last = self.plan.n_layers - 1
        cdef Layer* layer = &self.plan.layers[last]
        cdef Py_ssize_t length = self.plan.layers[last - 1].n_out
        cdef const floating* W = params + layer.weights
        cdef const floating* delta = <floating*> self.delta
        cdef const int32_t* columns = stored.columns
        cdef Py_ssize_t i, t, u, first = tile.first, n_in = layer.n_in, n_out = layer.n_out
        cdef floating total
        if layer.tied:
            for i in range(tile.n_rows):
                memset(result + i * length, 0, n_in * sizeof(floating))
                for t in range(start_of(stored, batch, first + i), start_of(stored, batch, first + i + 1)):
                    self.K.axpy(n_in, delta[t], W + columns[t] * layer.row, result + i * length)
            return
        for u in range(n_in):
            for i in range(tile.n_rows):
                total = 0
                for t in range(start_of(stored, batch, first + i), start_of(stored, batch, first + i + 1)):
                    total += delta[t] * W[u * n_out + columns[t]]
                result[i * length + u] = total

    cdef void gradient(self, Piece* piece, Batch* batch, floating* gradient) noexcept nogil:
        """Rows of the output layer's weight gradient (height, n_features).

        A tied layer's are made with the first layer's.
        """
        cdef Stored* stored = &self.input.stored
        cdef const floating* delta = <floating*> self.delta
        cdef const int32_t* columns = stored.columns
        cdef Py_ssize_t i, t, u, n_out = self.plan.n_features
        cdef Py_ssize_t height = piece.last - piece.first, length = self.plan.layers[piece.layer].n_in
        cdef const floating* inputs = <floating*> self.trace.H[piece.layer] + piece.first
        cdef floating h
        if piece.first >= length:
            inputs = <floating*> self.trace.side + (piece.first - length)
            length = self.trace.n_side
        memset(gradient, 0, height * n_out * sizeof(floating))
        for u in range(height):
            for i in range(batch.n_rows):
                h = inputs[i * length + u]
                for t in range(start_of(stored, batch, i), start_of(stored, batch, i + 1)):
                    gradient[columns[t]] += h * delta[t]
            gradient += n_out

    cdef void bias_gradient(self, Batch* batch, floating* gradient) noexcept nogil:
        """The output layer's bias gradient (n_features,)."""
        cdef Stored* stored = &self.input.stored
        cdef const floating* delta = <floating*> self.delta
        cdef const int32_t* columns = stored.columns
        cdef Py_ssize_t t
        memset(gradient, 0, self.plan.n_features * sizeof(floating))
        for t in range(start_of(stored, batch, 0), start_of(stored, batch, batch.n_rows)):
            gradient[columns[t]] += delta[t]


cdef void make_sums(
    SparseOutput space, const floating* params, Tile* tile, floating* z,
) noexcept nogil:
    """The output's sums of the stored elements, with biases."""
    cdef Stored* stored = &space.input.stored
    cdef Batch* batch = tile.batch
    cdef int last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[last]
    cdef const floating* W = params + layer.weights
    cdef const floating* biases = params + layer.biases
    cdef const int32_t* columns = stored.columns
    cdef Py_ssize_t i, t, u, first = tile.first, n_in = layer.n_in, n_out = layer.n_out
    cdef Py_ssize_t n_side = space.trace.n_side
    cdef const floating* H = <floating*> space.trace.H[last] + first * n_in
    cdef const floating* side = <floating*> space.trace.side + first * n_side
    cdef floating h
    for t in range(start_of(stored, batch, first), start_of(stored, batch, first + tile.n_rows)):
        z[t] = biases[columns[t]] if layer.biases >= 0 else 0
    if space.trace.sizes != NULL:
        add_offsets_of_stored(space, tile, z)
    if layer.tied:  # W is the encoder's, (n_out, n_in): a row of it for each element
        for i in range(tile.n_rows):
            for t in range(start_of(stored, batch, first + i), start_of(stored, batch, first + i + 1)):
                z[t] += dot[floating](n_in, H + i * n_in, W + columns[t] * layer.row)
        return
    for u in range(n_in + layer.n_side):
        for i in range(tile.n_rows):
            h = H[i * n_in + u] if u < n_in else side[i * n_side + u - n_in]
            for t in range(start_of(stored, batch, first + i), start_of(stored, batch, first + i + 1)):
                z[t] += h * W[u * n_out + columns[t]]


cdef void add_offsets_of_stored(SparseOutput space, Tile* tile, floating* z) noexcept nogil:
    """`add_offsets` of the stored elements."""
    cdef Stored* stored = &space.input.stored
    cdef Py_ssize_t i, t
    cdef const ae_group* group
    cdef floating offset
    cdef int g
    for i in range(tile.first, tile.first + tile.n_rows):
        offset = <floating> log(space.trace.sizes[i])
        for g in range(space.output.n_groups):
            group = &space.output.groups[g]
            if group.activation != AE_EXP:
                continue
            for t in range(start_of(stored, tile.batch, i), start_of(stored, tile.batch, i + 1)):
                if group.start <= stored.columns[t] < group.stop:
                    z[t] += offset


cdef floating dot(Py_ssize_t n, const floating* x, const floating* y) noexcept nogil:
    """x (n,) @ y (n,), in four sums that need not wait for each other."""
    cdef floating a = 0, b = 0, c = 0, d = 0
    cdef Py_ssize_t i = 0
    while i + 4 <= n:
        a += x[i] * y[i]
        b += x[i + 1] * y[i + 1]
        c += x[i + 2] * y[i + 2]
        d += x[i + 3] * y[i + 3]
        i += 4
    while i < n:
        a += x[i] * y[i]
        i += 1
    return (a + b) + (c + d)
