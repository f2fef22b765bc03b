"""Inference tile by tile: beyond the result, memory does not grow with the number of rows."""

from cython cimport floating

from ae_core._engine.layers.latent cimport infer_code
from ae_core._engine.kernels.table cimport AE_ARRAY_LOG1P, ae_kernels, ae_output, kernels_for
from ae_core._engine.memory cimport Buffer, padded
from ae_core._engine.passes cimport biases_of, layer_sums
from ae_core._engine.plan cimport Layer, Plan
from ae_core._engine.rows cimport Rows, fill_holes, gather
from ae_core._engine.layers.side_inputs cimport gather_covariates, mark_seen, side_sums
from ae_core._engine.layers.sparse cimport sums_of_stored
from ae_core._engine.team cimport Team, ae_counter, ae_take


cdef floating* through_layers(
    Plan plan, const ae_kernels* K, const floating* params, int first_layer, int last_layer,
    int height, const floating* inputs, const floating* side, int n_side, Rows stored,
    Py_ssize_t first_row, char* scratch, Py_ssize_t bytes, floating* result,
) noexcept nogil:
    """What layers `first_layer` up to but without `last_layer` give; of the network's last its sums.

    Of `scratch`, arrays of so many bytes, the second and third are used in turn. What the last of the
    layers gives goes to `result` if that is not NULL; returned is where it stands. With `stored` the
    inputs are not looked at, but the elements of its rows from `first_row` on. What layers are given
    beside that is side (height, n_side).
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
        outputs = <floating*> (scratch + (1 + i % 2) * bytes)
        if is_last and not is_mean:
            outputs = result
        if i == 0 and stored is not None:
            sums_of_stored[floating](plan, stored, K, layer, params, first_row, height, outputs)
        else:
            layer_sums[floating](K, layer, params, height, inputs, outputs)
        if layer.n_side:
            side_sums[floating](K, layer, params, height, side, n_side, outputs)
        if i == plan.n_layers - 1:
            break
        K.activate(
            layer.activation, height, layer.n_out, outputs, biases_of[floating](layer, params),
        )
        if i + 1 == plan.family.code:
            # What the layer was given is not needed any more: there is room.
            room = <floating*> (scratch + (1 + (i + 1) % 2) * bytes)
            code = outputs
            if is_last and is_mean:
                outputs = result
            infer_code[floating](plan, K, height, code, outputs, room)
        inputs = outputs
    return outputs


cdef class Inference(Team):
    """Some layers run on some rows; the last of them writes to the result, or leaves its losses."""

    cdef Plan plan
    cdef const ae_kernels* K
    cdef Py_ssize_t itemsize, n_rows, n_out     # n_out: numbers of a row of the result
    cdef int first_layer, last_layer, tile_rows, n_side
    cdef bint wants_losses
    cdef Rows rows
    cdef Rows stored                    # the same, where the first layer looks at what CSR stores alone
    cdef Rows table                     # targets and covariates: the rows themselves, or others
    cdef ae_output output
    cdef const void* params
    cdef char* result
    cdef Py_ssize_t scratch_bytes       # of one of the five arrays each thread needs
    cdef Buffer scratch
    cdef ae_counter tiles_taken
    cdef object keep_alive

    cdef void work(self, int thread) noexcept:
        with nogil:
            if self.itemsize == sizeof(float):
                self._work[float](thread, NULL)
            else:
                self._work[double](thread, NULL)

    cdef void _work(self, int thread, floating* of_this_type) noexcept nogil:
        cdef Py_ssize_t n_tiles = (self.n_rows + self.tile_rows - 1) // self.tile_rows
        cdef Py_ssize_t tile, first
        cdef int height
        while True:
            tile = ae_take(&self.tiles_taken, 1, self.n_threads)
            if tile >= n_tiles:
                return
            first = tile * self.tile_rows
            height = <int> min(self.tile_rows, self.n_rows - first)
            self._run_tile[floating](thread, first, height, NULL)
            if self.should_stop(thread, <double> height * self.plan.n_weights):
                return

    cdef void _run_tile(
        self, int thread, Py_ssize_t first, int height, floating* of_this_type,
    ) noexcept nogil:
        cdef char* scratch = self.scratch.data + 5 * self.scratch_bytes * thread
        cdef const floating* params = <const floating*> self.params
        cdef floating* targets = <floating*> (scratch + 3 * self.scratch_bytes)
        cdef floating* side = <floating*> (scratch + 4 * self.scratch_bytes)
        cdef const floating* inputs = <const floating*> scratch
        cdef const floating* compared = inputs
        cdef const floating* biases
        cdef floating* outputs
        cdef Layer* layer = &self.plan.layers[self.first_layer]
        cdef Py_ssize_t n = layer.n_in, count = height * n, n_features = self.plan.n_features
        cdef bint is_first = self.first_layer == 0
        cdef bint log_input = is_first and self.plan.family.log_input
        if self.stored is not None:
            if self.wants_losses:
                gather[floating](
                    self.rows, self.K, NULL, first, height, 0, n_features, targets, n_features,
                )
                compared = targets
        elif self.rows.n_columns == n and not log_input and self.rows.is_in_place(sizeof(floating)):
            inputs = compared = <const floating*> (self.rows.data + first * self.rows.row)
        elif self.rows.has_holes or log_input:
            gather[floating](self.rows, self.K, NULL, first, height, 0, n, targets, n)
            compared = targets
            if log_input:
                self.K.elementary(AE_ARRAY_LOG1P, count, targets, scratch)
                fill_holes[floating](count, <floating*> scratch, <floating*> scratch)
            else:
                fill_holes[floating](count, targets, <floating*> scratch)
        else:
            gather[floating](self.rows, self.K, NULL, first, height, 0, n, <floating*> scratch, n)
        if self.n_side > self.plan.family.n_covariates:
            mark_seen[floating](height, n, compared, side, self.n_side)
        if self.n_side and self.plan.family.n_covariates:
            gather_covariates[floating](
                self.table, self.K, NULL, first, height, self.plan.family.n_covariates, side,
                self.n_side,
            )
        if self.wants_losses and self.table is not self.rows:
            gather[floating](
                self.table, self.K, NULL, first, height, 0, n_features, targets, n_features,
            )
            compared = targets
        outputs = through_layers[floating](
            self.plan, self.K, params, self.first_layer, self.last_layer, height, inputs, side,
            self.n_side, self.stored, first, scratch, self.scratch_bytes,
            NULL if self.wants_losses else <floating*> self.result + first * self.n_out,
        )
        if self.last_layer < self.plan.n_layers:
            return
        layer = &self.plan.layers[self.last_layer - 1]
        biases = biases_of[floating](layer, params)
        if self.wants_losses:
            self.K.row_losses(
                &self.output, height, layer.n_out, outputs, biases, compared,
                <floating*> self.result + first,
            )
        else:
            self.K.activate_output(&self.output, height, layer.n_out, outputs, biases)


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
    cdef Inference job = Inference()
    job.plan = plan
    job.itemsize = sizeof(floating)
    job.K = kernels_for(job.itemsize)
    job.keep_alive = (params, result)
    job.params = &params[0]
    job.rows, job.table = rows, table
    job.output = plan.output
    job.output.own = &params[plan.own] if plan.output.n_own else NULL
    job.output.has_holes = table.has_holes
    job.result = <char*> &result[0, 0]
    job.n_rows, job.n_out = rows.n_rows, n_out
    job.first_layer, job.last_layer = first_layer, last_layer
    job.n_side = n_side
    if (
        first_layer == 0 and rows.starts != NULL and rows.zeros_stay()
        and (rows.implicit or not plan.family.input_mask)
    ):
        job.stored = rows
        job.n_side = min(n_side, n_covariates)
    job.wants_losses = wants_losses
    job.tile_rows = plan.tile_rows(job.n_rows)
    job.scratch_bytes = padded(<Py_ssize_t> job.tile_rows * plan.widest * job.itemsize)
    job.scratch = Buffer(5 * job.scratch_bytes * n_threads, "a tile of activations")
    job.run(n_threads)
