/* Noise, and codes that are drawn or cut off. For one instruction set and one type.
 *
 * No include guard: see kernels_body.h. The definitions are ae_core/formulas/noise.py, ae_core/formulas/corruption.py
 * and ae_core/formulas/latent.py; the numbers are the same to the bit.
 */

/* Philox2x32-7 of counters start, start + 1, … with one right half and one key. The low 32 bits of
 * each number count; the upper 32 bits are undefined. */
static ALWAYS_INLINE void FN(philox)(uint64_t start, uint32_t half, uint32_t key,
                                     uint64_t *restrict left, uint64_t *restrict right)
{
#if SIMD_X86 && VECTOR_BYTES > 16
    /* There is one instruction that multiplies low halves; compilers do not find it by themselves. */
#if VECTOR_BYTES == 64
#define MULTIPLY(x, y) (wide) _mm512_mul_epu32((__m512i)(x), (__m512i)(y))
#else
#define MULTIPLY(x, y) (wide) _mm256_mul_epu32((__m256i)(x), (__m256i)(y))
#endif
    typedef uint64_t wide __attribute__((vector_size(VECTOR_BYTES)));
    for (int i = 0; i < NOISE_BLOCKS; i++) {
        left[i] = start + (uint64_t)i;
        right[i] = half;
    }
    const wide multiplier = (wide){0} + 0xD256D193;
    for (int i = 0; i < NOISE_BLOCKS; i += VECTOR_BYTES / 8) {
        wide l, r;
        memcpy(&l, left + i, sizeof l);
        memcpy(&r, right + i, sizeof r);
        uint32_t round_key = key;
        for (int round = 0; round < 7; round++, round_key += 0x9E3779B9u) {
            wide product = MULTIPLY(l, multiplier);
            l = (product >> 32) ^ r ^ (uint64_t)round_key;
            r = product;
        }
        memcpy(left + i, &l, sizeof l);
        memcpy(right + i, &r, sizeof r);
    }
#undef MULTIPLY
#else
    uint32_t l[NOISE_BLOCKS], r[NOISE_BLOCKS];
    for (int i = 0; i < NOISE_BLOCKS; i++) {
        l[i] = (uint32_t)start + (uint32_t)i;
        r[i] = half;
    }
    for (int round = 0; round < 7; round++, key += 0x9E3779B9u)
        for (int i = 0; i < NOISE_BLOCKS; i++) {
            uint64_t product = (uint64_t)l[i] * 0xD256D193u;
            l[i] = (uint32_t)(product >> 32) ^ key ^ r[i];
            r[i] = (uint32_t)product;
        }
    for (int i = 0; i < NOISE_BLOCKS; i++) {
        left[i] = l[i];
        right[i] = r[i];
    }
#endif
}

/* Four columns a block: to (4 ceil(n / 4),) of which the first n count. */
static void FN(noise)(uint64_t key, uint64_t stream, uint64_t row, ptrdiff_t n, uint16_t *to)
{
    uint64_t hashed = ae_mix(key ^ ae_mix(row + (stream << 40)));
    uint64_t left[NOISE_BLOCKS], right[NOISE_BLOCKS];
    ptrdiff_t n_blocks = (n + 3) / 4;
    for (ptrdiff_t start = 0; start < n_blocks; start += NOISE_BLOCKS) {
        ptrdiff_t wide = n_blocks - start < NOISE_BLOCKS ? n_blocks - start : NOISE_BLOCKS;
        uint16_t *restrict quarter = to + start;
        FN(philox)((uint64_t)start, (uint32_t)(hashed >> 32), (uint32_t)hashed, left, right);
        for (ptrdiff_t i = 0; i < wide; i++)
            quarter[i] = (uint16_t)left[i];
        for (ptrdiff_t i = 0; i < wide; i++)
            quarter[i + n_blocks] = (uint16_t)(left[i] >> 16);
        for (ptrdiff_t i = 0; i < wide; i++)
            quarter[i + 2 * n_blocks] = (uint16_t)right[i];
        for (ptrdiff_t i = 0; i < wide; i++)
            quarter[i + 3 * n_blocks] = (uint16_t)(right[i] >> 16);
    }
}

/* Corruptions of an element x of column j, given its number of the generator. */
static ALWAYS_INLINE REAL FN(gaussian)(const ae_corruption *how, ptrdiff_t j, REAL x, uint32_t number)
{
    (void)j;
    return x + ((const REAL *)how->table)[number >> AE_COARSE];
}

static ALWAYS_INLINE REAL FN(masking)(const ae_corruption *how, ptrdiff_t j, REAL x, uint32_t number)
{
    (void)j;
    return number >= how->threshold ? x : 0;
}

static ALWAYS_INLINE REAL FN(salt_and_pepper)(const ae_corruption *how, ptrdiff_t j, REAL x,
                                              uint32_t number)
{
    REAL end = number < how->threshold_low ? ((const REAL *)how->low)[j] : ((const REAL *)how->high)[j];
    return number < how->threshold ? end : x;
}

/* inputs (n,) from targets (n,), which may be the same: 0 where unseen, the rest corrupted. They are
 * of those columns, or of the first n. */
