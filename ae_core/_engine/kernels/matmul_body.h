/* Small matrix products, one text for every (instruction set, type).

   Included several times in one C file.  The includer sets, and afterwards undefines,
     REAL          float or double
     FN(name)      pastes a suffix: name##_f32_avx512
     VECTOR_BYTES  64 (AVX-512), 32 (AVX2), 16 (SSE2, NEON, and compilers without GNU vectors)
   and has switched the compiler to that instruction set (#pragma GCC target).

   All matrices are row-major; leading dimensions count elements.
     matmul_nn   C (m, n)  =  A (m, k)   @ B (k, n)        forward
     matmul_nt   C (m, n)  =  A (m, k)   @ B (n, k).T      delta of the layer below
     matmul_tn   C (m, n)  =  A (k, m).T @ B (k, n)        weight gradient
   With `accumulate` the product is added to C.

   Every element of C is one chain of multiply-adds from zero, in the order of k (a new chain
   after DEPTH steps at most).  Its bits depend on its own row of A and column of B alone: not on m,
   n, addresses, or which of the paths below is taken. */

#include "matmul_compiler.h"

#define DEPTH 272                       /* most steps of k per pass: a packed panel of B stays in L1 */
#define GROUP 4                         /* whole panels packed at a time: they stay in L2 */
#define LANES (VECTOR_BYTES / MATMUL_PASTE(MATMUL_BYTES_, REAL))
#define PANEL (2 * LANES)               /* columns of C in a full tile: two vectors */
/* Rows of C in a full tile: many share what is loaded of B, and few enough have their sums stay in
   registers (32 of them, 16 on x86 before AVX-512). TILES has a TILE for each number of rows. */
#if VECTOR_BYTES == 64
#  define TILE_ROWS 12
#  define TILES TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#elif defined(__aarch64__)
#  define TILE_ROWS 8
#  define TILES TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8)
#else
#  define TILE_ROWS 6
#  define TILES TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#endif
#define LINE 64                         /* bytes of a cache line */
#define TURNED (TILE_ROWS < 8 ? TILE_ROWS : 8)   /* columns of C that may be too few */
#if LANES == 16
#  define INTERLEAVE_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#  define INTERLEAVE_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#  define INTERLEAVE_LOW 0, 8, 1, 9, 2, 10, 3, 11
#  define INTERLEAVE_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#elif LANES == 4
#  define INTERLEAVE_LOW 0, 4, 1, 5
#  define INTERLEAVE_HIGH 2, 6, 3, 7
#else
#  define INTERLEAVE_LOW 0, 2
#  define INTERLEAVE_HIGH 1, 3
#endif

/* A matrix or its transpose: element (i, j) stands at at[i * row + j * column]; one of the two
   steps is 1. */
#define MATRIX FN(matrix)
typedef struct {
    const REAL *at;
    ptrdiff_t row, column;
} MATRIX;

#include "matmul_tile_body.h"

/* ---- packing: k rows of B, side by side, padded with zeros to `width` = 1 or 2 vectors ------ */

#if MATMUL_VECTORS
/* to[p, j] = from[j, p] for p < min(k, LANES), j < LANES; zeros from j = columns on.  Each round
   of the perfect shuffle moves one bit of a position from the column number to the row number. */
MATMUL_INLINE void FN(transpose)(int columns, int k, const REAL *from, ptrdiff_t ldfrom,
                                 REAL *to, ptrdiff_t ldto)
{
    VEC x[LANES], y[LANES];
    MATMUL_UNROLL
    for (int j = 0; j < LANES; j++)
        x[j] = j < columns ? FN(load)(from + j * ldfrom, k) : (VEC){0};
    MATMUL_UNROLL
    for (int round = 1; round < LANES; round *= 2) {
        MATMUL_UNROLL
        for (int j = 0; j < LANES / 2; j++) {
            VEC one = x[j], other = x[j + LANES / 2];
            y[2 * j] = MATMUL_SHUFFLE(FN(index), one, other, INTERLEAVE_LOW);
            y[2 * j + 1] = MATMUL_SHUFFLE(FN(index), one, other, INTERLEAVE_HIGH);
        }
        MATMUL_UNROLL
        for (int j = 0; j < LANES; j++)
            x[j] = y[j];
    }
    MATMUL_UNROLL
    for (int p = 0; p < LANES; p++)
        if (p < k)
            FN(store)(to + p * ldto, x[p], LANES);
}

