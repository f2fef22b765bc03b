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
from ae_core._engine.layers.dense cimport biases_of, some_input_delta, some_sums
from ae_core._engine.layers.output cimport output_delta
from ae_core._engine.layers.units cimport add_unit_losses, back_through_units, change_units
from ae_core._engine.passes cimport fill_tile
from ae_core._engine.plan cimport Layer, PIECE_ROWS, column_width
from ae_core._engine.workspace cimport Workspace

# Kinds of phases. Even ones are cut by columns, odd ones into pieces of rows.
cdef enum:
    SUMS, FILL, DELTA, UNITS, NOTHING, LOSS, NEITHER, BACK_THROUGH_UNITS


# Of each thread and layer: enough that none waits long for another's last one.
cdef enum:
    CELLS_OF_THREAD = 4
    FEWEST_ROWS = 32


# How a product's rows and columns are cut.
cdef struct Cut:
    int rows, columns
    Py_ssize_t n_of_rows, n_of_columns


cdef Cut cut_of(Workspace space, Phase* phase, int n_rows) noexcept nogil:
    """Into as few cells as keep all threads busy, because weights are packed for each anew.

    First by columns, whose weights are packed only once then. Where a cell is left to BLAS, its
    size is always the same, for BLAS' bits may go by it.
    """
    cdef Layer* layer = &space.plan.layers[phase.layer]
    cdef int n_columns = layer.n_out if phase.kind == SUMS else layer.n_in
    cdef int depth = layer.n_in if phase.kind == SUMS else layer.n_out
    cdef int wanted = CELLS_OF_THREAD * space.n_threads if space.n_threads > 1 else 1
    cdef int n_blocks
    cdef Cut cut
    cut.rows, cut.columns = space.tile_rows, column_width(n_columns)
    if is_ours(space.K, cut.rows, cut.columns, depth):
        n_blocks = (n_columns + cut.columns - 1) // cut.columns
        wanted = (wanted + n_blocks - 1) // n_blocks
        cut.rows = min(n_rows, max(FEWEST_ROWS, (n_rows + wanted - 1) // wanted))
        while cut.rows > FEWEST_ROWS and not is_ours(space.K, cut.rows, cut.columns, depth):
            cut.rows //= 2
    cut.n_of_rows = (n_rows + cut.rows - 1) // cut.rows
    cut.n_of_columns = (n_columns + cut.columns - 1) // cut.columns
    return cut


cdef int n_phases(Workspace space) noexcept nogil:
    """Forward, the loss, and back."""
    return 1 + 2 * space.plan.n_layers + 2 * (space.plan.n_layers - 1)


cdef Phase phase_of(Workspace space, int number) noexcept nogil:
    """The rows are taken; layer by layer sums and then units, or the loss; and all that backwards."""
    cdef int last = space.plan.n_layers - 1, layer
    cdef Phase phase
    phase.kind, phase.layer = FILL, 0
    if number == 0:
        return phase
    number -= 1
    if number < 2 * (last + 1):
        phase.layer = number // 2
        if number % 2 == 0:
            phase.kind = SUMS
        elif phase.layer == last:
            phase.kind = LOSS
        else:
            phase.kind = NOTHING if space.plan.layers[phase.layer].is_plain else UNITS
        return phase
    number -= 2 * (last + 1)
    layer = last - number // 2
    phase.layer = layer
    if number % 2 == 0:
        phase.kind = DELTA
    else:
        phase.kind = NOTHING if space.plan.layers[layer - 1].is_plain else BACK_THROUGH_UNITS
    return phase


cdef inline bint is_cut_by_columns(Phase* phase) noexcept nogil:
    """Whether it is a product."""
    return phase.kind % 2 == 0 and phase.kind != NOTHING


cdef bint takes_loss(Phase* phase) noexcept nogil:
    """Whether the cells of this phase have losses."""
    return phase.kind == LOSS


cdef Py_ssize_t n_cells(Workspace space, Batch* batch, Phase* phase) noexcept nogil:
    """How many cells or pieces there are; 0 where nothing is to be done."""
    cdef Cut cut
    if phase.kind == NOTHING:
        return 0
    if is_cut_by_columns(phase):
        cut = cut_of(space, phase, batch.n_rows)
        return cut.n_of_rows * cut.n_of_columns
    return (batch.n_rows + PIECE_ROWS - 1) // PIECE_ROWS


cdef double do_cell(
    Workspace space, Phase* phase, Py_ssize_t cell, Batch* batch, Scratch* mine,
    const floating* params,
) noexcept nogil:
    """Do one of them; returns its losses, times weights, summed, if it has any."""
    cdef Py_ssize_t rows = PIECE_ROWS, block = cell
    cdef int first = 0, n_columns = 0
    cdef Cut cut
    cdef Tile tile
    if is_cut_by_columns(phase):
        cut = cut_of(space, phase, batch.n_rows)
        # Some columns' weights are read for all rows in turn.
        rows, block = cut.rows, cell % cut.n_of_rows
        first, n_columns = <int> (cell // cut.n_of_rows) * cut.columns, cut.columns
    tile.batch, tile.mine = batch, mine
    tile.first = block * rows
    tile.n_rows = <int> min(rows, batch.n_rows - tile.first)
    if phase.kind == FILL:
        fill_tile[floating](space, &tile, params)
    elif phase.kind == SUMS:
        make_sums[floating](space, &tile, params, phase.layer, first, n_columns)
    elif phase.kind == UNITS:
        change_units[floating](
            space, &tile, phase.layer + 1, <floating*> space.trace.H[phase.layer + 1]
            + tile.first * space.plan.layers[phase.layer + 1].n_in,
        )
    elif phase.kind == LOSS:
        return take_loss[floating](space, &tile, params)
    elif phase.kind == DELTA:
        make_delta[floating](space, &tile, params, phase.layer, first, n_columns)
    else:
        back_through_units[floating](
            space, &tile, phase.layer,
            <floating*> space.trace.H[phase.layer]
            + tile.first * space.plan.layers[phase.layer].n_in,
            <floating*> space.trace.delta[phase.layer]
            + tile.first * space.plan.layers[phase.layer - 1].n_out,
        )
    return 0


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
    some_sums[floating](
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


cdef double take_loss(Workspace space, Tile* tile, const floating* params) noexcept nogil:
    """The output's sums of some rows become its delta."""
    cdef int n = space.plan.n_layers
    cdef double loss = output_delta[floating](
        space, tile, params,
        <floating*> space.trace.delta[n] + tile.first * space.plan.layers[n - 1].n_out,
    )
    add_unit_losses[floating](space, tile, params, &loss)
    return loss


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
    some_input_delta[floating](
        space.K, layer, params, tile.n_rows,
        <floating*> trace.delta[i + 1] + tile.first * layer.n_out, first, width, delta, below.n_out,
    )
    if not below.is_plain:
        return
    for _row in range(tile.n_rows):
        space.K.through_activation(below.activation, width, delta, H, NULL)
        delta += below.n_out
        H += layer.n_in
