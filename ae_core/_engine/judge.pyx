"""A tile of rows judged: scaled, through small networks, and beside references.

What is computed is defined in `ae_core/detection/`, which still says it of entries.
"""

from cython cimport floating
from libc.math cimport INFINITY, fabs, sqrt

from ae_core._engine.inference cimport give_seen, through_layers
from ae_core._engine.kernels.table cimport (
    AE_ARRAY_LOG1P, AE_IDENTITY, AE_NN, kernels_for, product,
)
from ae_core._engine.layers.dense cimport biases_of
from ae_core._engine.memory cimport padded
from ae_core._engine.plan cimport Plan, even_rows

cdef enum:
    LANES = 8
    ROUNDS = 4

# As `ae_core.data.robust_scaling`.
cdef double LINEAR_UNTIL = 5.0
cdef double FARTHEST = 1e30
cdef double SAME = 1e-6


cdef class Judge:
    """What is usual, and how rows come before networks; `Detector` fills it."""


cdef int tile_rows(Py_ssize_t n_rows) noexcept nogil:
    """Rows of a tile, for so many rows."""
    return even_rows(n_rows, MOST_ROWS)


cdef inline char* taken(char* memory, Py_ssize_t* used, Py_ssize_t n_bytes) noexcept nogil:
    """The next array in memory, of so many bytes."""
    cdef Py_ssize_t start = used[0]
    used[0] += padded(n_bytes)
    return memory + start


cdef Py_ssize_t lay_out(Judge detector, Py_ssize_t h, char* memory, Room* room) noexcept nogil:
    """Where what h rows need stands in memory; how many bytes that is, also without memory."""
    cdef Py_ssize_t n = detector.n_columns, k = n + detector.most_code, used = 0
    cdef Py_ssize_t s = detector.itemsize
    room.values = <double*> taken(memory, &used, h * n * sizeof(double))
    room.n_changed = <double*> taken(memory, &used, h * sizeof(double))
    room.totals = <double*> taken(memory, &used, h * sizeof(double))
    room.n_seen = <int*> taken(memory, &used, h * sizeof(int))
    room.block = taken(memory, &used, h * n * s)
    room.inputs = taken(memory, &used, h * n * s)
    room.side = taken(memory, &used, h * detector.n_side * s)
    room.code = taken(memory, &used, h * detector.most_code * s)
    room.points = taken(memory, &used, h * k * s)
    room.weights = taken(memory, &used, h * k * s)
    room.queries = taken(memory, &used, h * k * s)
    room.squared = taken(memory, &used, h * detector.most_references * s)
    room.squared_too = taken(memory, &used, h * detector.most_references * s)
    room.bytes = padded(h * detector.widest * s)
    room.arrays = taken(memory, &used, 3 * room.bytes)
    return used


cdef void judge(
    Judge detector, Room* room, int h, double* scores, double* distances,
) noexcept nogil:
    """Scores (h,), or distances (h, n_members), of the room's values (h, n), by way of its block."""
    if detector.itemsize == sizeof(float):
        judge_as[float](detector, room, h, <float*> room.block, scores, distances)
    else:
        judge_as[double](detector, room, h, <double*> room.block, scores, distances)


cdef void judge_as(
    Judge detector, Room* room, int h, floating* block, double* scores, double* distances,
) noexcept nogil:
    """The same in the detector's type."""
    cdef Member* member
    cdef bint has_missing
    cdef int i, l
    cdef double distance
    cdef floating* squared = <floating*> room.squared
    see[floating](detector, room, h, block)
    has_missing = count_seen[floating](detector.n_columns, h, block, room)
    for i in range(h):
        room.totals[i] = 0
    for l in range(detector.n_members):
        member = &detector.members[l]
        place[floating](
            detector, <Plan> member.plan, member, room, h, has_missing, block,
            <floating*> room.points,
        )
        look[floating](detector, member, room, h, has_missing, squared)
        for i in range(h):
            distance = distance_of[floating](detector, member, room, i, squared)
            room.totals[i] += distance
            if distances != NULL:
                distances[i * detector.n_members + l] = distance
    if scores != NULL:
        for i in range(h):
            scores[i] = room.totals[i] / detector.n_members + detector.changed * room.n_changed[i]


