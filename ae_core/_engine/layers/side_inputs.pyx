"""What a layer is given beside the activations below it: `network_input` and `beside_code` of
ae_core/network/passes.py.

Such a layer has n_side rows of weights after its n_in. What they are multiplied with stands in one
array for all layers, `side` (m, n_side): of the first layer 1 or 0 for each feature, whether it is
seen, and then covariates; of the decoder's first layer the covariates alone, its last columns.
No delta goes back to these inputs: nothing below them is learned.

Where the first layer looks at stored elements alone, and what is not stored is not seen, the array
has covariates only: layers/sparse_input.pyx has the marks, one for each element.
"""

from cython cimport floating
from libc.stdint cimport uint16_t, uint32_t

from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.rows cimport Rows, gather


cdef void mark_seen(
    Py_ssize_t n, const floating* values, floating* seen,
) noexcept nogil:
    """seen (n,) = 1, and 0 where values (n,) are NaN."""
    cdef Py_ssize_t j
    for j in range(n):
        seen[j] = values[j] == values[j]


cdef void unmark_hidden(
    Py_ssize_t n, const uint16_t* numbers, uint32_t threshold, floating* seen,
) noexcept nogil:
    """0 in seen (n,) where a corruption that hides entries does so."""
    cdef Py_ssize_t j
    for j in range(n):
        if numbers[j] < threshold:
            seen[j] = 0


cdef void gather_covariates(
    Rows rows, const ae_kernels* K, const Py_ssize_t* order, Py_ssize_t first, int n_rows, int n,
    floating* side, Py_ssize_t length,
) noexcept nogil:
    """The last n columns of side (n_rows, length) = those of some rows, 0 for what is missing."""
    cdef Py_ssize_t i, j
    side += length - n
    gather[floating](rows, K, order, first, n_rows, rows.n_columns - n, n, side, length)
    if not rows.has_missing:
        return
    for i in range(n_rows):
        for j in range(n):
            if side[i * length + j] != side[i * length + j]:
                side[i * length + j] = 0