MATMUL_INLINE void FN(pack)(int columns, int k, MATRIX b, REAL *to, int width)
{
    if (b.column == 1) {
        for (int p = 0; p < k; p++)
            for (int j = 0; j < width; j += LANES)
                FN(store)(to + p * width + j, FN(load)(b.at + p * b.row + j, columns - j), LANES);
        return;
    }
    for (int j = 0; j < columns; j += LANES)
        for (int p = 0; p < k; p += LANES) {
            const REAL *from = b.at + j * b.column + p;
            if (columns - j >= LANES && k - p >= LANES)     /* the same, without its conditions */
                FN(transpose)(LANES, LANES, from, b.column, to + p * width + j, width);
            else
                FN(transpose)(columns - j, k - p, from, b.column, to + p * width + j, width);
        }
}
#else
MATMUL_INLINE void FN(pack)(int columns, int k, MATRIX b, REAL *to, int width)
{
    for (int p = 0; p < k; p++)
        for (int j = 0; j < width; j++)
            to[p * width + j] = j < columns ? b.at[p * b.row + j * b.column] : 0;
}
#endif

/* `panels` whole panels, DEPTH * PANEL apart in `to`. Far rows are read in longer runs, which the
   hardware foresees. */
MATMUL_INLINE void FN(pack_group)(int panels, int k, MATRIX b, REAL *to)
{
    if (b.column == 1)
        for (int p = 0; p < k; p++)
            for (int g = 0; g < panels; g++)
                memcpy(to + g * DEPTH * PANEL + p * PANEL, b.at + p * b.row + g * PANEL,
                       PANEL * sizeof(REAL));
    else
        for (int g = 0; g < panels; g++) {
            MATRIX one = {b.at + g * PANEL * b.column, b.row, b.column};
            FN(pack)(PANEL, k, one, to + g * DEPTH * PANEL, PANEL);
        }
}

/* What is packed next: so many lines, each of so many consecutive bytes. */
#define AHEAD FN(ahead)
typedef struct {
    const REAL *at;
    ptrdiff_t step;
    int lines, bytes;
} AHEAD;

/* Packed panels of C, tile by tile: a tile's rows of A stay in the first cache for all of them, and
   the panels come from the second. Each tile fetches its part of what is packed next. */
MATMUL_INLINE void FN(tiles_of_group)(int panels, int m, int k, MATRIX a, const REAL *b,
                                      REAL *c, ptrdiff_t ldc, int accumulate, AHEAD next)
{
    for (int tiles = (m + TILE_ROWS - 1) / TILE_ROWS; tiles > 0; tiles--) {
        int rows = (m + tiles - 1) / tiles, lines = (next.lines + tiles - 1) / tiles;
        next.lines -= lines;
        for (; lines > 0; lines--, next.at += next.step)
            for (int at = 0; at < next.bytes; at += LINE)
                MATMUL_FETCH((const char *)next.at + at);
        for (int g = 0; g < panels; g++)
            FN(some_rows)(rows, 2, k, a, b + g * DEPTH * PANEL, PANEL, c + g * PANEL, ldc,
                          accumulate);
        a.at += rows * a.row;
        c += rows * ldc;
        m -= rows;
    }
}

MATMUL_FUNCTION void FN(group)(int panels, int m, int k, MATRIX a, const REAL *b,
                               REAL *c, ptrdiff_t ldc, int accumulate, AHEAD next)
{
    MATRIX by_rows = {a.at, a.row, 1}, by_columns = {a.at, 1, a.column};
    if (a.column == 1)
        FN(tiles_of_group)(panels, m, k, by_rows, b, c, ldc, accumulate, next);
    else
        FN(tiles_of_group)(panels, m, k, by_columns, b, c, ldc, accumulate, next);
}

