"""What happens to a layer's activations before the next layer is given them, forward and backward.

Dropout hides some of them; of the code more may be asked (code.pyx); and the contractive penalty is
one on the slopes of the encoder's units (contraction.pyx). Only layers that are not plain come here.
"""

from cython cimport floating

from ae_core._engine.batch cimport Tile, row_number
from ae_core._engine.plan cimport Layer
from ae_core._engine.workspace cimport Workspace


cdef void change_units(Workspace space, Tile* tile, int layer, floating* H) noexcept nogil:
    """Change the activations H (n_rows, units) of layer 1 … n_layers - 1 in place."""
    if layer == space.plan.family.code:
        if space.code is not None:
            space.code.forward[floating](tile, H)
    elif space.plan.family.hidden:
        drop[floating](space, tile, layer, H)


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
