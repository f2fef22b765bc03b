"""The vectorised loops (kernels_table.c), chosen once for this CPU."""

import os

cdef extern from "kernels.h" nogil:
    const ae_kernels* ae_best_kernels(int is_double) noexcept
    const ae_kernels* ae_kernels_of(int level, int is_double) noexcept
    const char* const* ae_activation_names
    const char* const* ae_loss_names
    const char* const* ae_solver_names
    const char* const* ae_corruption_names


cdef tuple _names(const char* const* list_):
    """A list of kernels.h as Python has it."""
    cdef list names = []
    cdef Py_ssize_t i = 0
    while list_[i] != NULL:
        names.append(list_[i].decode().lower())
        i += 1
    return tuple(names)


ACTIVATIONS = _names(ae_activation_names)
LOSSES = _names(ae_loss_names)
SOLVERS = _names(ae_solver_names)
CORRUPTIONS = _names(ae_corruption_names)

INSTRUCTION_SETS = ("baseline", "avx2", "avx512")
"""What AE_CORE_SIMD may ask for, from the lowest to the highest."""

if os.environ.get("AE_CORE_SIMD") not in (None, "", *INSTRUCTION_SETS):
    raise ValueError(
        f"AE_CORE_SIMD={os.environ['AE_CORE_SIMD']!r}: must be one of "
        f"{', '.join(INSTRUCTION_SETS)}, or not set"
    )

cdef const ae_kernels* _single = ae_best_kernels(False)
cdef const ae_kernels* _double = ae_best_kernels(True)


cdef const ae_kernels* kernels_for(Py_ssize_t itemsize) noexcept nogil:
    return _double if itemsize == sizeof(double) else _single


cdef int n_levels():
    cdef int level, n = 0
    for level in range(3):
        n += ae_kernels_of(level, False) != NULL
    return n


cdef const ae_kernels* kernels_at(int level, Py_ssize_t itemsize) except NULL:
    cdef const ae_kernels* table = ae_kernels_of(level, itemsize == sizeof(double))
    if table == NULL:
        raise ValueError(f"level={level}: this process may use 0 to {n_levels() - 1}")
    return table


def instruction_set():
    """The name of the instruction set in use: the CPU's best, or what AE_CORE_SIMD lowers it to."""
    return _single.name.decode()