static ALWAYS_INLINE void FN(spoil_columns)(const ae_corruption *how, ptrdiff_t n, const int32_t *columns,
                                            const REAL *targets, const uint16_t *numbers, REAL *inputs)
{
    switch (how->kind) {
#define CASE(NUMBER, name) \
    case AE_##NUMBER: \
        for (ptrdiff_t j = 0; j < n; j++) { \
            REAL x = targets[j]; \
            inputs[j] = x == x ? FN(name)(how, columns ? columns[j] : j, x, numbers[j]) : 0; \
        } \
        break;
        AE_CORRUPTIONS(CASE)
#undef CASE
    default:
        for (ptrdiff_t j = 0; j < n; j++)
            inputs[j] = targets[j] == targets[j] ? targets[j] : 0;
    }
}

static void FN(spoil)(const ae_corruption *how, ptrdiff_t n, const void *targets,
                      const uint16_t *numbers, void *inputs)
{
    FN(spoil_columns)(how, n, NULL, targets, numbers, inputs);
}

/* Of n stored elements, in place. */
static void FN(spoil_stored)(const ae_corruption *how, ptrdiff_t n, const int32_t *columns,
                             const uint16_t *numbers, void *inputs)
{
    FN(spoil_columns)(how, n, columns, inputs, numbers, inputs);
}

/* Dropout: mask (n,) is 0 or `scale`, and h (n,) is multiplied with it. */
static void FN(hide)(ptrdiff_t n, const uint16_t *numbers, uint32_t threshold, double scale,
                     void *masks, void *activations)
{
    REAL *restrict mask = masks, *restrict h = activations, kept = (REAL)scale;
    for (ptrdiff_t j = 0; j < n; j++) {
        mask[j] = numbers[j] >= threshold ? kept : 0;
        h[j] *= mask[j];
    }
}

/* mask (n,) is 1 for the k largest of h (n,), of equal ones the first; the others become 0. */
static void FN(keep_largest)(ptrdiff_t n, ptrdiff_t k, void *masks, void *activations)
{
    REAL *mask = masks, *h = activations;
    int most = 2 * k > n;
    for (ptrdiff_t j = 0; j < n; j++)
        mask[j] = most;
    if (most) /* hide the smallest n - k, of equal ones the last */
        for (ptrdiff_t i = 0; i < n - k; i++) {
            ptrdiff_t least = -1;
            for (ptrdiff_t j = 0; j < n; j++)
                if (mask[j] != 0 && (least < 0 || h[j] <= h[least]))
                    least = j;
            mask[least] = 0;
        }
    else
        for (ptrdiff_t i = 0; i < k; i++) {
            ptrdiff_t best = -1;
            for (ptrdiff_t j = 0; j < n; j++)
                if (mask[j] == 0 && (best < 0 || h[j] > h[best]))
                    best = j;
            mask[best] = 1;
        }
    for (ptrdiff_t j = 0; j < n; j++)
        h[j] *= mask[j];
}

/* A variational code: posterior (2k,) is mean and log-variance; draws epsilon and h (k,). */
static void FN(sample)(ptrdiff_t k, const void *posterior, const uint16_t *numbers,
                       const void *quantiles, void *epsilons, void *codes)
{
    const REAL *mean = posterior, *log_variance = mean + k, *table = quantiles;
    REAL *restrict epsilon = epsilons, *restrict h = codes;
    for (ptrdiff_t j = 0; j < k; j++) {
        epsilon[j] = table[numbers[j]];
        h[j] = mean[j] + AE(ae_exp)(log_variance[j] / 2) * epsilon[j];
    }
}

/* delta (2k,), whose first k are ∂/∂h, becomes ∂/∂(mean, log-variance), with `pull` times the
 * divergence's gradient. */
static void FN(through_sample)(ptrdiff_t k, const void *posterior, const void *epsilons,
                               double pull, void *deltas)
{
    const REAL *mean = posterior, *log_variance = mean + k, *epsilon = epsilons;
    REAL *delta = deltas, scale = (REAL)pull;
    for (ptrdiff_t j = 0; j < k; j++) {
        REAL drawn = delta[j] * epsilon[j] * AE(ae_exp)(log_variance[j] / 2) / 2;
        delta[k + j] = drawn + scale * ((REAL)0.5 * AE(ae_expm1)(log_variance[j]));
        delta[j] += scale * mean[j];
    }
}

/* KL(N(mean, variance) ‖ N(0, 1)), summed over the k units. */
static double FN(divergence)(ptrdiff_t k, const void *posterior)
{
    const REAL *mean = posterior, *log_variance = mean + k;
    double total = 0;
    for (ptrdiff_t j = 0; j < k; j++)
        total += (double)(AE(ae_expm1)(log_variance[j]) - log_variance[j] + mean[j] * mean[j]);
    return 0.5 * total;
}

static const ae_kernels FN(table) = {
    /* clang-format off */
    LEVEL_NAME, LARGEST_PRODUCT, {FN(matmul_nn), FN(matmul_nt), FN(matmul_tn)},
    FN(turn), FN(see), FN(activate), FN(through_activation), FN(through_slope), FN(activate_output),
    FN(output_delta), FN(row_losses), FN(column_sums), FN(squares), FN(sizes), FN(axpy),
    FN(penalize_l1), FN(scale), FN(average), FN(update), FN(noise), FN(spoil), FN(spoil_stored), FN(hide),
    FN(keep_largest), FN(sample), FN(through_sample), FN(divergence), FN(elementary),
    /* clang-format on */
};
