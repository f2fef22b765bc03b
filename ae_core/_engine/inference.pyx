"""Inference tile by tile: beyond the result, memory does not grow with the number of rows."""

from cython cimport floating

from ae_core._engine.kernels.table cimport (
    AE_NOTHING, ae_corruption, ae_kernels, ae_output, kernels_for,
)
from ae_core._engine.layers.code cimport infer_code
from ae_core._engine.layers.dense cimport activate, biases_of, layer_sums
from ae_core._engine.layers.dense_input cimport give
from ae_core._engine.layers.row_sizes cimport add_offsets
from ae_core._engine.layers.side_inputs cimport gather_covariates, side_sums
from ae_core._engine.layers.sparse_input cimport is_looked_at_sparsely, sums_of_rows
from ae_core._engine.memory cimport Buffer, padded
from ae_core._engine.plan cimport Layer, Plan
from ae_core._engine.rows cimport Rows, gather
from ae_core._engine.team cimport Team, ae_counter, ae_take


# Of a tile that is there for another thread: weights are packed for each tile anew.
cdef enum:
    FEWEST_ROWS = 16


cdef void give_seen(
    Plan plan, const ae_kernels* K, int n_rows, const double* sizes, const floating* targets,
    floating* inputs, floating* side, Py_ssize_t n_side,
) noexcept nogil:
    """inputs (n_rows, n_features) of targets, NaN where missing, and marks, as nothing is spoiled.

    Of rows of these sizes (n_rows,), or NULL.
    """
    cdef ae_corruption nothing
    nothing.kind = AE_NOTHING
    give[floating](
        plan, K, &nothing, NULL, NULL, 0, n_rows, sizes, targets, inputs, side, n_side,
    )


cdef floating* through_layers(
    Plan plan, const ae_kernels* K, const floating* params, int first_layer, int last_layer,
    int n_rows, const floating* inputs, const floating* side, int n_side, Rows sparse,
    Py_ssize_t first_row, char* arrays, Py_ssize_t bytes, floating* result,
) noexcept nogil:
    """What layers `first_layer` up to but without `last_layer` give; of the network's last its sums.

    Of `arrays`, each of so many bytes, the second and third are used in turn. What the last of the
    layers gives goes to `result` if that is not NULL; returned is where it stands. With `sparse` the
    inputs are not looked at, but the elements of its rows from `first_row` on. What layers are given
    beside that is side (n_rows, n_side).
    """
    cdef floating* outputs = NULL
    cdef floating* code
    cdef floating* room
    cdef Layer* layer
    cdef bint is_mean, is_last
    cdef int i
    for i in range(first_layer, last_layer):
        layer = &plan.layers[i]
        is_last = i == last_layer - 1 and result != NULL
        # Of a variational code there is less in the end than its layer gives.
        is_mean = i + 1 == plan.family.code and plan.family.variational
        outputs = <floating*> (arrays + (1 + i % 2) * bytes)
        if is_last and not is_mean:
            outputs = result
        if i == 0 and sparse is not None:
            sums_of_rows[floating](plan, sparse, K, layer, params, first_row, n_rows, outputs)
            if layer.n_side:
                side_sums[floating](
                    K, layer, params, n_rows, side, n_side, 0, layer.n_out, outputs,
                )
        else:
            layer_sums[floating](
                K, layer, params, n_rows, inputs, side, n_side, 0, layer.n_out, outputs,
            )
        if i == plan.n_layers - 1:
            break
        activate[floating](K, layer, params, n_rows, outputs)
        if i + 1 == plan.family.code:
            # What the layer was given is not needed any more: there is room.
            room = <floating*> (arrays + (1 + (i + 1) % 2) * bytes)
            code = outputs
            if is_last and is_mean:
                outputs = result
            infer_code[floating](plan, K, n_rows, code, outputs, room)
        inputs = outputs
    return outputs


