"""How unusual rows are to a detector, tile by tile: for Python on several threads, for C on one.

A row's score does not depend on what rows stand beside it, nor on the number of threads.
"""

from cpython.buffer cimport PyBUF_RECORDS_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport PyObject
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from ae_core._engine.blas cimport load_blas
from ae_core._engine.columns cimport Columns
from ae_core._engine.judge cimport MOST_ROWS, Judge, Member, Room, judge, lay_out, tile_rows
from ae_core._engine.kernels.table cimport is_ours, kernels_for
from ae_core._engine.memory cimport Buffer, numbers_of
from ae_core._engine.plan cimport Plan
from ae_core._engine.rows cimport Rows, gather
from ae_core._engine.served cimport BAD_VALUE, DONE, NO_MEMORY, is_fine
from ae_core._engine.team cimport Team, ae_counter, ae_take


cdef class Detector(Judge):
    """Networks, what is usual for them, and how rows come before them; made once, then only read.

    Parameters
    ----------
    members : list of (plan, params, scale, usual, points, look, norms, squares, unit)
        As `Member` has them: arrays of one type, float32 or float64, that stay as they are.
    scaling : tuple of (shift, factor, varies, is_seen), or None
        Of `RobustScaling`: two arrays (n_columns,) of float64, and two of bool; None for rows that
        are scaled already.
    changed : float
        What a constant column adds to the score of a row in which it is not what it was.

    Raises
    ------
    ValueError
        When shapes or types do not fit.
    """

    def __cinit__(self, list members, scaling, double changed):
        self.members = <Member*> calloc(len(members) + 1, sizeof(Member))
        if self.members == NULL:
            raise MemoryError("no memory for the members of a detector")
        self.n_members, self.changed, self.keep_alive = len(members), changed, [members, scaling]
        for i, given in enumerate(members):
            take(self, &self.members[i], given)
        if scaling is not None:
            shift, factor, varies, is_seen = scaling
            n = (self.n_columns,)
            self.shift = <const double*> numbers_of(shift, b"d", n)
            self.factor = <const double*> numbers_of(factor, b"d", n)
            self.varies = <const unsigned char*> numbers_of(varies, b"?", n)
            self.is_seen = <const unsigned char*> numbers_of(is_seen, b"?", n)
            self.all_vary = all(memoryview(varies))

    def __dealloc__(self):
        free(self.members)

    # --- what Python calls ----------------------------------------------------------------------

    def scores(self, Rows rows not None, double[::1] result not None, int n_threads):
        """How unusual rows (m, n_columns) are: the result (m,)."""
        self._run(rows, result[:, None], n_threads, False)

    def distances(self, Rows rows not None, double[:, ::1] result not None, int n_threads):
        """How far rows (m, n_columns) are for each member: the result (m, n_members)."""
        self._run(rows, result, n_threads, True)

    def _run(self, Rows rows, double[:, ::1] result, int n_threads, bint wants_distances):
        cdef Py_ssize_t width = self.n_members if wants_distances else 1
        if rows.n_columns != self.n_columns:
            raise ValueError(f"X has {rows.n_columns} columns, not {self.n_columns}")
        if result.shape[0] != rows.n_rows or result.shape[1] != width:
            raise ValueError(f"result must have shape ({rows.n_rows}, {width})")
        if n_threads < 1:
            raise ValueError(f"n_threads={n_threads}: at least 1 is needed")
        if rows.n_rows == 0:
            return
        cdef Room room
        cdef Judging job = Judging()
        job.detector, job.rows, job.keep_alive = self, rows, result
        job.result, job.wants_distances = &result[0, 0], wants_distances
        job.tile_rows = tile_rows(rows.n_rows)
        job.bytes = lay_out(self, job.tile_rows, NULL, &room)
        job.memory = Buffer(job.bytes * n_threads, "a tile of rows and their references")
        job.run(n_threads)

    def score_one(self, X not None, bint has_missing):
        """How unusual a row is, an array (1, n_columns); None for what needs more care.

        That is an array of another shape or type than float32 or float64, or with entries that are
        infinite, or NaN where nothing may be missing.
        """
        cdef Py_buffer view
        cdef double score = 0
        cdef double* row
        cdef const char* at
        cdef float x
        cdef Py_ssize_t j
        cdef bint is_double
        cdef int how = BAD_VALUE
        PyObject_GetBuffer(X, &view, PyBUF_RECORDS_RO)
        row = <double*> malloc((self.n_columns + 1) * sizeof(double))
        if row != NULL and view.ndim == 2 and view.shape[0] == 1 and view.shape[1] == self.n_columns:
            is_double = view.format == b"d"
            if is_double or view.format == b"f":
                for j in range(self.n_columns):
                    at = <const char*> view.buf + j * view.strides[1]
                    if is_double:
                        memcpy(row + j, at, sizeof(double))
                    else:
                        memcpy(&x, at, sizeof(float))
                        row[j] = x
                with nogil:
                    how = self.scores_of(1, row, None, has_missing, &score)
        free(row)
        PyBuffer_Release(&view)
        return score if how == DONE else None

    # --- what C calls ---------------------------------------------------------------------------

    cdef int scores_of(
        self, Py_ssize_t n_rows, const double* X, Columns columns, bint has_missing, double* scores,
    ) noexcept nogil:
        """Scores (n_rows,) of X (n_rows, n_columns), or mixed: DONE, NO_MEMORY or BAD_VALUE."""
        cdef Room room
        cdef Py_ssize_t n = self.n_columns, first = 0
        cdef int tile = tile_rows(n_rows), height
        cdef Py_ssize_t bytes = lay_out(self, tile, NULL, &room)
        cdef char* memory = <char*> malloc(bytes + 64)
        if memory == NULL:
            return NO_MEMORY
        lay_out(self, tile, <char*> ((<size_t> memory + 63) // 64 * 64), &room)
        while first < n_rows:
            height = <int> min(<Py_ssize_t> tile, n_rows - first)
            if columns is None:
                memcpy(room.values, X + first * n, height * n * sizeof(double))
            elif not columns.encode(height, X + first * columns.n_columns, has_missing, room.values):
                break
            if not is_fine[double](height * n, room.values, has_missing):
                break
            judge(self, &room, height, scores + first, NULL)
            first += height
        free(memory)
        return BAD_VALUE if first < n_rows else DONE


cdef class Judging(Team):
    """Some rows judged: their scores, or their distances for each member, in the result."""

    cdef Detector detector
    cdef Rows rows
    cdef double* result
    cdef bint wants_distances
    cdef int tile_rows
    cdef Py_ssize_t bytes
    cdef Buffer memory
    cdef ae_counter tiles_taken
    cdef object keep_alive

    cdef void work(self, int thread) noexcept:
        cdef Room room
        cdef Py_ssize_t n_tiles = (self.rows.n_rows + self.tile_rows - 1) // self.tile_rows
        cdef Py_ssize_t n = self.detector.n_columns, tile, first
        cdef double* scores = NULL
        cdef double* distances = NULL
        cdef int height
        with nogil:
            lay_out(self.detector, self.tile_rows, self.memory.data + thread * self.bytes, &room)
            while ae_take(&self.tiles_taken, n_tiles, self.n_threads, &tile):
                first = tile * self.tile_rows
                height = <int> min(<Py_ssize_t> self.tile_rows, self.rows.n_rows - first)
                gather[double](
                    self.rows, kernels_for(sizeof(double)), NULL, first, height, 0, n, room.values, n,
                )
                if self.wants_distances:
                    distances = self.result + first * self.detector.n_members
                else:
                    scores = self.result + first
                judge(self.detector, &room, height, scores, distances)
                if self.should_stop(thread, <double> height * self.detector.n_weights):
                    return


cdef int take(Detector detector, Member* member, given) except -1:
    """Hold a member, and widen what a tile of rows needs."""
    cdef Plan plan
    plan, params, scale, usual, points, look, norms, squares, unit = given
    cdef Py_ssize_t itemsize = memoryview(params).itemsize
    cdef int n = plan.n_features, k
    if plan.n_layers != 2 or plan.family.code != 1 or plan.family.n_covariates:
        raise ValueError("a network of two layers without covariates is needed")
    if detector.itemsize not in (0, itemsize) or detector.n_columns not in (0, n):
        raise ValueError("networks of one type and width are needed")
    format = b"f" if itemsize == sizeof(float) else b"d"
    detector.itemsize, detector.n_columns, detector.K = itemsize, n, kernels_for(itemsize)
    member.plan, member.unit = <PyObject*> plan, unit
    member.n_code, member.m = plan.family.n_code, len(points)
    k = member.n_code + n
    if member.m < 1:
        raise ValueError("at least one reference is needed")
    member.params = numbers_of(params, format, (plan.n_params,))
    member.scale = numbers_of(scale, format, (member.n_code,))
    member.usual = numbers_of(usual, format, (n,))
    member.points = numbers_of(points, format, (member.m, k))
    member.look = numbers_of(look, format, (k, member.m))
    member.norms = numbers_of(norms, format, (member.m,))
    member.squares = numbers_of(squares, format, (k, member.m))
    member.output = plan.output
    if plan.output.n_own:
        member.output.own = <const char*> member.params + plan.own * itemsize
    plan.prepare(MOST_ROWS, itemsize)
    if not is_ours(detector.K, MOST_ROWS, member.m, k):
        load_blas()
        detector.needs_blas = True
    detector.needs_blas = detector.needs_blas or plan.needs_blas(MOST_ROWS, itemsize)
    detector.n_weights += plan.n_weights + <Py_ssize_t> k * member.m
    detector.widest, detector.n_side = max(detector.widest, plan.widest), max(detector.n_side, plan.n_side)
    detector.most_code = max(detector.most_code, member.n_code)
    detector.most_references = max(detector.most_references, member.m)
    return 0
