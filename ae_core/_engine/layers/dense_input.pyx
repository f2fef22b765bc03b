"""What a network is given of rows that are looked at whole: `network_input` of
ae_core/network/passes.py, without its covariates.

There is no way back: nothing below the input is learned.
"""

from cython cimport floating
from libc.stdint cimport uint16_t

from ae_core._engine.batch cimport Batch, row_number
from ae_core._engine.kernels.table cimport (
    AE_ARRAY_LOG1P, AE_CORRUPTION_STREAM, AE_NOTHING, ae_corruption, ae_kernels,
)
from ae_core._engine.plan cimport Family, Plan


cdef void give(
    Plan plan, const ae_kernels* K, const ae_corruption* how, Batch* batch, uint16_t* numbers,
    Py_ssize_t first, int n_rows, const double* sizes, const floating* targets, floating* inputs,
    floating* side, Py_ssize_t n_side,
) noexcept nogil:
    """inputs (n_rows, n_features) from targets, NaN where missing; marks in side (n_rows, n_side).

    The two may be the same array, if nothing is done to the numbers. Without a corruption `batch`
    and `numbers` (n_features,), the noise of a row, are not looked at. `sizes` (n_rows,) may be NULL.
    """
    cdef Family* family = &plan.family
    cdef Py_ssize_t n = plan.n_features, i, j
    cdef bint is_noisy = how.kind != AE_NOTHING, are_same = inputs == targets
    cdef const floating* numbers_given
    for i in range(n_rows):
        numbers_given = targets
        if sizes != NULL:
            for j in range(n):
                inputs[j] = <floating> (targets[j] / sizes[i])
            numbers_given = inputs
        if family.log_input:
            K.elementary(AE_ARRAY_LOG1P, n, numbers_given, inputs)
            numbers_given = inputs
        if is_noisy:
            K.noise(batch.key, AE_CORRUPTION_STREAM, row_number(batch, first + i), n, numbers)
        if not are_same:
            K.spoil(how, n, numbers_given, numbers, inputs)
        if family.input_mask:
            for j in range(n):
                side[j] = targets[j] == targets[j]
            if is_noisy and family.hides:
                for j in range(n):
                    if numbers[j] < how.threshold:
                        side[j] = 0
        targets += n
        inputs += n
        side += n_side
