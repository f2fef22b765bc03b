"""The plan of a network: where its layers lie, and how a step is cut into tiles and slices.

Nothing here depends on the number of threads: the cuts, and so the bits, are always the same.
"""

from libc.stdlib cimport calloc, free

from ae_core._engine.blas cimport load_blas
from ae_core._engine.kernels.table cimport AE_NOTHING, ae_group, ae_kernels, is_ours, kernels_for
from ae_core._engine.memory cimport Room, numbers_of

from ae_core._engine.kernels.table import ACTIVATIONS, CORRUPTIONS, LOSSES

# Parameters whose gradient is made at once and then used. At most half a mebibyte of float32: fewer would
# sit in cache more snugly, but the deltas are read, and packed, again for every slice (measured on
# 784-1000-500-250-30: half of it costs 1 to 2 % of a step, and twice as many gain less than 1 %, but give
# no work to a thirteenth thread). An eighth of all, so that several threads find work; but a small network
# is one slice, and one call of the solver.
cdef enum:
    SMALLEST_SLICE = 8192
    LARGEST_SLICE = 131072
    SLICES = 8

# About a millisecond of one core; only tests set it to something else.
long_step = 2.0**26


cdef class Plan:
    """A network's description in the engine's terms; built once, then only read.

    Parameters
    ----------
    layers : list of (n_in, n_side, n_out, activation, tied, row, partner, weights, biases)
        As in plan.pxd, with the activation's name; offsets in the flat vector.
    groups : list of (loss, activation, start, stop, low, high, own)
        Of the output's columns, with names; the softmax's activation is its loss's business. What
        the loss can be taken of, and which of the losses' own parameters is its first.
    own, n_own : int
        Where in the flat vector the losses' own parameters start, and how many there are.
    feature_weights : array of shape (n_features,), optional
    family : dict
        The entries of `Family`, with the corruption's name or None.
    tables : list of four arrays, or empty
        float32 and float64 of the normal quantiles, (65536,), and of coarser ones, (8192,), times
        the corruption's level.
    """

    def __cinit__(
        self, list layers, list groups, Py_ssize_t own, Py_ssize_t n_own,
        double[::1] feature_weights, dict family, list tables,
    ):
        self.n_layers = len(layers)
        self.own = own
        self._describe_output(groups, n_own, feature_weights)
        kind = family["corruption"]
        self.family = {
            **family, "corruption": AE_NOTHING if kind is None else CORRUPTIONS.index(kind),
        }
        if tables:
            self.keep_alive = tables
            for i, (table, format) in enumerate(zip(tables, (b"f", b"d", b"f", b"d"))):
                self.tables[i // 2][i % 2] = numbers_of(table, format, (8192 if i > 1 else 65536,))
        self.layers = <Layer*> calloc(self.n_layers, sizeof(Layer))
        if self.layers == NULL:
            raise MemoryError("no memory for the plan of a network")
        for i, described in enumerate(layers):
            n_in, n_side, n_out, activation, tied, row, partner, weights, biases = described
            self.layers[i] = Layer(
                n_in, n_side, n_out, _index(activation), tied, row, is_plain(&self.family, i),
                partner, weights, biases,
            )
            self.widest = max(self.widest, n_in, n_side, n_out)
            self.largest_weights = max(self.largest_weights, <Py_ssize_t> n_in * n_out)
            self.n_weights += <Py_ssize_t> (n_in + n_side) * n_out
        self.n_features, self.n_side = self.layers[0].n_in, self.layers[0].n_side
        self._cut()

    def _describe_output(self, list groups, Py_ssize_t n_own, double[::1] feature_weights):
        self.groups = <ae_group*> calloc(len(groups), sizeof(ae_group))
        if self.groups == NULL:
            raise MemoryError("no memory for the plan of a network")
        for i, (loss, activation, start, stop, low, high, own) in enumerate(groups):
            self.groups[i] = ae_group(
                _index(activation), LOSSES.index(loss), start, stop, low, high, own,
            )
        self.output.groups, self.output.n_groups = self.groups, len(groups)
        self.output.n_own = n_own
        self.feature_weights = feature_weights
        if feature_weights is not None:
            self.output.weights = &feature_weights[0]

    def __dealloc__(self):
        free(self.groups)
        free(self.layers)
        free(self.slices)
        free(self.pieces)

    def _cut(self):
        """Cut the flat vector into slices of whole rows of weights, whole biases."""
        pieces = []
        self.slice = min(LARGEST_SLICE, max(SMALLEST_SLICE, self.n_weights // SLICES))
        for i in range(self.n_layers):
            layer = self.layers[i]
            if not layer.tied:
                rows = max(1, self.slice // layer.n_out)
                n_given = layer.n_in + layer.n_side
                # Units below, then whether features are seen, then covariates: none straddles two.
                edges = sorted(
                    {0, layer.n_in, max(layer.n_in, n_given - self.family.n_covariates), n_given}
                )
                for edge, next_edge in zip(edges, edges[1:]):
                    for first in range(edge, next_edge, rows):
                        last = min(first + rows, next_edge)
                        start = layer.weights + first * layer.n_out
                        pieces.append((start, i, first, last, (last - first) * layer.n_out))
            if layer.biases >= 0:
                pieces.append((layer.biases, i, -1, 0, layer.n_out))
        if self.output.n_own:
            pieces.append((self.own, -1, -1, 0, self.output.n_own))
        pieces.sort()
        slices = []
        current = [0, 0, 0, 0]  # start, stop, first_piece, last_piece
        for k, (start, _, _, _, count) in enumerate(pieces):
            if slices and start + count - current[0] <= self.slice:
                current[1], current[3] = start + count, k + 1
            else:
                current = [start, start + count, k, k + 1]
                slices.append(current)
        self.n_params = current[1]
        self.n_pieces, self.n_slices = len(pieces), len(slices)
        self.pieces = <Piece*> calloc(self.n_pieces, sizeof(Piece))
        self.slices = <Slice*> calloc(self.n_slices, sizeof(Slice))
        if self.pieces == NULL or self.slices == NULL:
            raise MemoryError("no memory for the plan of a network")
        for k, (_, i, first, last, count) in enumerate(pieces):
            self.pieces[k] = Piece(i, first, last, count)
        for k, (start, stop, first, last) in enumerate(slices):
            self.slices[k] = Slice(start, stop, first, last)
            self.largest_slice = max(self.largest_slice, <Py_ssize_t> (stop - start))

    cdef const void* quantiles(self, Py_ssize_t itemsize, bint of_corruption) noexcept nogil:
        """The normal quantiles of a type, or NULL for a network without any use for them."""
        return self.tables[of_corruption][itemsize == sizeof(double)]

    cdef bint is_cut_by_columns(self, Py_ssize_t n_rows) noexcept nogil:
        """Whether a step on so many rows is long enough for a barrier after every layer (cells.pyx)."""
        return (
            3.0 * n_rows * self.n_weights >= long_step
            and self.family.contraction == 0 and self.family.sparsity == 0
        )

    cdef int tile_rows(self, Py_ssize_t n_rows) noexcept nogil:
        """Rows per tile, for so many rows.

        Every tile reads, and packs, all weights again. Small weights cost little then, and many
        tiles keep many threads busy; large ones are worth fewer tiles.
        """
        return even_rows(n_rows, 128 if self.largest_weights <= 131072 else 256)

    cdef int prepare(self, Py_ssize_t n_rows, Py_ssize_t itemsize) except -1:
        """Fetch BLAS where any product on so many rows may be left to it, small matrices included."""
        cdef const ae_kernels* K = kernels_for(itemsize)
        cdef double largest = <double> self.largest_weights * max(n_rows, self.widest)
        if self.family.contraction != 0 or largest > K.largest_product:
            load_blas()
        return 0

    cdef bint needs_blas(self, Py_ssize_t n_rows, Py_ssize_t itemsize) noexcept nogil:
        """Whether any product of a step on so many rows is left to BLAS."""
        cdef const ae_kernels* K = kernels_for(itemsize)
        cdef int rows = self.tile_rows(n_rows), i
        cdef Layer layer
        cdef int slice_rows, n_in
        for i in range(self.n_layers):
            layer = self.layers[i]
            n_in = max(layer.n_in, layer.n_side)
            slice_rows = min(n_in, max(1, self.slice // layer.n_out))
            if not is_ours(K, rows, layer.n_out, n_in):
                return True
            if not is_ours(K, slice_rows, layer.n_out, <int> n_rows):
                return True
        return False

    def describe(self, Py_ssize_t n_rows, Py_ssize_t itemsize):
        """Of a step on so many rows: ``(how many threads it has work for, weights, whether BLAS is
        needed, whether it is cut by columns)``."""
        cdef Py_ssize_t rows = max(1, self.tile_rows(n_rows))
        cdef Py_ssize_t n_tiles = (n_rows + rows - 1) // rows
        cdef Py_ssize_t most = max(n_tiles, self.n_slices)
        cdef bint is_cut = self.is_cut_by_columns(n_rows)
        cdef int i
        if is_cut:
            for i in range(self.n_layers):
                most = max(most, n_tiles * n_blocks(self.layers[i].n_out))
        return most, self.n_weights, self.needs_blas(n_rows, itemsize), is_cut


cdef bint is_plain(Family* family, int layer):
    """Whether nothing beyond a plain autoencoder happens between a layer and the next."""
    if family.hidden or (family.contraction != 0 and layer < family.code):
        return False
    return layer + 1 != family.code or not family.asks_of_code


cdef int _index(str activation):
    """Of the registry; what is no element's (softmax, mixed) counts as the identity."""
    return ACTIVATIONS.index(activation) if activation in ACTIVATIONS else 0


cdef class Departure:
    """Something that a step does other than a plain one, with arrays of its own."""

    cdef void take_room(self, Room room, Py_ssize_t size, Py_ssize_t m, int n_threads):
        """Take them for m rows, of numbers of that size; called twice, as `Room` says."""
