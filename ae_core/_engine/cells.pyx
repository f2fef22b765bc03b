"""Phase 1 of a long step on few rows: layer by layer, each cut by columns too.

A tile of rows goes all the way by itself, and every tile reads all weights: with few rows there are
few tiles, and most threads have nothing to do. Where a step is long, the rows meet after every layer
instead, and a layer's product is cut into cells: the rows of a tile times some columns, whose weights
nobody else reads. Barriers of a microsecond or two are nothing beside its milliseconds.

What needs whole rows (taking them from the table, the loss, what happens to units beside their
activation) is cut into pieces of a few rows.

An element of a product is the same however the product is cut (kernels/matmul_body.h), so that the
passes of passes.pyx and these give the same bits, and how large the cells are may be the number of
threads' business; but the loss is added up piece by piece, whose size is always the same.
"""

from cython cimport floating

from ae_core._engine.batch cimport Batch, Scratch, Tile, Trace
from ae_core._engine.kernels.table cimport is_ours
from ae_core._engine.layers.dense cimport biases_of, input_delta, layer_sums
from ae_core._engine.passes cimport (
    add_unit_losses, back_through_units, change_units, fill_tile, output_delta,
)
from ae_core._engine.plan cimport Layer, PIECE_ROWS, column_width, n_blocks
from ae_core._engine.workspace cimport Workspace

# Kinds of phases: SUMS and DELTA are products, the others take whole rows.
cdef enum:
    FILL, SUMS, UNITS, LOSS, DELTA, BACK_THROUGH_UNITS


# Of each thread and layer: enough that none waits long for another's last one.
cdef enum:
    CELLS_OF_THREAD = 4
    FEWEST_ROWS = 32


cdef int n_phases(Workspace space) noexcept nogil:
    """The rows are taken; two for each layer forward, and two backward for each but the first."""
    return 1 + 2 * space.plan.n_layers + 2 * (space.plan.n_layers - 1)


cdef Phase phase_of(Workspace space, int number, int n_rows) noexcept nogil:
    """The rows are taken; layer by layer sums and then units, or the loss; and all that backwards."""
    cdef Layer* layers = space.plan.layers
    cdef int last = space.plan.n_layers - 1
    cdef int backward = number - 2 * last - 3  # below 0 on the way forward
    cdef Phase phase
    phase.layer = (number - 1) // 2 if backward < 0 else last - backward // 2
    if number % 2 == 1:
        phase.kind = SUMS if backward < 0 else DELTA
        cut(space, &phase, n_rows)
        return phase
    phase.rows, phase.columns = PIECE_ROWS, 0
    phase.n_of_rows = phase.n_cells = (n_rows + PIECE_ROWS - 1) // PIECE_ROWS
    if number == 0:
        phase.kind = FILL
    elif backward >= 0:
        phase.kind = BACK_THROUGH_UNITS
        if layers[phase.layer - 1].is_plain:
            phase.n_cells = 0
    elif phase.layer == last:
        phase.kind = LOSS
    else:
        phase.kind = UNITS
        if layers[phase.layer].is_plain:
            phase.n_cells = 0
    return phase


