# Rows of which more or less was counted: `sizes` of ae_core/network/passes.py.
#
# What is given is divided by the size of its row (dense_input.pyx, sparse_input.pyx), and here the
# logarithm of that size is added to the sums of an output that is exp of them. The offset is no
# parameter, so the deltas are as they were.

from cython cimport floating
from libc.math cimport log

from ae_core._engine.kernels.table cimport AE_EXP, ae_output

cdef inline void add_offsets(
    const ae_output* output, int n_rows, Py_ssize_t n, const double* sizes, floating* sums,
) noexcept nogil:
    """Add the offset of each row to its sums (n_rows, n), where the output is exp of them."""
    cdef Py_ssize_t j
    cdef int i, g
    cdef floating offset
    for i in range(n_rows):
        offset = <floating> log(sizes[i])
        for g in range(output.n_groups):
            if output.groups[g].activation == AE_EXP:
                for j in range(output.groups[g].start, output.groups[g].stop):
                    sums[j] += offset
        sums += n