cdef class Inference(Team):
    """Some layers run on some rows; the last of them writes to the result, or leaves its losses."""

    cdef Plan plan
    cdef const ae_kernels* K
    cdef Py_ssize_t itemsize, n_rows, n_out     # n_out: numbers of a row of the result
    cdef int first_layer, last_layer, tile_rows, n_side
    cdef bint wants_losses, changes_input
    cdef Rows rows
    cdef Rows sparse                    # the same, where the first layer looks at what CSR stores alone
    cdef Rows table                     # targets and covariates: the rows themselves, or others
    cdef ae_output output
    cdef const void* params
    cdef char* result
    cdef Py_ssize_t bytes               # of one of the five arrays each thread needs
    cdef Buffer arrays
    cdef ae_counter tiles_taken
    cdef object keep_alive

    cdef void work(self, int thread) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                self._work[float](thread, <const float*> self.params)
            else:
                self._work[double](thread, <const double*> self.params)

    cdef void _work(self, int thread, const floating* params) noexcept nogil:
        cdef Py_ssize_t n_tiles = (self.n_rows + self.tile_rows - 1) // self.tile_rows
        cdef Py_ssize_t tile, first
        cdef int n_rows
        while ae_take(&self.tiles_taken, n_tiles, self.n_threads, &tile):
            first = tile * self.tile_rows
            n_rows = <int> min(self.tile_rows, self.n_rows - first)
            self._run_tile[floating](thread, first, n_rows, params)
            if self.should_stop(thread, <double> n_rows * self.plan.n_weights):
                return

    cdef void _run_tile(
        self, int thread, Py_ssize_t first, int n_rows, const floating* params,
    ) noexcept nogil:
        cdef char* arrays = self.arrays.data + 5 * self.bytes * thread
        cdef floating* side = <floating*> (arrays + 4 * self.bytes)
        cdef const floating* inputs
        cdef const floating* compared
        cdef const floating* biases
        cdef floating* outputs
        cdef Layer* last = &self.plan.layers[self.last_layer - 1]
        self._fill[floating](first, n_rows, arrays, &inputs, &compared)
        if self.n_side and self.plan.family.n_covariates:
            gather_covariates[floating](
                self.table, self.K, NULL, first, n_rows, self.plan.family.n_covariates, side,
                self.n_side,
            )
        outputs = through_layers[floating](
            self.plan, self.K, params, self.first_layer, self.last_layer, n_rows, inputs, side,
            self.n_side, self.sparse, first, arrays, self.bytes,
            NULL if self.wants_losses else <floating*> self.result + first * self.n_out,
        )
        if self.last_layer < self.plan.n_layers:
            return
        biases = biases_of[floating](last, params)
        if self.table.sizes != NULL:
            add_offsets[floating](
                &self.output, n_rows, last.n_out, self.table.sizes + first, outputs,
            )
        if self.wants_losses:
            self.K.row_losses(
                &self.output, n_rows, last.n_out, outputs, biases, compared,
                <floating*> self.result + first,
            )
        else:
            self.K.activate_output(&self.output, n_rows, last.n_out, outputs, biases)

    cdef void _fill(
        self, Py_ssize_t first, int n_rows, char* arrays, const floating** inputs,
        const floating** compared,
    ) noexcept nogil:
        """Where what is given and, if losses are wanted, what it is compared with stand."""
        cdef floating* given = <floating*> arrays
        cdef floating* targets = <floating*> (arrays + 3 * self.bytes)
        cdef floating* side = <floating*> (arrays + 4 * self.bytes)
        cdef Py_ssize_t n = self.plan.layers[self.first_layer].n_in
        cdef Py_ssize_t n_features = self.plan.n_features
        cdef const double* sizes = self.rows.sizes
        cdef ae_corruption nothing
        nothing.kind = AE_NOTHING
        inputs[0], compared[0] = given, targets
        if self.sparse is not None:
            pass
        elif self.changes_input:
            gather[floating](self.rows, self.K, NULL, first, n_rows, 0, n, targets, n)
            if self.first_layer == 0:
                if sizes != NULL:
                    sizes += first
                give_seen[floating](
                    self.plan, self.K, n_rows, sizes, targets, given, side, self.n_side,
                )
            else:  # 0 where it is missing
                self.K.spoil(&nothing, n_rows * n, targets, NULL, given)
        elif self.rows.n_columns == n and self.rows.is_in_place(sizeof(floating)):
            inputs[0] = compared[0] = <const floating*> (self.rows.data + first * self.rows.row)
        else:
            gather[floating](self.rows, self.K, NULL, first, n_rows, 0, n, given, n)
            compared[0] = given
        if self.wants_losses and (self.sparse is not None or self.table is not self.rows):
            gather[floating](
                self.table, self.K, NULL, first, n_rows, 0, n_features, targets, n_features,
            )
            compared[0] = targets


