# How a network's layers lie in the flat vector, and how a step is cut into work.

ctypedef struct Layer:
    int n_in, n_out
    int activation
    bint tied               # uses the weights of `weights`, which are (n_out, n_in), transposed
    int partner             # tied encoder layer: the decoder layer that shares its weights; else -1
    Py_ssize_t weights      # where W starts in the flat vector
    Py_ssize_t biases       # where b starts, or -1


# Rows `first` to `last` of a weight matrix, or all of a bias vector (layer's n_out, first = -1).
ctypedef struct Piece:
    int layer
    int first, last


# A run of the flat vector whose gradient is made and used while it is in cache.
ctypedef struct Slice:
    Py_ssize_t start, stop
    int first_piece, last_piece


cdef class Plan:
    cdef int n_layers, loss
    cdef int widest                     # units of the widest layer, the input included
    cdef Py_ssize_t n_params, n_weights
    cdef Py_ssize_t largest_weights     # elements of the largest weight matrix
    cdef Py_ssize_t slice               # how many elements a slice should have
    cdef Py_ssize_t largest_slice       # and the most that one has
    cdef Layer* layers                  # [n_layers], the first after the input first
    cdef Slice* slices
    cdef int n_slices
    cdef Piece* pieces
    cdef int n_pieces

    cdef int tile_rows(self, Py_ssize_t n_rows) noexcept nogil
    cdef bint needs_blas(self, Py_ssize_t n_rows, Py_ssize_t itemsize) noexcept nogil
