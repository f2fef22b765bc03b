/* The output layer: activation, loss and delta in one pass. For one instruction set and one type.
 *
 * No include guard: see kernels_body.h, which comes before.
 */

/* The sum of x, which is used up: the upper half is added to the lower, again and again. Unlike one
 * running sum the compiler can vectorise this, and it loses fewer digits. */
static double FN(sum)(ptrdiff_t n, REAL *x)
{
    while (n > 1) {
        ptrdiff_t half = n / 2;
        FN(add_to)(half, x, x + (n - half));
        n -= half;
    }
    return (double)x[0];
}

/* Losses and delta of n elements; `id` and `link` are constants at each place of use. */
static ALWAYS_INLINE void FN(loss_as)(int id, int link, ptrdiff_t n, const REAL *restrict out,
                                      const REAL *restrict target, REAL scale,
                                      REAL *restrict delta, REAL *restrict losses)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        REAL x = target[j], y = out[j];
        losses[j] = FN(loss)(id, x, y);
        if (link)
            y = FN(activation)(link, y);
        delta[j] = scale * FN(loss_gradient)(id, x, y);
    }
}

/* Each loss's loop is a function of its own: what the compiler makes of one does not depend on the
 * others, so neither do its last bits. */
#define LOOP(NUMBER, name, link) \
    static NEVER_INLINE void FN(name##_of)(ptrdiff_t n, const REAL *restrict out, \
                                           const REAL *restrict target, REAL scale, \
                                           REAL *restrict delta, REAL *restrict losses) \
    { \
        FN(loss_as)(AE_##NUMBER, link, n, out, target, scale, delta, losses); \
    }
AE_ELEMENT_LOSSES(LOOP)
#undef LOOP
#define LOOP(NUMBER, name, link) \
    static void FN(name##_of)(ptrdiff_t n, const REAL *restrict out, const REAL *restrict target, \
                              REAL scale, REAL *restrict delta, REAL *restrict losses, \
                              const REAL *restrict own, REAL *restrict own_delta) \
    { \
        for (ptrdiff_t j = 0; j < n; j++) { \
            REAL by_out, by_own; \
            losses[j] = FN(name)(target[j], out[j], own[j], &by_out, &by_own); \
            delta[j] = scale * by_out; \
            if (own_delta) \
                own_delta[j] = scale * by_own; \
        } \
    }
AE_COLUMN_LOSSES(LOOP)
#undef LOOP

/* A few elements at a time, which stay in the first cache from the sums to the delta: m rows of n,
 * m * n <= CHUNK, z and target of m * n elements each; m = 1 where the loss has parameters of its own.
 * Leaves the losses in `losses`. */
static void FN(output_chunk)(int activation, int loss, ptrdiff_t m, ptrdiff_t n, REAL *z,
                             const REAL *bias, const REAL *target, REAL scale, REAL *losses,
                             const REAL *own, REAL *own_delta)
{
    REAL out[CHUNK];
    memcpy(out, z, m * n * sizeof(REAL));
    switch (loss) {
#define SUMS(link) FN(activate)(link ? AE_IDENTITY : activation, m, n, out, bias)
#define CASE(NUMBER, name, link) \
    case AE_##NUMBER: \
        SUMS(link); \
        FN(name##_of)(m * n, out, target, scale, z, losses); \
        if (!link) \
            FN(through_activation)(activation, m * n, z, out, NULL); \
        break;
        AE_ELEMENT_LOSSES(CASE)
#undef CASE
#define CASE(NUMBER, name, link) \
    case AE_##NUMBER: \
        SUMS(link); \
        FN(name##_of)(n, out, target, scale, z, losses, own, own_delta); \
        break;
        AE_COLUMN_LOSSES(CASE)
#undef CASE
#undef SUMS
    }
}

/* Whether a loss has parameters of its own, one for each column. */
static int FN(has_own)(int loss)
{
    switch (loss) {
#define CASE(NUMBER, ...) case AE_##NUMBER:
        AE_COLUMN_LOSSES(CASE)
        return 1;
#undef CASE
    default: return 0;
    }
}

/* A run of columns that share a loss, of one row: delta in place of z; returns the loss, summed. */
static double FN(group_delta)(const ae_output *output, const ae_group *group, REAL *z,
                              const REAL *bias, const REAL *target, REAL scale, REAL *own_delta)
{
    REAL losses[CHUNK];
    double total = 0;
    for (ptrdiff_t j = group->start; j < group->stop; j += CHUNK) {
        ptrdiff_t wide = group->stop - j < CHUNK ? group->stop - j : CHUNK;
        ptrdiff_t at = group->own + j - group->start;
        const REAL *own = output->n_own ? (const REAL *)output->own + at : NULL;
        REAL *by_own = output->n_own && own_delta ? own_delta + at : NULL;
        FN(output_chunk)(group->activation, group->loss, 1, wide, z + j, bias ? bias + j : NULL,
                         target + j, scale, losses, own, by_own);
        if (by_own && FN(has_own)(group->loss))
            for (ptrdiff_t i = 0; i < wide; i++) {
                int seen = target[j + i] == target[j + i];
                REAL weight = output->weights ? (REAL)output->weights[j + i] : 1;
                by_own[i] = seen ? by_own[i] * weight : 0;
            }
        if (output->weights)
            for (ptrdiff_t i = 0; i < wide; i++) {
                REAL weight = (REAL)output->weights[j + i];
                losses[i] *= weight;
                z[j + i] *= weight;
            }
        if (output->has_missing)
            for (ptrdiff_t i = 0; i < wide; i++) {
                int seen = target[j + i] == target[j + i];
                losses[i] = seen ? losses[i] : 0;
                z[j + i] = seen ? z[j + i] : 0;
            }
        total += FN(sum)(wide, losses);
    }
    return total;
}

/* z (n,) becomes z + bias. Returns the sum of exp(z - largest) over all but the largest, whose own 1
 * would take the digits of what is small, and where the largest is: so that nothing overflows. */
static double FN(softmax)(ptrdiff_t n, REAL *z, const REAL *bias, REAL *largest, ptrdiff_t *at)
{
    REAL top = -INFINITY;
    ptrdiff_t place = 0;
    double others = 0;
    for (ptrdiff_t j = 0; j < n; j++) {
        z[j] += bias ? bias[j] : 0;
        if (z[j] > top) {
            top = z[j];
            place = j;
        }
    }
    for (ptrdiff_t j = 0; j < place; j++)
        others += (double)AE(ae_exp)(z[j] - top);
    for (ptrdiff_t j = place + 1; j < n; j++)
        others += (double)AE(ae_exp)(z[j] - top);
    *largest = top;
    *at = place;
    return others;
}

/* The same for a one-hot group: weights and missing entries are those of its target. */
static double FN(softmax_delta)(const ae_output *output, const ae_group *group, REAL *z,
                                const REAL *bias, const REAL *target, REAL scale)
{
    ptrdiff_t n = group->stop - group->start, at;
    const double *weights = output->weights ? output->weights + group->start : NULL;
    REAL top;
    z += group->start;
    target += group->start;
    double others = FN(softmax)(n, z, bias ? bias + group->start : NULL, &top, &at);
    double log_sum = log1p(others), total = 0, loss = 0, rest = 0; /* rest: of x, but the largest's */
    for (ptrdiff_t j = 0; j < n; j++) {
        double x = target[j] == target[j] ? (double)target[j] * (weights ? weights[j] : 1) : 0;
        total += x;
        rest += j == at ? 0 : x;
        loss += x * (((double)top - (double)z[j]) + log_sum);
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        double x = target[j] == target[j] ? (double)target[j] * (weights ? weights[j] : 1) : 0;
        double share = (double)AE(ae_exp)(z[j] - top) / (1 + others);
        z[j] = scale * (REAL)(share * total - x);
    }
    /* Of the largest the share is nearly 1: by those of the others, nothing is lost. */
    z[at] = scale * (REAL)(rest - total * (others / (1 + others)));
    return loss;
}

static double FN(row_delta)(const ae_output *output, REAL *z, const REAL *bias,
                            const REAL *target, REAL scale, REAL *own_delta)
{
    double total = 0;
    for (int g = 0; g < output->n_groups; g++) {
        const ae_group *group = output->groups + g;
        if (ae_is_row_loss(group->loss))
            total += FN(softmax_delta)(output, group, z, bias, target, scale);
        else
            total += FN(group_delta)(output, group, z, bias, target, scale, own_delta);
    }
    return total;
}

/* Whether all columns are alike: then rows can share a chunk. */
static int FN(is_uniform)(const ae_output *output)
{
    return output->n_groups == 1 && !ae_is_row_loss(output->groups[0].loss) && !output->n_own
        && !output->weights && !output->has_missing;
}

static double FN(output_delta)(const ae_output *output, ptrdiff_t m, ptrdiff_t n, void *sums,
                               const void *bias, const void *targets, double scale, void *own)
{
    REAL losses[CHUNK], *z = sums;
    const REAL *b = bias, *target = targets;
    int activation = output->groups[0].activation, loss = output->groups[0].loss;
    if (!FN(is_uniform)(output)) {
        double total = 0;
        for (ptrdiff_t i = 0; i < m; i++)
            total += FN(row_delta)(output, z + i * n, b, target + i * n, (REAL)scale,
                                   own ? (REAL *)own + i * output->n_own : NULL);
        return total;
    }
    ptrdiff_t rows = n < CHUNK ? CHUNK / n : 1, columns = n < CHUNK ? n : CHUNK;
    double total = 0;
    for (ptrdiff_t i = 0; i < m; i += rows)
        for (ptrdiff_t j = 0; j < n; j += columns) {
            ptrdiff_t high = m - i < rows ? m - i : rows, wide = n - j < columns ? n - j : columns;
            FN(output_chunk)(activation, loss, high, wide, z + i * n + j, b ? b + j : NULL,
                             target + i * n + j, (REAL)scale, losses, NULL, NULL);
            total += FN(sum)(high * wide, losses);
        }
    return total;
}

static void FN(row_losses)(const ae_output *output, ptrdiff_t m, ptrdiff_t n, void *sums,
                           const void *bias, const void *targets, void *results)
{
    REAL *z = sums;
    const REAL *b = bias, *target = targets;
    for (ptrdiff_t i = 0; i < m; i++)
        ((REAL *)results)[i] = (REAL)FN(row_delta)(output, z + i * n, b, target + i * n, 1, NULL);
}

static void FN(activate_output)(const ae_output *output, ptrdiff_t m, ptrdiff_t n, void *sums,
                                const void *bias)
{
    REAL *z = sums, top;
    ptrdiff_t at;
    const REAL *b = bias;
    if (output->n_groups == 1 && !ae_is_row_loss(output->groups[0].loss)) {
        FN(activate)(output->groups[0].activation, m, n, z, b);
        return;
    }
    for (ptrdiff_t i = 0; i < m; i++, z += n)
        for (int g = 0; g < output->n_groups; g++) {
            const ae_group *group = output->groups + g;
            ptrdiff_t start = group->start, wide = group->stop - start;
            if (!ae_is_row_loss(group->loss)) {
                FN(activate)(group->activation, 1, wide, z + start, b ? b + start : NULL);
                continue;
            }
            double others = FN(softmax)(wide, z + start, b ? b + start : NULL, &top, &at);
            for (ptrdiff_t j = start; j < group->stop; j++)
                z[j] = (REAL)((double)AE(ae_exp)(z[j] - top) / (1 + others));
        }
}