cdef void cut(Workspace space, Phase* phase, int n_rows) noexcept nogil:
    """Into as few cells as keep all threads busy, because weights are packed for each anew.

    First by columns, whose weights are packed only once then. Where a cell is left to BLAS, its
    size is always the same, for BLAS' bits may go by it.
    """
    cdef Layer* layer = &space.plan.layers[phase.layer]
    cdef int n_columns = layer.n_out if phase.kind == SUMS else layer.n_in
    cdef int depth = layer.n_in if phase.kind == SUMS else layer.n_out
    cdef int n_of_columns = <int> n_blocks(n_columns)
    cdef int wanted = CELLS_OF_THREAD * space.n_threads if space.n_threads > 1 else 1
    phase.rows, phase.columns = space.tile_rows, column_width(n_columns)
    if is_ours(space.K, phase.rows, phase.columns, depth):
        wanted = (wanted + n_of_columns - 1) // n_of_columns
        phase.rows = min(n_rows, max(FEWEST_ROWS, (n_rows + wanted - 1) // wanted))
        while phase.rows > FEWEST_ROWS and not is_ours(space.K, phase.rows, phase.columns, depth):
            phase.rows //= 2
    phase.n_of_rows = (n_rows + phase.rows - 1) // phase.rows
    phase.n_cells = phase.n_of_rows * n_of_columns


cdef void do_cell(
    Workspace space, Phase* phase, Py_ssize_t cell, Batch* batch, Scratch* mine,
    const floating* params,
) noexcept nogil:
    """Do one of them; notes its losses, times weights, summed, if it has any."""
    cdef Trace* trace = &space.trace
    cdef int i = phase.layer
    cdef Layer* layers = space.plan.layers
    cdef int first = <int> (cell // phase.n_of_rows) * phase.columns
    cdef Tile tile
    tile.batch, tile.mine = batch, mine
    # Some columns' weights are read for all rows in turn.
    tile.first = cell % phase.n_of_rows * phase.rows
    tile.n_rows = <int> min(phase.rows, batch.n_rows - tile.first)
    if phase.kind == FILL:
        fill_tile[floating](space, &tile, params)
    elif phase.kind == SUMS:
        make_sums[floating](space, &tile, params, i, first, phase.columns)
    elif phase.kind == UNITS:
        change_units[floating](
            space, &tile, i + 1, <floating*> trace.H[i + 1] + tile.first * layers[i + 1].n_in,
        )
    elif phase.kind == LOSS:  # the output's sums become its delta
        space.tile_losses[cell] = output_delta[floating](
            space, &tile, params, <floating*> trace.delta[i + 1] + tile.first * layers[i].n_out,
        )
        add_unit_losses[floating](space, &tile, params, &space.tile_losses[cell])
    elif phase.kind == DELTA:
        make_delta[floating](space, &tile, params, i, first, phase.columns)
    else:
        back_through_units[floating](
            space, &tile, i, <floating*> trace.H[i] + tile.first * layers[i].n_in,
            <floating*> trace.delta[i] + tile.first * layers[i - 1].n_out,
        )


cdef void make_sums(
    Workspace space, Tile* tile, const floating* params, int i, int first, int width,
) noexcept nogil:
    """Some columns of a layer's activations, or of the last layer's sums without biases."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[i]
    cdef int _row
    cdef const floating* biases = biases_of[floating](layer, params)
    cdef bint is_last = i == space.plan.n_layers - 1
    cdef floating* A = <floating*> (trace.delta[i + 1] if is_last else trace.A[i + 1])
    A += tile.first * layer.n_out + first
    width = min(width, layer.n_out - first)
    layer_sums[floating](
        space.K, layer, params, tile.n_rows, <floating*> trace.H[i] + tile.first * layer.n_in,
        <floating*> trace.side + tile.first * trace.n_side, trace.n_side, first, width, A,
    )
    if is_last:
        return
    if biases != NULL:
        biases += first
    for _row in range(tile.n_rows):
        space.K.activate(layer.activation, 1, width, A, biases)
        A += layer.n_out


cdef void make_delta(
    Workspace space, Tile* tile, const floating* params, int i, int first, int width,
) noexcept nogil:
    """Some columns of delta[i]: ∂loss / ∂H[i], and through the activation where nothing else is."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[i]
    cdef Layer* below = &space.plan.layers[i - 1]
    cdef int _row
    cdef floating* delta = <floating*> trace.delta[i] + tile.first * below.n_out + first
    cdef const floating* H = <floating*> trace.H[i] + tile.first * layer.n_in + first
    width = min(width, layer.n_in - first)
    input_delta[floating](
        space.K, layer, params, tile.n_rows,
        <floating*> trace.delta[i + 1] + tile.first * layer.n_out, first, width, delta, below.n_out,
    )
    if not below.is_plain:
        return
    for _row in range(tile.n_rows):
        space.K.through_activation(below.activation, width, delta, H, NULL)
        delta += below.n_out
        H += layer.n_in
