# A tile of rows through some layers, as inference of both Python and C has it.

from cython cimport floating

from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Plan
from ae_core._engine.rows cimport Rows


cdef floating* through_layers(
    Plan plan, const ae_kernels* K, const floating* params, int first_layer, int last_layer,
    int height, const floating* inputs, const floating* side, int n_side, Rows stored,
    Py_ssize_t first_row, char* scratch, Py_ssize_t bytes, floating* result,
) noexcept nogil
