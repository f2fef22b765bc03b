"""Phase 1 of a step: a tile of rows forward and backward.

The same mathematics as ae_core/network/passes.py, where it is explained. Here the order is chosen so
that rows never talk to each other in phase 1, and parameters never do in phase 2 (gradients.pyx): each
can be cut among threads without a buffer per thread, and gives the same bits however it is cut.

It is in three parts, because some penalties on the code need all rows of a batch before the decoder
may start: `fill_tile`, `encode_tile`, `finish_tile`.

What is written here is the plain autoencoder, and where a step departs from it: how it does so stands
in a file of layers/.
"""

from cython cimport floating

from ae_core._engine.batch cimport Batch, Tile, Trace, row_number
from ae_core._engine.layers.dense cimport activate, biases_of, input_delta, layer_sums
from ae_core._engine.layers.dense_input cimport give
from ae_core._engine.layers.row_sizes cimport add_offsets
from ae_core._engine.layers.side_inputs cimport gather_covariates, side_sums
from ae_core._engine.plan cimport Layer
from ae_core._engine.rows cimport gather, gather_per_row
from ae_core._engine.workspace cimport Workspace


# --- the input ----------------------------------------------------------------------------------


cdef void fill_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil:
    """Take the tile's rows from the table: what the loss compares with, and what is given."""
    cdef Trace* trace = &space.trace
    cdef Batch* batch = tile.batch
    cdef Py_ssize_t n = space.plan.n_features, row = batch.first + tile.first
    cdef int n_covariates = space.plan.family.n_covariates
    cdef floating* targets = <floating*> trace.targets + tile.first * n
    cdef floating* side = <floating*> trace.side + tile.first * trace.n_side
    cdef double* sizes = NULL
    if trace.weights != NULL:
        gather_per_row(
            space.rows.weights, batch.order, row, tile.n_rows, trace.weights + tile.first,
        )
    if trace.sizes != NULL:
        sizes = trace.sizes + tile.first
        gather_per_row(space.rows.sizes, batch.order, row, tile.n_rows, sizes)
    if trace.targets != NULL:
        gather[floating](space.rows, space.K, batch.order, row, tile.n_rows, 0, n, targets, n)
    if n_covariates:
        gather_covariates[floating](
            space.rows, space.K, batch.order, row, tile.n_rows, n_covariates, side, trace.n_side,
        )
    if space.sparse_input is not None:
        space.sparse_input.fill[floating](tile, <floating*> space.sparse_input.stored.inputs)
    elif space.changes_input:
        give[floating](
            space.plan, space.K, &space.corruption, batch, tile.mine.numbers, tile.first,
            tile.n_rows, sizes, targets, <floating*> trace.H[0] + tile.first * n, side, trace.n_side,
        )


# --- a layer that is not the last ---------------------------------------------------------------


cdef inline void forward_layer(
    Workspace space, Tile* tile, const floating* params, int i,
) noexcept nogil:
    """H[i + 1] from H[i]."""
    cdef Trace* trace = &space.trace
    cdef Layer* layer = &space.plan.layers[i]
    cdef Py_ssize_t first = tile.first, n_units = space.plan.layers[i + 1].n_in
    cdef floating* A = <floating*> trace.A[i + 1] + first * layer.n_out
    cdef const floating* side = <floating*> trace.side + first * trace.n_side
    if i == 0 and space.sparse_input is not None:
        space.sparse_input.forward[floating](params, tile, A)
        if layer.n_side:
            side_sums[floating](
                space.K, layer, params, tile.n_rows, side, trace.n_side, 0, layer.n_out, A,
            )
    else:
        layer_sums[floating](
            space.K, layer, params, tile.n_rows, <floating*> trace.H[i] + first * layer.n_in,
            side, trace.n_side, 0, layer.n_out, A,
        )
    activate[floating](space.K, layer, params, tile.n_rows, A)
    if not layer.is_plain:
        change_units[floating](
            space, tile, i + 1, <floating*> trace.H[i + 1] + first * n_units,
        )


cdef void change_units(Workspace space, Tile* tile, int layer, floating* H) noexcept nogil:
    """Change the activations H (n_rows, units) of layer 1 … n_layers - 1 in place.

    Dropout hides some of them; of the code more may be asked. Plain layers do not come here.
    """
    if layer == space.plan.family.code:
        if space.code is not None:
            space.code.forward[floating](tile, H)
    elif space.plan.family.hidden:
        drop[floating](space, tile, layer, H)


cdef void drop(Workspace space, Tile* tile, int layer, floating* H) noexcept nogil:
    """Dropout: hide some units of H, and note what all were multiplied with."""
    cdef Py_ssize_t n = space.plan.layers[layer - 1].n_out, i
    cdef floating* mask = <floating*> space.trace.masks[layer] + tile.first * n
    for i in range(tile.n_rows):
        space.K.noise(
            tile.batch.key, layer, row_number(tile.batch, tile.first + i), n, tile.mine.numbers,
        )
        space.K.hide(
            n, tile.mine.numbers, space.plan.family.hidden, space.plan.family.kept_scale,
            mask + i * n, H + i * n,
        )


cdef void add_unit_losses(
    Workspace space, Tile* tile, const floating* params, double* loss,
) noexcept nogil:
    """Add what is asked of the units of some rows, times their weights."""
    cdef int c = space.plan.family.code
    if space.code is not None:
        loss[0] += space.code.losses[floating](
            tile, <floating*> space.trace.H[c] + tile.first * space.plan.family.n_code,
        )
    if space.contraction is not None:
        loss[0] += space.contraction.forward[floating](params, tile)


