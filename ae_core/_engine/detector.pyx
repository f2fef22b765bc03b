"""How unusual rows are to a detector, tile by tile: for Python on several threads, for C on one.

A row's score does not depend on what rows stand beside it, nor on the number of threads.
"""

from cpython.buffer cimport PyBUF_RECORDS_RO, PyBuffer_Release, PyObject_GetBuffer
from cpython.ref cimport PyObject
from cython cimport floating
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from ae_core._engine.blas cimport load_blas
from ae_core._engine.columns cimport Columns
from ae_core._engine.judge cimport MOST_ROWS, Judge, Member, Room, judge, lay_out, tile_rows
from ae_core._engine.kernels.table cimport is_ours, kernels_for
from ae_core._engine.memory cimport Buffer
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
            self._take(&self.members[i], given)
        if scaling is not None:
            shift, factor, varies, is_seen = scaling
            n = (self.n_columns,)
            self.shift = <const double*> _numbers(shift, b"d", n)
            self.factor = <const double*> _numbers(factor, b"d", n)
            self.varies = <const unsigned char*> _numbers(varies, b"?", n)
            self.is_seen = <const unsigned char*> _numbers(is_seen, b"?", n)
            self.all_vary = all(memoryview(varies))

    def __dealloc__(self):
        free(self.members)

    cdef int _take(self, Member* member, given) except -1:
        cdef Plan plan
        plan, params, scale, usual, points, look, norms, squares, unit = given
        cdef Py_ssize_t itemsize = memoryview(params).itemsize
        cdef int n = plan.n_features, k
        if plan.n_layers != 2 or plan.family.code != 1 or plan.family.n_covariates:
            raise ValueError("a network of two layers without covariates is needed")
        if self.itemsize not in (0, itemsize) or self.n_columns not in (0, n):
            raise ValueError("networks of one type and width are needed")
        format = b"f" if itemsize == sizeof(float) else b"d"
        self.itemsize, self.n_columns, self.K = itemsize, n, kernels_for(itemsize)
        member.plan, member.unit = <PyObject*> plan, unit
        member.n_code, member.m = plan.family.n_code, len(points)
        k = member.n_code + n
        if member.m < 1:
            raise ValueError("at least one reference is needed")
        member.params = _numbers(params, format, (plan.n_params,))
        member.scale = _numbers(scale, format, (member.n_code,))
        member.usual = _numbers(usual, format, (n,))
        member.points = _numbers(points, format, (member.m, k))
        member.look = _numbers(look, format, (k, member.m))
        member.norms = _numbers(norms, format, (member.m,))
        member.squares = _numbers(squares, format, (k, member.m))
        member.output = plan.output
        if plan.output.n_own:
            member.output.own = <const char*> member.params + plan.own * itemsize
        plan.prepare(MOST_ROWS, itemsize)
        if not is_ours(self.K, MOST_ROWS, member.m, k):
            load_blas()
            self.needs_blas = True
        self.needs_blas = self.needs_blas or plan.needs_blas(MOST_ROWS, itemsize)
        self.n_weights += plan.n_weights + <Py_ssize_t> k * member.m
        self.widest, self.n_side = max(self.widest, plan.widest), max(self.n_side, plan.n_side)
        self.most_code = max(self.most_code, member.n_code)
        self.most_references = max(self.most_references, member.m)
        return 0

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
        cdef float x
        cdef Py_ssize_t j
        cdef int how = BAD_VALUE
        PyObject_GetBuffer(X, &view, PyBUF_RECORDS_RO)
        row = <double*> malloc((self.n_columns + 1) * sizeof(double))
        if row != NULL and view.ndim == 2 and view.shape[0] == 1 and view.shape[1] == self.n_columns:
            if view.format == b"d":
                for j in range(self.n_columns):
                    memcpy(row + j, <const char*> view.buf + j * view.strides[1], sizeof(double))
                how = DONE
            elif view.format == b"f":
                for j in range(self.n_columns):
                    memcpy(&x, <const char*> view.buf + j * view.strides[1], sizeof(float))
                    row[j] = x
                how = DONE
            if how == DONE:
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
        cdef int how = DONE
        if memory == NULL:
            return NO_MEMORY
        lay_out(self, tile, <char*> ((<size_t> memory + 63) // 64 * 64), &room)
        while first < n_rows and how == DONE:
            height = <int> min(<Py_ssize_t> tile, n_rows - first)
            if columns is None:
                memcpy(room.values, X + first * n, height * n * sizeof(double))
            elif not columns.encode(height, X + first * columns.n_columns, has_missing, room.values):
                how = BAD_VALUE
            if how == DONE and not is_fine[double](height * n, room.values, has_missing):
                how = BAD_VALUE
            if how == DONE and self.itemsize == sizeof(float):
                judge[float](self, &room, height, <float*> room.block, scores + first, NULL)
            elif how == DONE:
                judge[double](self, &room, height, <double*> room.block, scores + first, NULL)
            first += height
        free(memory)
        return how


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
        with nogil:
            lay_out(self.detector, self.tile_rows, self.memory.data + thread * self.bytes, &room)
            if self.detector.itemsize == sizeof(float):
                self._work[float](thread, &room, <float*> room.block)
            else:
                self._work[double](thread, &room, <double*> room.block)

    cdef void _work(self, int thread, Room* room, floating* block) noexcept nogil:
        cdef Py_ssize_t n_tiles = (self.rows.n_rows + self.tile_rows - 1) // self.tile_rows
        cdef Py_ssize_t n = self.detector.n_columns, tile, first
        cdef int height
        while ae_take(&self.tiles_taken, n_tiles, self.n_threads, &tile):
            first = tile * self.tile_rows
            height = <int> min(<Py_ssize_t> self.tile_rows, self.rows.n_rows - first)
            gather[double](
                self.rows, kernels_for(sizeof(double)), NULL, first, height, 0, n, room.values,
                n,
            )
            if self.wants_distances:
                judge[floating](
                    self.detector, room, height, block, NULL,
                    self.result + first * self.detector.n_members,
                )
            else:
                judge[floating](self.detector, room, height, block, self.result + first, NULL)
            if self.should_stop(thread, <double> height * self.detector.n_weights):
                return


cdef const void* _numbers(array, bytes format, tuple shape) except NULL:
    """Where the numbers of an array of that type and shape stand, one after the other."""
    cdef Py_buffer view
    cdef const void* where
    cdef Py_ssize_t j, step
    PyObject_GetBuffer(array, &view, PyBUF_RECORDS_RO)
    try:
        where, step = view.buf, view.itemsize
        if view.format != format or tuple([view.shape[j] for j in range(view.ndim)]) != shape:
            raise ValueError(f"an array of another type or shape: {shape} is needed")
        for j in range(view.ndim - 1, -1, -1):
            if view.shape[j] > 1 and view.strides[j] != step:
                raise ValueError("an array with gaps")
            step *= view.shape[j]
    finally:
        PyBuffer_Release(&view)
    return where
