"""Sparse rows: a first layer that looks at what CSR stores, and at nothing else.

The batch's stored elements stand one after the other, row after row, each with its column: what the
network is given, whether it is seen, and what the output is compared with. For each of them there is
a row of W to read, and a row of its gradient to add to.
"""

from cython cimport floating
from libc.stdint cimport int32_t, uint16_t
from libc.string cimport memset

from ae_core._engine.batch cimport Batch, Tile, row_number
from ae_core._engine.kernels.table cimport AE_CORRUPTION_STREAM, AE_NOTHING, ae_kernels, ae_noise_at
from ae_core._engine.memory cimport Buffer, Room
from ae_core._engine.plan cimport Layer, Piece, Plan
from ae_core._engine.rows cimport Rows

cdef extern from "elementary.h" nogil:
    float ae_log1p_f32(float x)
    double ae_log1p_f64(double x)


cdef bint is_looked_at_sparsely(Plan plan, Rows rows, bint zeros_stay):
    """Whether what CSR does not store is 0 to the network and adds nothing to the first layer.

    `zeros_stay`: whether the corruption, if there is one, leaves a 0 as it is.
    """
    if rows.starts == NULL or not rows.zeros_stay():
        return False
    if rows.implicit:
        return True
    if plan.family.input_mask:  # what is not stored is seen, and says so
        return False
    return zeros_stay


cdef class SparseInput(Departure):
    """The stored elements of batches of so many rows.

    Parameters
    ----------
    plan : Plan
    rows : Rows
        Of which `is_looked_at_sparsely`.
    order : array of row numbers, or None for all rows in turn
    batch_size : int
    """

    def __init__(
        self, Plan plan, Rows rows, const Py_ssize_t[::1] order, Py_ssize_t batch_size,
    ):
        cdef Py_ssize_t n_order = rows.n_rows if order is None else order.shape[0], i, row
        cdef Py_ssize_t* starts
        self.plan, self.rows = plan, rows
        self.starts = Buffer((n_order + 1) * sizeof(Py_ssize_t), "the stored elements of rows")
        self.stored.starts = starts = <Py_ssize_t*> self.starts.data
        starts[0] = 0
        for i in range(n_order):
            row = i if order is None else order[i]
            starts[i + 1] = starts[i] + rows.stop_of(row, plan.n_features) - rows.starts[row]
            self.n_stored = max(self.n_stored, starts[i + 1] - starts[i - i % batch_size])

    cdef void take_room(self, Room room, Py_ssize_t size, Py_ssize_t m, int n_threads):
        self.stored.columns = <int32_t*> room.take(self.n_stored * sizeof(int32_t))
        self.stored.inputs = room.take(self.n_stored * size)
        if self.plan.family.input_mask:
            self.stored.seen = room.take(self.n_stored * size)
        if self.keeps_targets:
            self.stored.targets = room.take(self.n_stored * size)

    cdef void fill(self, Tile* tile, floating* inputs) noexcept nogil:
        """Take the elements of some rows from the table; spoil what the network is given."""
        cdef Stored* stored = &self.stored
        cdef floating* seen = <floating*> stored.seen
        cdef floating* targets = <floating*> stored.targets
        cdef uint16_t* numbers = tile.mine.numbers
        cdef Py_ssize_t i, t, to, row, start, n = self.plan.n_features
        cdef int32_t column
        cdef floating x, given
        cdef const double* sizes = self.rows.sizes
        cdef bint log_input = self.plan.family.log_input, hides = self.plan.family.hides
        cdef bint is_noisy = self.corruption.kind != AE_NOTHING
        for i in range(tile.first, tile.first + tile.n_rows):
            row, start = row_number(tile.batch, i), start_of(stored, tile.batch, i)
            to = start
            for t in range(self.rows.starts[row], self.rows.stop_of(row, n)):
                column = self.rows.columns[t]
                x = <floating> self.rows.stored(t)
                if is_noisy:
                    numbers[to - start] = ae_noise_at(
                        tile.batch.key, AE_CORRUPTION_STREAM, row, n, column,
                    )
                stored.columns[to] = column
                given = <floating> (x / sizes[row]) if sizes != NULL else x
                inputs[to] = log1p[floating](given) if log_input else given
                if seen != NULL:
                    seen[to] = x == x and not (
                        hides and numbers[to - start] < self.corruption.threshold
                    )
                if targets != NULL:
                    targets[to] = x
                to += 1
            self.K.spoil_stored(
                &self.corruption, to - start, stored.columns + start, numbers, inputs + start,
            )

    cdef void forward(self, const floating* params, Tile* tile, floating* sums) noexcept nogil:
        """sums (n_rows, n_out) = inputs @ W of the first layer, yet without biases."""
        cdef Stored* stored = &self.stored
        cdef Layer* layer = &self.plan.layers[0]
        cdef const floating* W = params + layer.weights
        cdef const int32_t* columns = stored.columns
        cdef const floating* x = <floating*> stored.inputs
        cdef const floating* seen = <floating*> stored.seen
        cdef Py_ssize_t n = layer.n_out, i, t, start, stop
        memset(sums, 0, tile.n_rows * n * sizeof(floating))
        for i in range(tile.first, tile.first + tile.n_rows):
            start, stop = start_of(stored, tile.batch, i), start_of(stored, tile.batch, i + 1)
            for t in range(start, stop):
                self.K.axpy(n, x[t], W + columns[t] * n, sums)
            if seen != NULL:
                for t in range(start, stop):
                    self.K.axpy(n, seen[t], W + (layer.n_in + columns[t]) * n, sums)
            sums += n

    cdef void gradient(
        self, Piece* piece, Batch* batch, const floating* delta, const floating* output_delta,
        const floating* H, Py_ssize_t n_shared, floating* gradient,
    ) noexcept nogil:
        """Rows of the first layer's weight gradient, from its delta (n_rows, n_out).

        Where a tied output is compared at what is stored alone, its part too: from its delta of each
        element, and its inputs H (n_rows, n_shared). Otherwise these are NULL.
        """
        cdef Stored* stored = &self.stored
        cdef Layer* layer = &self.plan.layers[0]
        cdef Py_ssize_t n = layer.n_out, i, t, stop, at
        cdef bint is_of_marks = piece.first >= layer.n_in  # of whether each feature is seen
        cdef int32_t first = piece.first - layer.n_in if is_of_marks else piece.first
        cdef int32_t last = first + (piece.last - piece.first)
        cdef const int32_t* columns = stored.columns
        cdef const floating* x = <floating*> (stored.seen if is_of_marks else stored.inputs)
        memset(gradient, 0, (last - first) * n * sizeof(floating))
        for i in range(batch.n_rows):
            stop = start_of(stored, batch, i + 1)
            t = first_from(columns, start_of(stored, batch, i), stop, first)
            while t < stop and columns[t] < last:
                at = (columns[t] - first) * n
                if is_of_marks or x[t] != 0:
                    self.K.axpy(n, x[t], delta + i * n, gradient + at)
                if H != NULL:
                    self.K.axpy(n_shared, output_delta[t], H + i * n_shared, gradient + at)
                t += 1


