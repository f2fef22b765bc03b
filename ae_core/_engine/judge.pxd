# A tile of rows judged by the members of a detector.

from cpython.ref cimport PyObject

from ae_core._engine.kernels.table cimport ae_kernels, ae_output

cdef enum:
    MOST_ROWS = 128                 # of a tile


# A trained network and what is usual for it; k = n_code + n_columns, and m references.
cdef struct Member:
    PyObject* plan
    const void* params
    const void* scale               # (n_code,): codes are multiplied with it
    const void* usual               # (n_columns,): residuals are divided by it
    const void* points              # (m, k): the references
    const void* look                # (k, m): -2 points
    const void* norms               # (m,): the sums of the points' squares
    const void* squares             # (k, m): the points' squares
    double unit
    int n_code, m
    ae_output output


# What a tile of h rows needs.
cdef struct Room:
    double* values                  # (h, n) as they are given, NaN where missing
    double* n_changed               # (h,): constants that changed
    double* totals                  # (h,)
    int* n_seen                     # (h,)
    char* block                     # (h, n) as networks see them, NaN where missing
    char* inputs                    # (h, n), 0 there
    char* side
    char* code                      # (h, most_code)
    char* points                    # (h, k)
    char* weights                   # (h, k), of rows with missing entries: of a squared difference
    char* queries                   # (h, k)
    char* squared                   # (h, m), less what is the same for all references
    char* squared_too
    char* arrays                    # three, for the layers
    Py_ssize_t bytes                # of one of them


cdef class Judge:
    cdef Member* members
    cdef readonly int n_members
    cdef readonly int n_columns
    cdef readonly Py_ssize_t n_weights  # multiplications for one row
    cdef readonly bint needs_blas
    cdef Py_ssize_t itemsize
    cdef const ae_kernels* K
    cdef const double* shift            # (n_columns,); NULL: rows are scaled already
    cdef const double* factor
    cdef const unsigned char* varies
    cdef bint all_vary
    cdef const unsigned char* is_seen
    cdef double changed                 # what a constant that changed adds to a score
    cdef int widest, n_side, most_code, most_references


cdef int tile_rows(Py_ssize_t n_rows) noexcept nogil

cdef Py_ssize_t lay_out(Judge detector, Py_ssize_t h, char* memory, Room* room) noexcept nogil

cdef void judge(
    Judge detector, Room* room, int h, double* scores, double* distances,
) noexcept nogil
