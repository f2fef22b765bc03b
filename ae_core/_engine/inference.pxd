# A tile of rows through some layers, as inference of both Python and C has it.

from cython cimport floating

from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Plan
from ae_core._engine.rows cimport Rows


cdef void give_seen(
    Plan plan, const ae_kernels* K, int n_rows, const double* sizes, const floating* targets,
    floating* inputs, floating* side, Py_ssize_t n_side,
) noexcept nogil

cdef floating* through_layers(
    Plan plan, const ae_kernels* K, const floating* params, int first_layer, int last_layer,
    int n_rows, const floating* inputs, const floating* side, int n_side, Rows sparse,
    Py_ssize_t first_row, char* arrays, Py_ssize_t bytes, floating* result,
) noexcept nogil