/* ---- three ways to a product ---------------------------------------------------------------- */

/* One panel of C: B is taken as it stands, or packed first. */
MATMUL_INLINE void FN(one_panel)(int m, int columns, int depth, MATRIX a, MATRIX b,
                                 REAL *c, ptrdiff_t ldc, int accumulate, int many, REAL *packed)
{
    int width = columns <= LANES ? LANES : PANEL;
    if (b.column == 1 && columns == width && !many) {
        FN(panel)(m, columns, depth, a, b.at, b.row, c, ldc, accumulate);
        return;
    }
    FN(pack)(columns, depth, b, packed, width);
    FN(panel)(m, columns, depth, a, packed, width, c, ldc, accumulate);
}

/* Of B (k, n), after the columns before j of the rows from p to p + depth. */
MATMUL_INLINE AHEAD FN(what_follows)(int n, int k, int p, int depth, int j, MATRIX b)
{
    AHEAD next = {b.at, b.column == 1 ? b.row : b.column, 0, 0};
    int columns = n - j < GROUP * PANEL ? n - j : GROUP * PANEL;
    if (j >= n) {                                   /* the rows below, from the first column on */
        j = 0, p += depth;
        columns = n < GROUP * PANEL ? n : GROUP * PANEL;
        depth = k - p < depth ? k - p : depth;
    }
    if (p < k) {
        next.at += p * b.row + j * b.column;
        next.lines = b.column == 1 ? depth : columns;
        next.bytes = (int)sizeof(REAL) * (b.column == 1 ? columns : depth);
    }
    return next;
}

MATMUL_FUNCTION void FN(blocked)(int m, int n, int k, MATRIX a, MATRIX b,
                                 REAL *c, ptrdiff_t ldc, int accumulate)
{
    REAL packed[GROUP * DEPTH * PANEL] MATMUL_ALIGNED;
    /* many rows repay a copy of B to consecutive cache lines; the sooner, the wider its step */
    int many = m * b.row * (ptrdiff_t)sizeof(REAL) > 1 << 17;
    int grouped = b.column == 1 ? many : m > 4 * TILE_ROWS;
    int depth, blocks = (k + DEPTH - 1) / DEPTH;
    for (int p = 0; p < k; p += depth, blocks--, accumulate = 1) {
        depth = (k - p + blocks - 1) / blocks;      /* nearly equal: no last one that is all edge */
        MATRIX a_block = {a.at + p * a.column, a.row, a.column};
        for (int j = 0, columns; j < n; j += columns) {
            MATRIX b_block = {b.at + p * b.row + j * b.column, b.row, b.column};
            int panels = (n - j) / PANEL < GROUP ? (n - j) / PANEL : GROUP;
            if (grouped && panels > 1) {
                columns = panels * PANEL;
                FN(pack_group)(panels, depth, b_block, packed);
                FN(group)(panels, m, depth, a_block, packed, c + j, ldc, accumulate,
                          FN(what_follows)(n, k, p, depth, j + columns, b));
            } else {
                columns = n - j < PANEL ? n - j : PANEL;
                FN(one_panel)(m, columns, depth, a_block, b_block, c + j, ldc, accumulate, many,
                              packed);
            }
        }
    }
}

/* Few columns would leave most lanes idle.  Turned, C.T = B.T @ A.T, they are full. */
MATMUL_FUNCTION void FN(turned)(int m, int n, int k, MATRIX a, MATRIX b,
                                REAL *c, ptrdiff_t ldc, int accumulate)
{
    REAL strip[TILE_ROWS * PANEL] MATMUL_ALIGNED;               /* (n, rows) of C.T */
    MATRIX b_turned = {b.at, b.column, b.row};
    for (int i = 0; i < m; i += PANEL, c += PANEL * ldc) {
        int rows = m - i < PANEL ? m - i : PANEL;
        MATRIX a_turned = {a.at + i * a.row, a.column, a.row};
        if (accumulate)
            for (int r = 0; r < rows; r++)
                for (int j = 0; j < n; j++)
                    strip[j * PANEL + r] = c[r * ldc + j];
        FN(blocked)(n, rows, k, b_turned, a_turned, strip, PANEL, accumulate);
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < n; j++)
                c[r * ldc + j] = strip[j * PANEL + r];
    }
}

