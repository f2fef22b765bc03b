"""What a step works on: one block of memory, cut into the arrays of a batch and of each thread.

Only what a network needs is there. Within a step nothing is allocated. Here it is also decided, once,
where a step departs from a plain one: each departure is a file of layers/ with arrays of its own.
"""

from libc.stdint cimport uint16_t

from ae_core._engine.batch cimport Scratch, Trace
from ae_core._engine.kernels.table cimport AE_NOTHING, kernels_for
from ae_core._engine.layers.code cimport Code
from ae_core._engine.layers.contraction cimport Contraction
from ae_core._engine.layers.low_rank_output cimport LowRankOutput, can_do_without_output
from ae_core._engine.layers.sparse_input cimport SparseInput, is_looked_at_sparsely
from ae_core._engine.layers.sparse_output cimport SparseOutput, is_compared_sparsely
from ae_core._engine.memory cimport Room
from ae_core._engine.plan cimport Family, PIECE_ROWS, Plan
from ae_core._engine.rows cimport Rows


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
        cdef Py_ssize_t m = min(batch_size, rows.n_rows if order is None else order.shape[0])
        self.plan, self.rows = plan, rows
        self.itemsize, self.n_threads = itemsize, n_threads
        self.K = kernels_for(itemsize)
        self.tile_rows = plan.tile_rows(m)
        self.output = plan.output
        self.output.has_missing = rows.has_missing
        self._set_corruption(low, high)
        self._choose(order, m)
        self.room = Room()
        self._take_room(m, wants_whole_gradient)
        self.room.allocate(f"activations of a batch of {m} rows")
        self._take_room(m, wants_whole_gradient)
        if self.sparse_input is not None:
            self.sparse_input.index(order)

    @property
    def skips_output(self):
        """Whether a step makes no output: layers/low_rank_output.pyx takes its loss without it."""
        return self.low_rank_output is not None

    def _set_corruption(self, object low, object high):
        cdef Family* family = &self.plan.family
        cdef const float[::1] single
        cdef const double[::1] double_
        self.corruption.kind = family.corruption
        self.corruption.threshold = family.spoiled
        self.corruption.threshold_low = family.spoiled_low
        self.corruption.table = self.plan.quantiles(self.itemsize, True)
        self.keep_alive = (low, high)
        if not family.needs_limits:
            return
        for name, limits in (("low", low), ("high", high)):
            if limits is None or len(limits) != self.plan.n_features:
                raise ValueError(f"{name} has to have {self.plan.n_features} numbers: one per column")
        if self.itemsize == sizeof(float):
            single = low
            self.corruption.low = &single[0]
            single = high
            self.corruption.high = &single[0]
        else:
            double_ = low
            self.corruption.low = &double_[0]
            double_ = high
            self.corruption.high = &double_[0]

    cdef void _choose(self, const Py_ssize_t[::1] order, Py_ssize_t m):
        """Which departures from a plain network batches of m rows take."""
        cdef Plan plan = self.plan
        cdef Family* family = &plan.family
        self.changes_input = (
            self.rows.has_missing or family.corruption != AE_NOTHING or family.log_input
            or family.input_mask or self.rows.sizes != NULL
        )
        if is_looked_at_sparsely(plan, self.rows, family.corruption == AE_NOTHING or family.hides):
            self.sparse_input = SparseInput(plan, self.rows, order, m)
            self.sparse_input.K, self.sparse_input.corruption = self.K, self.corruption
        if is_compared_sparsely(self.sparse_input, &self.output):
            self.sparse_output = SparseOutput()
            self.sparse_output.plan, self.sparse_output.K = plan, self.K
            self.sparse_output.input, self.sparse_output.trace = self.sparse_input, &self.trace
            self.sparse_output.output = &self.output
        elif can_do_without_output(plan, self.sparse_input, &self.output, m):
            self.low_rank_output = LowRankOutput()
            self.low_rank_output.plan, self.low_rank_output.K = plan, self.K
            self.low_rank_output.layer = &plan.layers[plan.n_layers - 1]
            self.low_rank_output.input, self.low_rank_output.trace = self.sparse_input, &self.trace
        if self.sparse_input is not None:
            self.sparse_input.keeps_targets = (
                self.sparse_output is not None or self.low_rank_output is not None
            )
        if family.variational or family.is_changed or family.is_penalized:
            self.code = Code()
            self.code.plan, self.code.K, self.code.trace = plan, self.K, &self.trace
            self.code.tile_rows = self.tile_rows
        if family.contraction != 0:
            self.contraction = Contraction()
            self.contraction.plan, self.contraction.K = plan, self.K
            self.contraction.trace = &self.trace

        self.is_cut_by_columns = self.sparse_input is None and plan.is_cut_by_columns(m)

    cdef void _take_room(self, Py_ssize_t m, bint wants_whole_gradient):
        """Every array; called twice, as `Room` says."""
        cdef Plan plan = self.plan
        cdef Room room = self.room
        cdef Py_ssize_t size = self.itemsize
        cdef Py_ssize_t n_tiles = (m + self.tile_rows - 1) // self.tile_rows
        if self.is_cut_by_columns:
            n_tiles = (m + PIECE_ROWS - 1) // PIECE_ROWS
        self.tile_losses = <double*> room.take(n_tiles * sizeof(double))
        self.penalties = <double*> room.take(plan.n_slices * sizeof(double))
        self.gradient_squares = <double*> room.take(plan.n_slices * sizeof(double))
        if wants_whole_gradient:
            self.gradient = <char*> room.take(plan.n_params * size)
        self._take_scratch()
        self._take_layers(m)
        if self.sparse_input is not None:
            self.sparse_input.take_room(room, size)
        if self.sparse_output is not None:
            self.sparse_output.take_room(room, size, self.n_threads)
        if self.low_rank_output is not None:
            self.low_rank_output.take_room(room, size, m)
        if self.code is not None:
            self.code.take_room(room, size, m, self.n_threads)
        if self.contraction is not None:
            self.contraction.take_room(room, size, m, self.n_threads)

    cdef void _take_layers(self, Py_ssize_t m):
        """The trace: what each layer of a plain network leaves."""
        cdef Plan plan = self.plan
        cdef Family* family = &plan.family
        cdef Trace* trace = &self.trace
        cdef Room room = self.room
        cdef Py_ssize_t size = self.itemsize, i, units
        cdef int n = plan.n_layers
        cdef bint makes_output = self.sparse_output is None and self.low_rank_output is None
        trace.H, trace.A = room.take_pointers(n + 1), room.take_pointers(n + 1)
        trace.delta, trace.masks = room.take_pointers(n + 1), room.take_pointers(n + 1)
        if self.rows.weights != NULL:
            trace.weights = <double*> room.take(m * sizeof(double))
        if self.rows.sizes != NULL:
            trace.sizes = <double*> room.take(m * sizeof(double))
        if self.output.n_own:
            trace.own_delta = room.take(m * self.output.n_own * size)
        trace.n_side = plan.n_side if self.sparse_input is None else family.n_covariates
        if trace.n_side:
            trace.side = room.take(m * trace.n_side * size)
        if self.sparse_input is None:
            room.put(trace.H, 0, m * plan.n_features * size)
        for i in range(1, n):
            units = family.n_code if i == family.code else plan.layers[i - 1].n_out
            room.put(trace.H, i, m * units * size)
            if family.k_sparse if i == family.code else family.hidden:
                room.put(trace.masks, i, m * units * size)
            room.put(trace.delta, i, m * plan.layers[i - 1].n_out * size)
        if makes_output:
            room.put(trace.delta, n, m * plan.n_features * size)
            trace.targets = NULL
            if self.sparse_input is not None or self.rows.has_missing or (
                family.corruption != AE_NOTHING or family.log_input or self.rows.sizes != NULL
            ):
                trace.targets = room.take(m * plan.n_features * size)
        if room.buffer is None:
            return
        if makes_output and trace.targets == NULL:
            trace.targets = trace.H[0]
        for i in range(n):
            trace.A[i] = trace.H[i]

    cdef void _take_scratch(self):
        cdef Scratch mine
        self.scratch = <Scratch*> self.room.take(self.n_threads * sizeof(Scratch))
        for thread in range(self.n_threads):
            mine.thread = thread
            mine.gradient = self.room.take(self.plan.largest_slice * self.itemsize)
            mine.numbers = <uint16_t*> self.room.take((self.plan.widest + 4) * sizeof(uint16_t))
            if self.room.buffer is not None:
                self.scratch[<int> thread] = mine
