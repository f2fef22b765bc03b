# How a network's layers lie in the flat vector, what is asked of it, and how a step is cut into work.

from libc.stdint cimport uint32_t

from ae_core._engine.batch cimport Trace
from ae_core._engine.kernels.table cimport ae_group, ae_kernels, ae_output
from ae_core._engine.memory cimport Room

ctypedef struct Layer:
    int n_in, n_side        # rows of W: for the units below, and then for layers/side_inputs.pxd
    int n_out               # sums, of a variational code twice its units
    int activation          # of the last layer: its output groups have their own
    bint tied               # uses the weights of `weights`, which are (n_out, n_in), transposed
    int row                 # elements from one row of these to the next: an encoder's n_out
    bint is_plain           # whether its sums become outputs by the activation and nothing else
    int partner             # tied encoder layer: the decoder layer that shares its weights; else -1
    Py_ssize_t weights      # where W starts in the flat vector
    Py_ssize_t biases       # where b starts, or -1


# Rows `first` to `last` of a weight matrix, all of them for units below or all for side inputs; or
# all of a bias vector (first = -1), or the losses' own parameters (layer = -1).
ctypedef struct Piece:
    int layer
    int first, last
    Py_ssize_t count        # how many parameters


# A run of the flat vector whose gradient is made and used while it is in cache.
ctypedef struct Slice:
    Py_ssize_t start, stop
    int first_piece, last_piece


# What is beyond a plain autoencoder. Names as in ae_core/network/architecture.py.
ctypedef struct Family:
    int code                        # the code is H[code]: 1 … n_layers - 1
    int n_code                      # its units
    int k_sparse                    # how many of them are kept; 0: all
    bint variational
    bint asks_of_code               # it is drawn or cut to k units, or has a loss of its own
    int corruption
    bint hides, needs_limits        # of the corruption: see ae_core/formulas/corruption.py
    uint32_t spoiled, spoiled_low   # thresholds of the generator's numbers
    uint32_t hidden                 # dropout's; 0: none
    double kept_scale
    double beta, code_l1, sparsity, sparsity_target, contraction
    double alpha, alpha_l1
    bint is_decayed                 # whether one of these two is not 0
    bint input_mask, log_input
    int n_covariates


# Multiply-adds of a step from which it is cut by columns (cells.pyx).
cdef double long_step

cdef enum:
    PIECE_ROWS = 8      # of a step that is cut by columns: rows of what needs whole ones


cdef inline int column_width(int n_columns) noexcept nogil:
    """Columns of a layer that make a cell: whole panels of our products, and many of them."""
    return 128 if n_columns >= 512 else 64


cdef inline int even_rows(Py_ssize_t n_rows, Py_ssize_t most) noexcept nogil:
    """Rows of a tile, of n_rows cut into as few tiles as have at most so many, nearly equal."""
    cdef Py_ssize_t n_tiles = (n_rows + most - 1) // most
    return <int> ((n_rows + n_tiles - 1) // n_tiles) if n_tiles else 1


cdef inline Py_ssize_t n_blocks(int n_columns) noexcept nogil:
    """How many cells they make."""
    cdef int width = column_width(n_columns)
    return (n_columns + width - 1) // width


cdef class Plan:
    cdef int n_layers
    cdef Family family
    cdef ae_output output               # has_missing is the data's: to be set in a copy
    cdef ae_group* groups
    cdef double[::1] feature_weights
    # Normal quantiles, one for each number of the generator; and fewer of them, times the corruption's
    # level. Of each float and double.
    cdef const void* tables[2][2]
    cdef object keep_alive
    cdef int widest                     # units of the widest layer, the input included; side inputs
    cdef int n_features, n_side         # n_side: of the first layer, the most that one has
    cdef Py_ssize_t n_params, n_weights
    cdef Py_ssize_t own                 # where the losses' own parameters start
    cdef Py_ssize_t largest_weights     # elements of the largest weight matrix
    cdef Py_ssize_t slice               # how many elements a slice should have
    cdef Py_ssize_t largest_slice       # and the most that one has
    cdef Layer* layers                  # [n_layers], the first after the input first
    cdef Slice* slices
    cdef int n_slices
    cdef Piece* pieces
    cdef int n_pieces

    cdef const void* quantiles(self, Py_ssize_t itemsize, bint of_corruption) noexcept nogil
    cdef bint is_cut_by_columns(self, Py_ssize_t n_rows) noexcept nogil
    cdef int tile_rows(self, Py_ssize_t n_rows) noexcept nogil
    cdef int prepare(self, Py_ssize_t n_rows, Py_ssize_t itemsize) except -1
    cdef bint needs_blas(self, Py_ssize_t n_rows, Py_ssize_t itemsize) noexcept nogil


# What every departure from a plain network knows of a step: see layers/.
cdef class Departure:
    cdef Plan plan
    cdef const ae_kernels* K
    cdef Trace* trace

    cdef void take_room(self, Room room, Py_ssize_t size, Py_ssize_t m, int n_threads)
