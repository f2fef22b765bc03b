/* One tile of a product, its sums in registers; what matmul_body.h puts together.

   Included by it, once for every (instruction set, type), with its macros. */

/* ---- vectors, whole and in part ------------------------------------------------------------- */

#if MATMUL_VECTORS
#define VEC FN(vector)
typedef REAL VEC __attribute__((vector_size(VECTOR_BYTES)));
typedef MATMUL_PASTE(MATMUL_INDEX_, REAL) FN(index) __attribute__((vector_size(VECTOR_BYTES)));

/* The first `count` elements at `from`, then zeros.  Put together in a register, because reading
   whole what was just stored in pieces stalls the processor. */
MATMUL_INLINE VEC FN(load)(const REAL *from, int count)
{
    VEC x = {0};
    if (count >= LANES) {
        memcpy(&x, from, sizeof x);
        return x;
    }
#if VECTOR_BYTES == 64
    __mmask16 words = (__mmask16)((1u << (count * sizeof(REAL) / 4)) - 1);
    return (VEC)_mm512_maskz_loadu_epi32(words, from);
#elif VECTOR_BYTES == 32
    static const int words[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    __m256i mask;
    memcpy(&mask, words + 8 - count * sizeof(REAL) / 4, sizeof mask);
    return (VEC)_mm256_maskload_epi32((const int *)from, mask);
#else
    MATMUL_UNROLL
    for (int i = 0; i < LANES; i++)
        if (i < count)
            x[i] = from[i];
    return x;
#endif
}

/* The first `count` elements of x. */
MATMUL_INLINE void FN(store)(REAL *to, VEC x, int count)
{
    if (count >= LANES) {
        memcpy(to, &x, sizeof x);
        return;
    }
#if VECTOR_BYTES == 64
    __mmask16 words = (__mmask16)((1u << (count * sizeof(REAL) / 4)) - 1);
    _mm512_mask_storeu_epi32(to, words, (__m512i)x);
#else
    REAL lanes[LANES];
    const REAL *from = lanes;
    memcpy(lanes, &x, sizeof x);
    MATMUL_UNROLL
    for (int size = LANES / 2; size > 0; size /= 2)
        if (count & size) {
            memcpy(to, from, size * sizeof(REAL));
            to += size;
            from += size;
        }
#endif
}
#endif

/* to[0:count] = or += from[0:count], where `from` is padded to whole vectors */
MATMUL_INLINE void FN(put_row)(int count, const REAL *from, REAL *to, int accumulate)
{
#if MATMUL_VECTORS
    for (int j = 0; j < count; j += LANES) {
        VEC x = FN(load)(from + j, LANES);
        if (accumulate)
            x += FN(load)(to + j, count - j);
        FN(store)(to + j, x, count - j);
    }
#else
    for (int j = 0; j < count; j++)
        to[j] = accumulate ? to[j] + from[j] : from[j];
#endif
}

/* ---- one tile of C: `rows` x `vectors`, the sums in registers ------------------------------- */

/* `rows` and `vectors` are constants at each call: the loops over them unroll, and `sum` never
   touches memory. */
MATMUL_INLINE void FN(tile)(int rows, int vectors, int k, MATRIX a,
                            const REAL *b, ptrdiff_t ldb, REAL *c, ptrdiff_t ldc, int accumulate)
{
#if MATMUL_VECTORS
    VEC sum[TILE_ROWS][2];
    MATMUL_UNROLL
    for (int i = 0; i < rows; i++)
        sum[i][0] = sum[i][1] = (VEC){0};
    for (int p = 0; p < k; p++, a.at += a.column, b += ldb) {
        VEC left = FN(load)(b, LANES), right = vectors == 2 ? FN(load)(b + LANES, LANES) : left;
        MATMUL_UNROLL
        for (int i = 0; i < rows; i++) {
            REAL x = a.at[i * a.row];
            sum[i][0] += x * left;
            if (vectors == 2)
                sum[i][1] += x * right;
        }
    }
    MATMUL_UNROLL
    for (int i = 0; i < rows; i++, c += ldc) {
        MATMUL_UNROLL
        for (int v = 0; v < vectors; v++) {
            if (accumulate)
                sum[i][v] += FN(load)(c + v * LANES, LANES);
            FN(store)(c + v * LANES, sum[i][v], LANES);
        }
    }
#else
    for (int i = 0; i < rows; i++, c += ldc) {
        REAL sum[PANEL] = {0};
        for (int p = 0; p < k; p++) {
            REAL x = a.at[i * a.row + p * a.column];
            for (int j = 0; j < vectors * LANES; j++)
                sum[j] += x * b[p * ldb + j];
        }
        FN(put_row)(vectors * LANES, sum, c, accumulate);
    }
#endif
}

/* The same for a number of rows that only the call knows. A long sum leaves time to fetch the lines
   of C that it ends in. */
MATMUL_INLINE void FN(some_rows)(int rows, int vectors, int k, MATRIX a, const REAL *b,
                                 ptrdiff_t ldb, REAL *c, ptrdiff_t ldc, int accumulate)
{
    const int bytes = vectors * VECTOR_BYTES;
    if (k >= 128)
        for (int i = 0; i < rows; i++) {
            MATMUL_UNROLL
            for (int at = 0; at < bytes; at += LINE)
                MATMUL_FETCH_TO_WRITE((char *)(c + i * ldc) + at);
            MATMUL_FETCH_TO_WRITE((char *)(c + i * ldc) + bytes - 1);
        }
    switch (rows) {
#define TILE(r) \
    case r: \
        FN(tile)(r, vectors, k, a, b, ldb, c, ldc, accumulate); \
        break;
        TILES
#undef TILE
    }
}

/* All rows of one panel of C, cut into tiles of nearly equal height.  Where C is narrower than
   the vectors, tiles go through `spill`, so that nothing beside C is read or written. */
MATMUL_INLINE void FN(tiles)(int vectors, int m, int columns, int k, MATRIX a,
                             const REAL *b, ptrdiff_t ldb, REAL *c, ptrdiff_t ldc, int accumulate)
{
    REAL spill[TILE_ROWS * PANEL] MATMUL_ALIGNED;
    int whole = columns == vectors * LANES;
    REAL *to = whole ? c : spill;
    ptrdiff_t ldto = whole ? ldc : PANEL;
    for (int tiles = (m + TILE_ROWS - 1) / TILE_ROWS; tiles > 0; tiles--) {
        int rows = (m + tiles - 1) / tiles;
        FN(some_rows)(rows, vectors, k, a, b, ldb, to, ldto, accumulate && whole);
        if (whole)
            to += rows * ldc;
        else
            for (int i = 0; i < rows; i++, c += ldc)
                FN(put_row)(columns, spill + i * PANEL, c, accumulate);
        a.at += rows * a.row;
        m -= rows;
    }
}

/* Compiled once for each layout of A and width of C. */
MATMUL_FUNCTION void FN(panel)(int m, int columns, int k, MATRIX a,
                               const REAL *b, ptrdiff_t ldb, REAL *c, ptrdiff_t ldc, int accumulate)
{
    MATRIX by_rows = {a.at, a.row, 1}, by_columns = {a.at, 1, a.column};
    if (a.column == 1 && columns <= LANES)
        FN(tiles)(1, m, columns, k, by_rows, b, ldb, c, ldc, accumulate);
    else if (a.column == 1)
        FN(tiles)(2, m, columns, k, by_rows, b, ldb, c, ldc, accumulate);
    else if (columns <= LANES)
        FN(tiles)(1, m, columns, k, by_columns, b, ldb, c, ldc, accumulate);
    else
        FN(tiles)(2, m, columns, k, by_columns, b, ldb, c, ldc, accumulate);
}