def run_layers(
    Plan plan not None, const floating[::1] params not None, Rows rows not None,
    floating[:, ::1] result not None,
    int first_layer, int last_layer, bint wants_losses, int n_threads, Rows table=None,
):
    """Run layers `first_layer` up to but without `last_layer` on some rows, in tiles.

    Parameters
    ----------
    plan : Plan
    params : array of shape (n_params,)
    rows : m rows of the table, or of the activations that the first of these layers is given
    result : array of shape (m, n_out of the last), or (m, 1) for losses
    first_layer, last_layer : int
    wants_losses : bool
        Whether the result is the loss of each row instead; only up to the last layer.
    n_threads : int
    table : m rows of the table, optional
        What losses compare with, and whose last columns are covariates; by default the rows
        themselves.

    Raises
    ------
    ValueError
        When shapes do not fit.
    MemoryError
        When there is no room for the tiles.
    KeyboardInterrupt
        On Ctrl-C.
    """
    if not 0 <= first_layer < last_layer <= plan.n_layers:
        raise ValueError(f"layers {first_layer} to {last_layer}: there are {plan.n_layers}")
    if wants_losses and last_layer < plan.n_layers:
        raise ValueError("only what the last layer gives has losses")
    cdef Py_ssize_t n_out = 1 if wants_losses else plan.layers[last_layer - 1].n_out
    if not wants_losses and last_layer == plan.family.code:
        n_out = plan.family.n_code  # of a variational code the mean alone
    cdef int n_covariates = plan.family.n_covariates
    cdef int n_side = 0, i
    for i in range(first_layer, last_layer):
        n_side = max(n_side, plan.layers[i].n_side)
    cdef Py_ssize_t n_columns = plan.layers[first_layer].n_in
    if first_layer == 0:
        n_columns += n_covariates
    table = rows if table is None else table
    if (
        (wants_losses or n_side) and table.n_rows != rows.n_rows
        or wants_losses and table.n_columns != plan.n_features + n_covariates
        or n_side and table.n_columns < n_covariates
    ):
        raise ValueError(f"table has shape ({table.n_rows}, {table.n_columns})")
    if n_threads < 1:
        raise ValueError(f"n_threads={n_threads}: at least 1 is needed")
    if params.shape[0] != plan.n_params:
        raise ValueError(f"params has {params.shape[0]} entries: {plan.n_params} are needed")
    if rows.n_columns != n_columns:
        raise ValueError(f"X has {rows.n_columns} columns, not {n_columns}")
    if result.shape[0] != rows.n_rows or result.shape[1] != n_out:
        raise ValueError(f"result must have shape ({rows.n_rows}, {n_out})")
    if rows.n_rows == 0:
        return
    plan.prepare(plan.tile_rows(rows.n_rows), sizeof(floating))
    cdef Inference job = Inference()
    job.plan = plan
    job.itemsize = sizeof(floating)
    job.K = kernels_for(job.itemsize)
    job.keep_alive = (params, result)
    job.params = &params[0]
    job.rows, job.table = rows, table
    job.output = plan.output
    job.output.own = &params[plan.own] if plan.output.n_own else NULL
    job.output.has_missing = table.has_missing
    job.result = <char*> &result[0, 0]
    job.n_rows, job.n_out = rows.n_rows, n_out
    job.first_layer, job.last_layer = first_layer, last_layer
    job.n_side = n_side
    if first_layer == 0 and is_looked_at_sparsely(plan, rows, True):
        job.sparse = rows
        job.n_side = min(n_side, n_covariates)
    else:
        job.changes_input = rows.has_missing or first_layer == 0 and (
            plan.family.log_input or plan.family.input_mask or rows.sizes != NULL
        )
    job.wants_losses = wants_losses
    job.tile_rows = plan.tile_rows(job.n_rows)
    if n_threads > 1 and not plan.needs_blas(job.n_rows, job.itemsize):
        # Work for everybody; a row's bits do not go by its tile, unless BLAS has a part in them.
        job.tile_rows = min(
            job.tile_rows, max(FEWEST_ROWS, <int> ((job.n_rows + n_threads - 1) // n_threads)),
        )
    job.bytes = padded(<Py_ssize_t> job.tile_rows * plan.widest * job.itemsize)
    job.arrays = Buffer(5 * job.bytes * n_threads, "a tile of activations")
    job.run(n_threads)