cdef void see(Judge detector, Room* room, int h, floating* block) noexcept nogil:
    """block (h, n): the values scaled, bent beyond a few spreads, constants 0; counts what changed."""
    cdef Py_ssize_t n = detector.n_columns, i, j
    cdef const double* shift = detector.shift
    cdef const double* factor = detector.factor
    cdef double* row
    cdef floating* to
    cdef double x, size, logarithm
    cdef int n_far
    for i in range(h):
        row, to = room.values + i * n, block + i * n
        room.n_changed[i] = 0
        if shift != NULL:
            if not detector.all_vary:
                room.n_changed[i] = n_changed(detector, row)
            n_far = 0
            for j in range(n):
                row[j] = (row[j] - shift[j]) * factor[j]
                n_far += fabs(row[j]) > LINEAR_UNTIL
            if n_far:
                for j in range(n):
                    x = fabs(row[j])
                    if x > LINEAR_UNTIL:
                        size = min(x, FARTHEST) - LINEAR_UNTIL
                        kernels_for(sizeof(double)).elementary(AE_ARRAY_LOG1P, 1, &size, &logarithm)
                        size = LINEAR_UNTIL + logarithm
                        row[j] = size if row[j] > 0 else -size
            if not detector.all_vary:
                for j in range(n):
                    if not detector.varies[j]:
                        row[j] *= 0  # NaN stays
        for j in range(n):
            to[j] = <floating> row[j]


cdef double n_changed(Judge detector, const double* row) noexcept nogil:
    """In how many of the columns that were constant a row (n,) has something else."""
    cdef Py_ssize_t j
    cdef double found = 0
    for j in range(detector.n_columns):
        if detector.is_seen[j] and not detector.varies[j]:
            # Of NaN that is False.
            found += fabs(row[j] - detector.shift[j]) > SAME * fabs(detector.shift[j])
    return found


cdef bint count_seen(Py_ssize_t n, int h, const floating* block, Room* room) noexcept nogil:
    """How many entries of each row (h, n) are seen; and whether any is missing."""
    cdef Py_ssize_t i, j
    cdef const floating* row
    cdef bint has_missing = False
    cdef int count
    for i in range(h):
        row, count = block + i * n, 0
        for j in range(n):
            count += row[j] == row[j]
        room.n_seen[i] = count
        has_missing = has_missing or count < n
    return has_missing


cdef void place(
    Judge detector, Plan plan, Member* member, Room* room, int h, bint has_missing,
    const floating* block, floating* points,
) noexcept nogil:
    """points (h, k) of a block (h, n): code and residuals, each beside the usual.

    And the weights of their squares, for rows of which something is missing.
    """
    cdef const floating* params = <const floating*> member.params
    cdef const floating* inputs = block
    cdef const floating* scale = <const floating*> member.scale
    cdef const floating* usual = <const floating*> member.usual
    cdef floating* code = <floating*> room.code
    cdef floating* outputs
    cdef floating* point
    cdef floating* weight
    cdef floating share
    cdef Py_ssize_t n = detector.n_columns, n_code = member.n_code, i, j
    if has_missing or plan.family.log_input or plan.family.input_mask:
        inputs = <const floating*> room.inputs
        give_seen[floating](
            plan, detector.K, h, NULL, block, <floating*> room.inputs, <floating*> room.side,
            plan.n_side,
        )
    through_layers[floating](
        plan, detector.K, params, 0, 1, h, inputs, <const floating*> room.side, plan.n_side, None, 0,
        room.arrays, room.bytes, code,
    )
    outputs = through_layers[floating](
        plan, detector.K, params, 1, 2, h, code, <const floating*> room.side, plan.n_side, None, 0,
        room.arrays, room.bytes, NULL,
    )
    detector.K.activate_output(
        &member.output, h, n, outputs, biases_of[floating](&plan.layers[1], params),
    )
    for i in range(h):
        point = points + i * (n_code + n)
        for j in range(n_code):
            point[j] = code[i * n_code + j] * scale[j]
        beside_usual[floating](n, outputs + i * n, block + i * n, usual, point + n_code)
        if room.n_seen[i] == n:
            continue
        weight = <floating*> room.weights + i * (n_code + n)
        # Of a row of which nothing is seen, nothing is known: its distance is 0.
        share = <floating> room.n_seen[i] / <floating> n
        for j in range(n_code):
            weight[j] = 1 if room.n_seen[i] else 0
        for j in range(n):
            weight[n_code + j] = 0
            if block[i * n + j] == block[i * n + j]:
                weight[n_code + j] = 1 / share
            else:
                point[n_code + j] = 0


cdef void beside_usual(
    Py_ssize_t n, const floating* outputs, const floating* row, const floating* usual, floating* to,
) noexcept nogil:
    """to (n,) = the residuals, in units of what is usual."""
    cdef Py_ssize_t j
    for j in range(n):
        to[j] = (outputs[j] - row[j]) / usual[j]


