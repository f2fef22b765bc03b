"""What a step works on: one block of memory, cut into the arrays of a batch and of each thread.

Only what a network needs is there. Within a step nothing is allocated.
"""

from libc.stdint cimport int32_t, uint16_t

from ae_core._engine.kernels.table cimport (
    AE_IDENTITY, AE_MASKING, AE_NOTHING, AE_SALT_AND_PEPPER,
    AE_SQUARED_ERROR, ae_is_row_loss,
)
from ae_core._engine.memory cimport Buffer, padded
from ae_core._engine.plan cimport Family, Layer, Plan
from ae_core._engine.rows cimport Rows


# What going through an element that CSR stores costs, there and back, in multiplications of a product:
# measured from 2000 x 64 to 10 000 x 256, with 1 % to 30 % stored.
cdef double SINGLE = 8


cdef class Workspace:
    """The arrays for batches of so many rows.

    Parameters
    ----------
    plan : Plan
    rows : Rows
    itemsize : int
        Of the network's type.
    order : array of row numbers, or None for all rows in turn
    batch_size, n_threads : int
    wants_whole_gradient : bool
        Whether to have room for the gradient of all parameters.
    low, high : arrays of shape (n_features,), of the network's type
        Each column's limits, for the corruption that asks for them.

    Raises
    ------
    MemoryError
        When there is no room.
    """

    def __init__(
        self, Plan plan, Rows rows, Py_ssize_t itemsize, const Py_ssize_t[::1] order,
        Py_ssize_t batch_size, int n_threads, bint wants_whole_gradient, object low, object high,
    ):
        cdef Py_ssize_t n_order = rows.n_rows if order is None else order.shape[0]
        cdef Py_ssize_t m = min(batch_size, n_order)
        self.plan, self.rows = plan, rows
        self.tile_rows = plan.tile_rows(m)
        self.output = plan.output
        self.output.has_holes = rows.has_holes
        self._set_corruption(itemsize, low, high)
        cdef Py_ssize_t n_stored = self._most_stored(order, m)
        self.skips_output = self._skips_output(m, n_stored)
        self.at = NULL
        self._cut(itemsize, m, n_order, n_stored, n_threads, wants_whole_gradient)
        self.buffer = Buffer(<Py_ssize_t> self.at, f"activations of a batch of {m} rows")
        self.at = self.buffer.data
        self._cut(itemsize, m, n_order, n_stored, n_threads, wants_whole_gradient)
        if n_stored >= 0:
            self._index_stored(order)

    def _set_corruption(self, Py_ssize_t itemsize, object low, object high):
        cdef Family* family = &self.plan.family
        cdef const float[::1] single
        cdef const double[::1] double_
        self.corruption.kind = family.corruption
        self.corruption.threshold = family.spoiled
        self.corruption.threshold_low = family.spoiled_low
        self.corruption.table = self.plan.quantiles(itemsize, True)
        self.keep_alive = (low, high)
        if family.corruption != AE_SALT_AND_PEPPER:
            return
        for name, limits in (("low", low), ("high", high)):
            if limits is None or len(limits) != self.plan.n_features:
                raise ValueError(f"{name} has to have {self.plan.n_features} numbers: one per column")
        if itemsize == sizeof(float):
            single = low
            self.corruption.low = &single[0]
            single = high
            self.corruption.high = &single[0]
        else:
            double_ = low
            self.corruption.low = &double_[0]
            double_ = high
            self.corruption.high = &double_[0]

    cdef bint _takes_stored(self):
        """Whether what CSR does not store need not be looked at by the first layer."""
        cdef int kind = self.corruption.kind
        if self.rows.starts == NULL or not self.rows.zeros_stay():
            return False
        if self.plan.family.input_mask and not self.rows.implicit:  # what is not stored is seen
            return False
        return self.rows.implicit or kind == AE_NOTHING or kind == AE_MASKING  # zeros stay zeros

    cdef bint _compares_stored(self):
        """Whether it has no part in the loss either."""
        cdef int g
        for g in range(self.output.n_groups):
            if ae_is_row_loss(self.output.groups[g].loss):
                return False
        return self.rows.implicit and self.output.n_own == 0

    cdef bint _skips_output(self, Py_ssize_t m, Py_ssize_t n_stored):
        """Whether the loss can do without the output, and is faster so (see layers/low_rank_output.pyx)."""
        cdef Py_ssize_t n_features = self.plan.n_features
        cdef Layer* last = &self.plan.layers[self.plan.n_layers - 1]
        cdef int n_in = last.n_in
        if n_stored < 0 or self.output.has_holes or self.output.weights != NULL or last.n_side:
            return False
        if 2 * n_in > n_features:  # no low rank to speak of
            return False
        if self.output.n_groups > 1 or self.output.groups[0].loss != AE_SQUARED_ERROR:
            return False
        if self.output.groups[0].activation != AE_IDENTITY:
            return False
        # In multiplications of a product, by n_in: what is made of W, of what is stored, and instead.
        return 2.0 * n_in * n_features + SINGLE * n_stored < 3.0 * m * n_features

    cdef Py_ssize_t _most_stored(self, const Py_ssize_t[::1] order, Py_ssize_t m):
        """How many elements CSR stores of a batch at most; -1 where that does not matter."""
        cdef Py_ssize_t n = 0, most = 0, i, row, n_order
        if not self._takes_stored():
            return -1
        n_order = self.rows.n_rows if order is None else order.shape[0]
        for i in range(n_order):
            row = i if order is None else order[i]
            n = 0 if i % m == 0 else n
            n += self.rows.stop_of(row, self.plan.n_features) - self.rows.starts[row]
            most = max(most, n)
        return most

    def _index_stored(self, const Py_ssize_t[::1] order):
        """Where each row's elements start, one row after the other."""
        cdef Py_ssize_t i, row, n_order = self.rows.n_rows if order is None else order.shape[0]
        self.trace.stored_starts[0] = 0
        for i in range(n_order):
            row = i if order is None else order[i]
            self.trace.stored_starts[i + 1] = (
                self.trace.stored_starts[i]
                + self.rows.stop_of(row, self.plan.n_features) - self.rows.starts[row]
            )

    cdef void* _take(self, Py_ssize_t n_bytes):
        """The next array; the first time round this only counts."""
        cdef char* taken = self.at
        self.at += padded(n_bytes)
        return taken

    cdef void** _pointers(self):
        """The next array of one pointer per layer, all NULL."""
        cdef Py_ssize_t n = self.plan.n_layers + 1, i
        cdef void** pointers = <void**> self._take(n * sizeof(void*))
        if self.buffer is not None:
            for i in range(n):
                pointers[i] = NULL
        return pointers

    cdef void _put(self, void** pointers, Py_ssize_t i, Py_ssize_t n_bytes):
        """The next array, noted among those of the layers."""
        cdef void* taken = self._take(n_bytes)
        if self.buffer is not None:
            pointers[i] = taken

    cdef _cut(
        self, Py_ssize_t size, Py_ssize_t m, Py_ssize_t n_order, Py_ssize_t n_stored,
        int n_threads, bint wants_whole_gradient,
    ):
        cdef Plan plan = self.plan
        cdef Family* family = &plan.family
        cdef Trace* trace = &self.trace
        cdef Py_ssize_t n_tiles = (m + self.tile_rows - 1) // self.tile_rows
        cdef Py_ssize_t n_features = plan.n_features, i, units
        cdef int n = plan.n_layers
        cdef bint takes_stored = n_stored >= 0
        cdef bint compares_stored = takes_stored and self._compares_stored()
        cdef bint makes_output = not compares_stored and not self.skips_output
        trace.H, trace.delta, trace.masks = self._pointers(), self._pointers(), self._pointers()
        self.tile_losses = <double*> self._take(n_tiles * sizeof(double))
        self.squares = <double*> self._take(plan.n_slices * sizeof(double))
        self.gradient_squares = <double*> self._take(plan.n_slices * sizeof(double))
        if self.rows.weights != NULL:
            trace.weights = <double*> self._take(m * sizeof(double))
        if self.output.n_own:
            trace.own_delta = self._take(m * self.output.n_own * size)
        if wants_whole_gradient:
            self.gradient = <char*> self._take(plan.n_params * size)
        self._cut_scratch(size, n_threads)

        if takes_stored:
            trace.stored_starts = <Py_ssize_t*> self._take((n_order + 1) * sizeof(Py_ssize_t))
            trace.stored_columns = <int32_t*> self._take(n_stored * sizeof(int32_t))
            trace.stored_inputs = self._take(n_stored * size)
            if family.input_mask:
                trace.stored_seen = self._take(n_stored * size)
            if not makes_output:
                trace.stored_targets = self._take(n_stored * size)
            if compares_stored:
                trace.stored_delta = self._take(n_stored * size)
        else:
            self._put(trace.H, 0, m * n_features * size)
        self.n_side = family.n_covariates if takes_stored else plan.n_side
        if self.n_side:
            trace.side = self._take(m * self.n_side * size)
        if makes_output:
            if (
                takes_stored or self.rows.has_holes or family.corruption != AE_NOTHING
                or family.log_input
            ):
                trace.targets = self._take(m * n_features * size)
            elif self.buffer is not None:
                trace.targets = trace.H[0]
        for i in range(n):
            units = plan.layers[i].n_out
            if i < n - 1 or makes_output:
                self._put(trace.delta, i + 1, m * units * size)
            if i == family.code - 1 and family.variational:
                trace.posterior = self._take(m * units * size)
                trace.epsilon = self._take(m * family.n_code * size)
                units = family.n_code
            if i < n - 1:
                self._put(trace.H, i + 1, m * units * size)
                if family.k_sparse if i == family.code - 1 else family.hidden:
                    self._put(trace.masks, i + 1, m * units * size)
        if family.sparsity != 0:
            trace.code_sums = <double*> self._take(n_tiles * family.n_code * sizeof(double))
        if family.contraction != 0:
            self._cut_contraction(size, m)
        if self.skips_output:
            self._cut_wide(size, m)

    cdef _cut_scratch(self, Py_ssize_t size, int n_threads):
        cdef Plan plan = self.plan
        cdef Scratch mine
        cdef Py_ssize_t n_columns = plan.layers[0].n_in
        self.scratch = <Scratch*> self._take(n_threads * sizeof(Scratch))
        for thread in range(n_threads):
            mine.gradient = self._take(plan.largest_slice * size)
            mine.numbers = <uint16_t*> self._take((plan.widest + 4) * sizeof(uint16_t))
            mine.code = <double*> self._take(plan.family.n_code * sizeof(double))
            mine.columns = <double*> self._take(n_columns * sizeof(double))
            mine.jacobian = NULL
            if plan.family.contraction != 0:
                mine.jacobian = self._take(
                    <Py_ssize_t> plan.family.n_code * plan.layers[0].n_out * size
                )
            if self.buffer is not None:
                self.scratch[<int> thread] = mine

    cdef _cut_wide(self, Py_ssize_t size, Py_ssize_t m):
        cdef Trace* trace = &self.trace
        cdef Py_ssize_t n_in = self.plan.layers[self.plan.n_layers - 1].n_in
        trace.turned = self._take(self.plan.n_features * n_in * size)
        trace.wide_biases = self._take(self.plan.n_features * size)
        trace.wide_gram = self._take(n_in * n_in * size)
        trace.wide_spread = self._take(n_in * n_in * size)
        trace.wide_pull = self._take(n_in * size)
        trace.wide_total = self._take(n_in * size)
        trace.wide_shared = self._take(m * n_in * size)

    cdef _cut_contraction(self, Py_ssize_t size, Py_ssize_t m):
        cdef Family* family = &self.plan.family
        cdef Trace* trace = &self.trace
        cdef Py_ssize_t k = family.n_code, units, layer
        cdef Py_ssize_t n_1 = k if family.code == 1 else self.plan.layers[0].n_out
        trace.slopes, trace.curves = self._pointers(), self._pointers()
        trace.down, trace.up = self._pointers(), self._pointers()
        for layer in range(1, family.code + 1):
            units = k if layer == family.code else self.plan.layers[layer - 1].n_out
            self._put(trace.slopes, layer, m * units * size)
            self._put(trace.curves, layer, m * units * size)
            if layer < family.code:
                self._put(trace.down, layer, m * k * units * size)
                self._put(trace.up, layer, m * k * units * size)
        trace.gram = self._take((k if family.code == 1 else n_1 * n_1) * size)
        trace.spread = self._take((k if family.code == 1 else n_1 * n_1) * size)