cdef Py_ssize_t first_from(
    const int32_t* columns, Py_ssize_t low, Py_ssize_t high, int32_t column,
) noexcept nogil:
    """The first of the elements low … high whose column is not before this one."""
    cdef Py_ssize_t middle
    while low < high:
        middle = (low + high) // 2
        if columns[middle] < column:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline floating log1p(floating x) noexcept nogil:
    return ae_log1p_f32(x) if floating is float else ae_log1p_f64(x)


cdef void sums_of_rows(
    Plan plan, Rows rows, const ae_kernels* K, Layer* layer, const floating* params,
    Py_ssize_t first, int n_rows, floating* sums,
) noexcept nogil:
    """`SparseInput.forward` at inference: of some rows of a table, nothing of which is spoiled."""
    cdef const floating* W = params + layer.weights
    cdef Py_ssize_t n = layer.n_out, i, t
    cdef bint log_input = plan.family.log_input, has_mask = plan.family.input_mask
    cdef floating x
    memset(sums, 0, n_rows * n * sizeof(floating))
    for i in range(first, first + n_rows):
        for t in range(rows.starts[i], rows.stop_of(i, layer.n_in)):
            x = <floating> rows.stored(t)
            if x == x:
                if rows.sizes != NULL:
                    x = <floating> (x / rows.sizes[i])
                K.axpy(n, log1p[floating](x) if log_input else x, W + rows.columns[t] * n, sums)
                if has_mask:
                    K.axpy(n, 1, W + (layer.n_in + rows.columns[t]) * n, sums)
        sums += n
