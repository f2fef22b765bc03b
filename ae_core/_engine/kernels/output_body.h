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

static ALWAYS_INLINE void FN(loss_as)(int id, ptrdiff_t n, const REAL *restrict out,
                                      const REAL *restrict target, REAL scale,
                                      REAL *restrict delta, REAL *restrict losses)
{
    for (ptrdiff_t j = 0; j < n; j++) {
        REAL x = target[j], y = out[j];
        losses[j] = FN(loss)(id, x, y);
        if (id == AE_BINARY_CROSS_ENTROPY)
            y = AE(ae_logistic)(y);
        delta[j] = scale * FN(loss_gradient)(id, x, y);
    }
}

/* A few elements at a time, which stay in the first cache from the sums to the delta: m rows of n,
 * m * n <= CHUNK, z and target of m * n elements each. Leaves the losses in `losses`. */
static void FN(output_chunk)(int activation, int loss, ptrdiff_t m, ptrdiff_t n, REAL *z,
                             const REAL *bias, const REAL *target, REAL scale, REAL *losses)
{
    REAL out[CHUNK];
    memcpy(out, z, m * n * sizeof(REAL));
    int from_logits = loss == AE_BINARY_CROSS_ENTROPY;
    FN(activate)(from_logits ? AE_IDENTITY : activation, m, n, out, bias);
    switch (loss) {
#define CASE(name) \
    case AE_##name: FN(loss_as)(AE_##name, m * n, out, target, scale, z, losses); break;
        AE_ELEMENT_LOSSES(CASE)
#undef CASE
    }
    if (!from_logits)
        FN(through_activation)(activation, m * n, z, out, NULL);
}

/* A run of columns that share a loss, of one row: delta in place of z; returns the loss, summed. */
static double FN(group_delta)(const ae_output *output, const ae_group *group, REAL *z,
                              const REAL *bias, const REAL *target, REAL scale)
{
    REAL losses[CHUNK];
    double total = 0;
    for (ptrdiff_t j = group->start; j < group->stop; j += CHUNK) {
        ptrdiff_t wide = group->stop - j < CHUNK ? group->stop - j : CHUNK;
        FN(output_chunk)(group->activation, group->loss, 1, wide, z + j, bias ? bias + j : NULL,
                         target + j, scale, losses);
        if (output->weights)
            for (ptrdiff_t i = 0; i < wide; i++) {
                REAL weight = (REAL)output->weights[j + i];
                losses[i] *= weight;
                z[j + i] *= weight;
            }
        if (output->has_holes)
            for (ptrdiff_t i = 0; i < wide; i++) {
                int seen = target[j + i] == target[j + i];
                losses[i] = seen ? losses[i] : 0;
                z[j + i] = seen ? z[j + i] : 0;
            }
        total += FN(sum)(wide, losses);
    }
    return total;
}

/* z (n,) becomes z + bias; returns Σ exp(z - largest), so that nothing overflows. */
static double FN(softmax)(ptrdiff_t n, REAL *z, const REAL *bias, REAL *largest)
{
    REAL top = -INFINITY;
    double sum = 0;
    for (ptrdiff_t j = 0; j < n; j++) {
        z[j] += bias ? bias[j] : 0;
        top = z[j] > top ? z[j] : top;
    }
    for (ptrdiff_t j = 0; j < n; j++)
        sum += (double)AE(ae_exp)(z[j] - top);
    *largest = top;
    return sum;
}

/* The same for a one-hot group: weights and holes are those of its target. */
static double FN(softmax_delta)(const ae_output *output, const ae_group *group, REAL *z,
                                const REAL *bias, const REAL *target, REAL scale)
{
    ptrdiff_t n = group->stop - group->start;
    const double *weights = output->weights ? output->weights + group->start : NULL;
    REAL top;
    z += group->start;
    target += group->start;
    double sum = FN(softmax)(n, z, bias ? bias + group->start : NULL, &top), total = 0, loss = 0;
    double log_sum = (double)top + log(sum);
    for (ptrdiff_t j = 0; j < n; j++) {
        double x = target[j] == target[j] ? (double)target[j] * (weights ? weights[j] : 1) : 0;
        total += x;
        loss += x * (log_sum - (double)z[j]);
    }
    for (ptrdiff_t j = 0; j < n; j++) {
        double x = target[j] == target[j] ? (double)target[j] * (weights ? weights[j] : 1) : 0;
        z[j] = scale * (REAL)((double)AE(ae_exp)(z[j] - top) / sum * total - x);
    }
    return loss;
}

static double FN(row_delta)(const ae_output *output, REAL *z, const REAL *bias,
                            const REAL *target, REAL scale)
{
    double total = 0;
    for (int g = 0; g < output->n_groups; g++) {
        const ae_group *group = output->groups + g;
        if (group->loss == AE_SOFTMAX_CROSS_ENTROPY)
            total += FN(softmax_delta)(output, group, z, bias, target, scale);
        else
            total += FN(group_delta)(output, group, z, bias, target, scale);
    }
    return total;
}

/* Whether all columns are alike: then rows can share a chunk. */
static int FN(is_uniform)(const ae_output *output)
{
    return output->n_groups == 1 && output->groups[0].loss != AE_SOFTMAX_CROSS_ENTROPY
        && !output->weights && !output->has_holes;
}

static double FN(output_delta)(const ae_output *output, ptrdiff_t m, ptrdiff_t n, void *sums,
                               const void *bias, const void *targets, double scale)
{
    REAL losses[CHUNK], *z = sums;
    const REAL *b = bias, *target = targets;
    int activation = output->groups[0].activation, loss = output->groups[0].loss;
    if (!FN(is_uniform)(output)) {
        double total = 0;
        for (ptrdiff_t i = 0; i < m; i++)
            total += FN(row_delta)(output, z + i * n, b, target + i * n, (REAL)scale);
        return total;
    }
    ptrdiff_t rows = n < CHUNK ? CHUNK / n : 1, columns = n < CHUNK ? n : CHUNK;
    double total = 0;
    for (ptrdiff_t i = 0; i < m; i += rows)
        for (ptrdiff_t j = 0; j < n; j += columns) {
            ptrdiff_t high = m - i < rows ? m - i : rows, wide = n - j < columns ? n - j : columns;
            FN(output_chunk)(activation, loss, high, wide, z + i * n + j, b ? b + j : NULL,
                             target + i * n + j, (REAL)scale, losses);
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
        ((REAL *)results)[i] = (REAL)FN(row_delta)(output, z + i * n, b, target + i * n, 1);
}

static void FN(activate_output)(const ae_output *output, ptrdiff_t m, ptrdiff_t n, void *sums,
                                const void *bias)
{
    REAL *z = sums, top;
    const REAL *b = bias;
    if (output->n_groups == 1 && output->groups[0].loss != AE_SOFTMAX_CROSS_ENTROPY) {
        FN(activate)(output->groups[0].activation, m, n, z, b);
        return;
    }
    for (ptrdiff_t i = 0; i < m; i++, z += n)
        for (int g = 0; g < output->n_groups; g++) {
            const ae_group *group = output->groups + g;
            ptrdiff_t start = group->start, wide = group->stop - start;
            if (group->loss != AE_SOFTMAX_CROSS_ENTROPY) {
                FN(activate)(group->activation, 1, wide, z + start, b ? b + start : NULL);
                continue;
            }
            double sum = FN(softmax)(wide, z + start, b ? b + start : NULL, &top);
            for (ptrdiff_t j = start; j < group->stop; j++)
                z[j] = (REAL)((double)AE(ae_exp)(z[j] - top) / sum);
        }
}
