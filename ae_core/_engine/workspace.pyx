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
from ae_core._engine.memory cimport Room, numbers_of
from ae_core._engine.plan cimport Departure, Family, PIECE_ROWS, Plan
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
        choose(self, order, m)
        self.room = Room()
        take_room(self, m, wants_whole_gradient)
        self.room.allocate(f"activations of a batch of {m} rows")
        take_room(self, m, wants_whole_gradient)

    @property
    def skips_output(self):
        """Whether a step makes no output: layers/low_rank_output.pyx takes its loss without it."""
        return self.low_rank_output is not None

    def _set_corruption(self, object low, object high):
        cdef Family* family = &self.plan.family
        cdef tuple shape = (self.plan.n_features,)
        format = b"f" if self.itemsize == sizeof(float) else b"d"
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
        self.corruption.low = numbers_of(low, format, shape)
        self.corruption.high = numbers_of(high, format, shape)


cdef void choose(Workspace space, const Py_ssize_t[::1] order, Py_ssize_t m):
    """Which departures from a plain network batches of m rows take."""
    cdef Plan plan = space.plan
    cdef Family* family = &plan.family
    space.departures = []
    space.changes_input = (
        space.rows.has_missing or family.corruption != AE_NOTHING or family.log_input
        or family.input_mask or space.rows.sizes != NULL
    )
    if is_looked_at_sparsely(plan, space.rows, family.corruption == AE_NOTHING or family.hides):
        space.sparse_input = SparseInput(plan, space.rows, order, m)
        space.sparse_input.corruption = space.corruption
        join(space, space.sparse_input)
    if is_compared_sparsely(space.sparse_input, &space.output):
        space.sparse_output = SparseOutput()
        space.sparse_output.input, space.sparse_output.output = space.sparse_input, &space.output
        join(space, space.sparse_output)
    elif can_do_without_output(plan, space.sparse_input, &space.output, m):
        space.low_rank_output = LowRankOutput()
        space.low_rank_output.layer = &plan.layers[plan.n_layers - 1]
        space.low_rank_output.input = space.sparse_input
        join(space, space.low_rank_output)
    if space.sparse_input is not None:
        space.sparse_input.keeps_targets = (
            space.sparse_output is not None or space.low_rank_output is not None
        )
    if family.asks_of_code:
        space.code = Code()
        space.code.tile_rows = space.tile_rows
        join(space, space.code)
    if family.contraction != 0:
        space.contraction = Contraction()
        join(space, space.contraction)
    space.is_cut_by_columns = space.sparse_input is None and plan.is_cut_by_columns(m)


cdef void join(Workspace space, Departure departure):
    """Make a departure a part of the step."""
    departure.plan, departure.K, departure.trace = space.plan, space.K, &space.trace
    space.departures.append(departure)


cdef void take_room(Workspace space, Py_ssize_t m, bint wants_whole_gradient):
    """Every array; called twice, as `Room` says."""
    cdef Plan plan = space.plan
    cdef Room room = space.room
    cdef Py_ssize_t size = space.itemsize
    cdef Py_ssize_t n_tiles = (m + space.tile_rows - 1) // space.tile_rows
    if space.is_cut_by_columns:
        n_tiles = (m + PIECE_ROWS - 1) // PIECE_ROWS
    space.tile_losses = <double*> room.take(n_tiles * sizeof(double))
    space.penalties = <double*> room.take(plan.n_slices * sizeof(double))
    space.gradient_squares = <double*> room.take(plan.n_slices * sizeof(double))
    if wants_whole_gradient:
        space.gradient = <char*> room.take(plan.n_params * size)
    take_scratch(space)
    take_layers(space, m)
    for departure in space.departures:
        (<Departure> departure).take_room(room, size, m, space.n_threads)


cdef void take_layers(Workspace space, Py_ssize_t m):
    """The trace: what each layer of a plain network leaves."""
    cdef Plan plan = space.plan
    cdef Family* family = &plan.family
    cdef Trace* trace = &space.trace
    cdef Room room = space.room
    cdef Py_ssize_t size = space.itemsize, i, units
    cdef int n = plan.n_layers
    cdef bint makes_output = space.sparse_output is None and space.low_rank_output is None
    trace.H, trace.A = room.take_pointers(n + 1), room.take_pointers(n + 1)
    trace.delta, trace.masks = room.take_pointers(n + 1), room.take_pointers(n + 1)
    if space.rows.weights != NULL:
        trace.weights = <double*> room.take(m * sizeof(double))
    if space.rows.sizes != NULL:
        trace.sizes = <double*> room.take(m * sizeof(double))
    if space.output.n_own:
        trace.own_delta = room.take(m * space.output.n_own * size)
    trace.n_side = plan.n_side if space.sparse_input is None else family.n_covariates
    if trace.n_side:
        trace.side = room.take(m * trace.n_side * size)
    if space.sparse_input is None:
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
        if space.sparse_input is not None or space.rows.has_missing or (
            family.corruption != AE_NOTHING or family.log_input or space.rows.sizes != NULL
        ):
            trace.targets = room.take(m * plan.n_features * size)
    if room.buffer is None:
        return
    if makes_output and trace.targets == NULL:
        trace.targets = trace.H[0]
    for i in range(n):
        trace.A[i] = trace.H[i]


cdef void take_scratch(Workspace space):
    cdef Scratch mine
    space.scratch = <Scratch*> space.room.take(space.n_threads * sizeof(Scratch))
    for thread in range(space.n_threads):
        mine.thread = thread
        mine.gradient = space.room.take(space.plan.largest_slice * space.itemsize)
        mine.numbers = <uint16_t*> space.room.take((space.plan.widest + 4) * sizeof(uint16_t))
        if space.room.buffer is not None:
            space.scratch[<int> thread] = mine