cdef void look(
    Judge detector, Member* member, Room* room, int h, bint has_missing, floating* squared,
) noexcept nogil:
    """squared (h, m): the distances of the points from the references, less what all have in common.

    That is |s|² - 2 x·s; of rows with missing entries each square counts by its weight.
    """
    cdef Py_ssize_t n = detector.n_columns, i, t
    cdef int k = member.n_code + detector.n_columns, m = member.m, n_rows = 0, of_squares
    cdef const floating* points = <const floating*> room.points
    cdef const floating* weights = <const floating*> room.weights
    cdef floating* queries = <floating*> room.queries
    cdef floating* products = <floating*> room.squared_too
    for i in range(h):
        n_rows += room.n_seen[i] == n
    if n_rows:
        product[floating](
            detector.K, AE_NN, h, m, k, points, k, <const floating*> member.look, m, squared, m, False,
        )
        detector.K.activate(AE_IDENTITY, h, m, squared, member.norms)
    if not has_missing:
        return
    # The others are brought together: first w x · (-2 s), and then w · s² is added to it.
    for of_squares in range(2):
        n_rows = 0
        for i in range(h):
            if room.n_seen[i] < n:
                for t in range(k):
                    queries[n_rows * k + t] = weights[i * k + t] * (
                        1 if of_squares else points[i * k + t]
                    )
                n_rows += 1
        product[floating](
            detector.K, AE_NN, n_rows, m, k, queries, k,
            <const floating*> (member.squares if of_squares else member.look), m, products, m, False,
        )
        n_rows = 0
        for i in range(h):
            if room.n_seen[i] < n:
                for t in range(m):
                    squared[i * m + t] = products[n_rows * m + t] + (
                        squared[i * m + t] if of_squares else 0
                    )
                n_rows += 1


cdef double distance_of(
    Judge detector, Member* member, Room* room, Py_ssize_t i, floating* squared,
) noexcept nogil:
    """How far a row's point is from the second nearest reference, in units of what is usual."""
    cdef Py_ssize_t k = member.n_code + detector.n_columns, m = member.m
    cdef const floating* weight = NULL
    cdef Py_ssize_t which = nearest[floating](m, squared + i * m)
    if m > 1:
        squared[i * m + which] = INFINITY
        which = nearest[floating](m, squared + i * m)
    if room.n_seen[i] < detector.n_columns:
        weight = <const floating*> room.weights + i * k
    return sqrt(
        squared_distance[floating](
            k, <const floating*> room.points + i * k, <const floating*> member.points + which * k,
            weight,
        )
    ) / member.unit


cdef Py_ssize_t nearest(Py_ssize_t m, const floating* squared) noexcept nogil:
    """Where the smallest of m numbers stands first."""
    cdef floating[LANES] lanes
    cdef floating least = INFINITY, x
    cdef Py_ssize_t first = 0, j = 0, t, stop
    # Side by side, and of some at once the smallest, so that few are looked at one by one.
    while j + LANES * ROUNDS <= m:
        for t in range(LANES):
            lanes[t] = squared[j + t]
        stop = j + LANES * ROUNDS
        while j < stop:
            for t in range(LANES):
                lanes[t] = squared[j + t] if squared[j + t] < lanes[t] else lanes[t]
            j += LANES
        x = lanes[0]
        for t in range(1, LANES):
            x = lanes[t] if lanes[t] < x else x
        if x < least:
            least, first = x, stop - LANES * ROUNDS
    while j < m:
        if squared[j] < least:
            least, first = squared[j], j
        j += 1
    while first < m - 1 and squared[first] != least:
        first += 1
    return first


cdef inline floating weighted_square(
    const floating* x, const floating* y, const floating* weights, Py_ssize_t j,
) noexcept nogil:
    """w (x - y)² of an entry; without weights w is 1."""
    cdef floating d = x[j] - y[j]
    d = d * d
    return d if weights == NULL else d * weights[j]


cdef double squared_distance(
    Py_ssize_t k, const floating* x, const floating* y, const floating* weights,
) noexcept nogil:
    """Σ w (x - y)² over k entries, summed as doubles, as NumPy sums few."""
    cdef double[LANES] sums
    cdef Py_ssize_t j = 0, t
    for t in range(LANES):
        sums[t] = 0
    while j + LANES <= k:
        for t in range(LANES):
            sums[t] += weighted_square[floating](x, y, weights, j + t)
        j += LANES
    cdef double total = (
        ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
    )
    while j < k:
        total += weighted_square[floating](x, y, weights, j)
        j += 1
    return total