cdef void back_through_units(
    Workspace space, Tile* tile, int layer, const floating* H, floating* delta,
) noexcept nogil:
    """delta (n_rows, sums), ∂loss / ∂H of the layer, becomes that of its sums."""
    cdef Layer* described = &space.plan.layers[layer - 1]
    cdef floating* mask = NULL
    if layer == space.plan.family.code and space.code is not None:
        space.code.backward[floating](tile, H, delta)
    else:
        if space.trace.masks[layer] != NULL:
            mask = <floating*> space.trace.masks[layer] + tile.first * described.n_out
        space.K.through_activation(
            described.activation, tile.n_rows * <Py_ssize_t> described.n_out, delta, H, mask,
        )
    if space.contraction is not None and layer <= space.plan.family.code:
        space.contraction.backward[floating](tile, layer, delta)


# --- the output, which exists only as its delta -------------------------------------------------


cdef inline double output_pass(
    Workspace space, Tile* tile, const floating* params, floating* into,
) noexcept nogil:
    """∂loss / ∂H of the last hidden layer; returns the losses, times weights, summed."""
    cdef Trace* trace = &space.trace
    cdef int last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[last]
    cdef floating* delta
    cdef double loss
    if space.low_rank_output is not None:
        return space.low_rank_output.forward_and_back[floating](tile, into)
    if space.sparse_output is not None:
        delta = <floating*> space.sparse_output.delta
        loss = space.sparse_output.forward[floating](params, tile, delta)
        space.sparse_output.backward[floating](params, tile, into)
        return loss
    delta = <floating*> trace.delta[last + 1] + tile.first * layer.n_out
    layer_sums[floating](
        space.K, layer, params, tile.n_rows, <floating*> trace.H[last] + tile.first * layer.n_in,
        <floating*> trace.side + tile.first * trace.n_side, trace.n_side, 0, layer.n_out, delta,
    )
    loss = output_delta[floating](space, tile, params, delta)
    input_delta[floating](
        space.K, layer, params, tile.n_rows, delta, 0, layer.n_in, into,
        space.plan.layers[last - 1].n_out,
    )
    return loss


cdef double output_delta(
    Workspace space, Tile* tile, const floating* params, floating* delta,
) noexcept nogil:
    """The last layer's sums (n_rows, n_features) become its delta; returns the losses, times weights,
    summed."""
    cdef Trace* trace = &space.trace
    cdef Batch* batch = tile.batch
    cdef int last = space.plan.n_layers - 1
    cdef Layer* layer = &space.plan.layers[last]
    cdef const floating* biases = biases_of[floating](layer, params)
    cdef Py_ssize_t n = layer.n_out, n_own = space.output.n_own, i
    cdef const floating* targets = <floating*> trace.targets + tile.first * n
    cdef floating* own = NULL
    cdef double loss = 0, weight
    if n_own:
        own = <floating*> trace.own_delta + tile.first * n_own
    if trace.sizes != NULL:
        add_offsets[floating](&space.output, tile.n_rows, n, trace.sizes + tile.first, delta)
    if trace.weights == NULL:
        return space.K.output_delta(
            &space.output, tile.n_rows, n, delta, biases, targets, 1 / batch.total, own,
        )
    for i in range(tile.n_rows):
        weight = trace.weights[tile.first + i]
        loss += weight * space.K.output_delta(
            &space.output, 1, n, delta + i * n, biases, targets + i * n, weight / batch.total,
            NULL if own == NULL else own + i * n_own,
        )
    return loss


# --- all layers ---------------------------------------------------------------------------------


cdef void encode_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil:
    """From the input to the code, and what penalties need of it."""
    cdef int i
    for i in range(space.plan.family.code):
        forward_layer[floating](space, tile, params, i)


cdef double finish_tile(Workspace space, Tile* tile, const floating* params) noexcept nogil:
    """From the code to the output, and all the way back.

    Fills H and delta, each row's delta times its weight over the total. Returns the sum of the
    rows' losses, each times its weight.
    """
    cdef Trace* trace = &space.trace
    cdef int last = space.plan.n_layers - 1, i
    cdef Layer* layer
    cdef Layer* below
    cdef const floating* H
    cdef floating* into
    cdef double loss
    for i in range(space.plan.family.code, last):
        forward_layer[floating](space, tile, params, i)
    into = <floating*> trace.delta[last] + tile.first * space.plan.layers[last - 1].n_out
    loss = output_pass[floating](space, tile, params, into)
    add_unit_losses[floating](space, tile, params, &loss)
    for i in range(last, 0, -1):
        layer, below = &space.plan.layers[i], &space.plan.layers[i - 1]
        into = <floating*> trace.delta[i] + tile.first * below.n_out
        if i < last:
            input_delta[floating](
                space.K, layer, params, tile.n_rows,
                <floating*> trace.delta[i + 1] + tile.first * layer.n_out, 0, layer.n_in, into,
                below.n_out,
            )
        H = <floating*> trace.H[i] + tile.first * layer.n_in
        if below.is_plain:
            space.K.through_activation(
                below.activation, tile.n_rows * <Py_ssize_t> below.n_out, into, H, NULL,
            )
        else:
            back_through_units[floating](space, tile, i, H, into)
    return loss
