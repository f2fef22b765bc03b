# The gradient, and the penalty, of a slice of parameters.

from cython cimport floating

from ae_core._engine.batch cimport Batch
from ae_core._engine.kernels.table cimport ae_kernels
from ae_core._engine.plan cimport Plan, Slice
from ae_core._engine.workspace cimport Workspace


cdef void slice_gradient(
    Workspace space, Slice* slice, Batch* batch, const floating* params, floating* gradient,
) noexcept nogil

cdef double slice_penalty(
    Plan plan, const ae_kernels* K, Slice* slice, const floating* params,
) noexcept nogil