/* So small that setting up a tile would cost more than the product. */
MATMUL_INLINE void FN(tiny)(int m, int n, int k, MATRIX a, MATRIX b,
                            REAL *c, ptrdiff_t ldc, int accumulate)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            REAL sum = 0;
            for (int p = 0; p < k; p++) {
                MATMUL_KEEP_SCALAR;                             /* vectors would only cost here */
                sum += a.at[i * a.row + p * a.column] * b.at[p * b.row + j * b.column];
            }
            c[i * ldc + j] = accumulate ? c[i * ldc + j] + sum : sum;
        }
}

/* The limits are measured (float32 and float64, Zen 5). */
MATMUL_INLINE void FN(product)(int m, int n, int k, MATRIX a, MATRIX b,
                               REAL *c, ptrdiff_t ldc, int accumulate)
{
    if (k <= 0 || (long long)m * n * k <= (n <= 4 ? 96 : 40))
        FN(tiny)(m, n, k, a, b, c, ldc, accumulate);
    else if (n < LANES && n < m && n <= (a.column == 1 ? 4 : TURNED))
        FN(turned)(m, n, k, a, b, c, ldc, accumulate);
    else
        FN(blocked)(m, n, k, a, b, c, ldc, accumulate);
}

/* ---- the three products --------------------------------------------------------------------- */

static void FN(matmul_nn)(int m, int n, int k, const void *a, int lda, const void *b, int ldb,
                          void *c, int ldc, int accumulate)
{
    FN(product)(m, n, k, (MATRIX){a, lda, 1}, (MATRIX){b, ldb, 1}, c, ldc, accumulate);
}

static void FN(matmul_nt)(int m, int n, int k, const void *a, int lda, const void *b, int ldb,
                          void *c, int ldc, int accumulate)
{
    FN(product)(m, n, k, (MATRIX){a, lda, 1}, (MATRIX){b, 1, ldb}, c, ldc, accumulate);
}

static void FN(matmul_tn)(int m, int n, int k, const void *a, int lda, const void *b, int ldb,
                          void *c, int ldc, int accumulate)
{
    FN(product)(m, n, k, (MATRIX){a, 1, lda}, (MATRIX){b, ldb, 1}, c, ldc, accumulate);
}

/* ---- a matrix turned ------------------------------------------------------------------------- */

/* to (n, m) = from (m, n).T, in squares whose lines stay in the first cache. */
static void FN(turn)(ptrdiff_t m, ptrdiff_t n, const void *from_, ptrdiff_t ldfrom, void *to_,
                     ptrdiff_t ldto)
{
    const REAL *from = from_;
    REAL *to = to_;
    for (ptrdiff_t i = 0; i < m; i += LANES)
        for (ptrdiff_t j = 0; j < n; j += LANES) {
            ptrdiff_t rows = m - i < LANES ? m - i : LANES, columns = n - j < LANES ? n - j : LANES;
#if MATMUL_VECTORS
            if (rows == LANES && columns == LANES) {
                FN(transpose)(LANES, LANES, from + i * ldfrom + j, ldfrom, to + j * ldto + i, ldto);
                continue;
            }
#endif
            for (ptrdiff_t r = i; r < i + rows; r++)
                for (ptrdiff_t c = j; c < j + columns; c++)
                    to[c * ldto + r] = from[r * ldfrom + c];
        }
}

#undef DEPTH
#undef GROUP
#undef LANES
#undef PANEL
#undef TILE_ROWS
#undef TILES
#undef LINE
#undef TURNED
#undef INTERLEAVE_LOW
#undef INTERLEAVE_HIGH
#undef VEC
#undef MATRIX
#undef AHEAD
