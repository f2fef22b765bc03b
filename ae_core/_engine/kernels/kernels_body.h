/* The loops of kernels.h for one instruction set and one type.
 *
 * No include guard: included once for each, with
 *   REAL        float or double
 *   FN(name)    the name with the suffix of the set and type
 *   AE(name)    the name with the suffix of the type (elementary.h)
 *   LEVEL_NAME, LARGEST_PRODUCT
 * Every loop over elements is plain, so that the compiler vectorises it. Which activation or loss
 * it is about is a constant at each place of use: the switches below vanish.
 */

/* ---- formulas: each beside its derivative; the definition is ae_core/formulas/activations.py ---------- */

static ALWAYS_INLINE REAL FN(activation)(int id, REAL z)
{
    switch (id) {
    case AE_LOGISTIC: return AE(ae_logistic)(z);
    case AE_TANH: return AE(ae_tanh)(z);
    case AE_RELU: return z > 0 ? z : 0;
    case AE_LEAKY_RELU: return z > 0 ? z : (REAL)0.01 * z;
    case AE_ELU: return z > 0 ? z : AE(ae_expm1)(z > 0 ? 0 : z);
    case AE_SELU: return (REAL)SELU_SCALE * (z > 0 ? z : (REAL)SELU_ALPHA * AE(ae_expm1)(z > 0 ? 0 : z));
    case AE_SOFTPLUS: return AE(ae_softplus)(z);
    case AE_SOFTSIGN: return z / (1 + AE(ae_abs)(z));
    case AE_EXP: return AE(ae_exp)(z);
    default: return z;
    }
}

static ALWAYS_INLINE REAL FN(derivative)(int id, REAL a)
{
    switch (id) {
    case AE_LOGISTIC: return a * (1 - a);
    case AE_TANH: return (1 - a) * (1 + a);
    case AE_RELU: return a > 0 ? (REAL)1 : 0;
    case AE_LEAKY_RELU: return a > 0 ? (REAL)1 : (REAL)0.01;
    case AE_ELU: return a > 0 ? (REAL)1 : a + 1;
    case AE_SELU: return a > 0 ? (REAL)SELU_SCALE : a + (REAL)(SELU_SCALE * SELU_ALPHA);
    case AE_SOFTPLUS: return -AE(ae_expm1)(-a);
    case AE_SOFTSIGN: return (1 - AE(ae_abs)(a)) * (1 - AE(ae_abs)(a));
    case AE_EXP: return a;
    default: return 1;
    }
}

static ALWAYS_INLINE REAL FN(curvature)(int id, REAL a)
{
    switch (id) {
    case AE_LOGISTIC: return a * (1 - a) * (1 - 2 * a);
    case AE_TANH: return -2 * a * ((1 - a) * (1 + a));
    case AE_ELU: return a > 0 ? (REAL)0 : a + 1;
    case AE_SELU: return a > 0 ? (REAL)0 : a + (REAL)(SELU_SCALE * SELU_ALPHA);
    case AE_SOFTPLUS: return -AE(ae_expm1)(-a) * AE(ae_exp)(-a);
    case AE_SOFTSIGN: {
        REAL rest = 1 - AE(ae_abs)(a), cube = rest * rest * rest;
        return a > 0 ? -2 * cube : (a < 0 ? 2 * cube : 0);
    }
    case AE_EXP: return a;
    default: return 0;
    }
}

/* ---- rows of a table --------------------------------------------------------------------------- */

static ALWAYS_INLINE double FN(element)(int type, const char *at)
{
    switch (type) {
    case AE_FLOAT: return *(const float *)at;
    case AE_DOUBLE: return *(const double *)at;
    default: return *(const unsigned char *)at;
    }
}

static ALWAYS_INLINE void FN(see_as)(int type, ptrdiff_t n, const char *restrict row,
                                     ptrdiff_t column, const double *restrict shift,
                                     const double *restrict factor, REAL *restrict to)
{
    if (factor)
        for (ptrdiff_t j = 0; j < n; j++)
            to[j] = (REAL)((FN(element)(type, row + j * column) - shift[j]) * factor[j]);
    else
        for (ptrdiff_t j = 0; j < n; j++)
            to[j] = (REAL)FN(element)(type, row + j * column);
}

static void FN(see)(int type, ptrdiff_t n, const char *row, ptrdiff_t column, const double *shift,
                    const double *factor, void *to)
{
#define CASE(name, c_type) \
    case AE_##name: \
        if (column == (ptrdiff_t)sizeof(c_type)) /* a constant, so that the loop vectorises */ \
            FN(see_as)(AE_##name, n, row, sizeof(c_type), shift, factor, to); \
        else \
            FN(see_as)(AE_##name, n, row, column, shift, factor, to); \
        break;
    switch (type) {
        AE_ELEMENT_TYPES(CASE)
    }
#undef CASE
}

/* ---- forward ---------------------------------------------------------------------------------- */

static ALWAYS_INLINE void FN(activate_as)(int id, ptrdiff_t m, ptrdiff_t n, REAL *restrict z,
                                          const REAL *restrict bias)
{
    if (!bias) {
        for (ptrdiff_t i = 0; i < m * n; i++)
            z[i] = FN(activation)(id, z[i]);
        return;
    }
    for (ptrdiff_t i = 0; i < m; i++, z += n)
        for (ptrdiff_t j = 0; j < n; j++)
            z[j] = FN(activation)(id, z[j] + bias[j]);
}

static void FN(activate)(int activation, ptrdiff_t m, ptrdiff_t n, void *z, const void *bias)
{
    if (activation == AE_IDENTITY && !bias)
        return;
    switch (activation) {
#define CASE(name) \
    case AE_##name: FN(activate_as)(AE_##name, m, n, z, bias); break;
        AE_ACTIVATIONS(CASE)
#undef CASE
    }
}

/* ---- backward --------------------------------------------------------------------------------- */

/* What a unit gave before it was multiplied with its mask; where that is 0 nothing depends on it. */
static ALWAYS_INLINE REAL FN(unmasked)(REAL h, REAL mask) { return mask == 0 ? 0 : h / mask; }

#define BACKWARD(name, derivative, identity_is_1) \
    static ALWAYS_INLINE void FN(name##_as)(int id, ptrdiff_t count, REAL *restrict x, \
                                            const REAL *restrict h, const REAL *restrict mask) \
    { \
        if (mask) \
            for (ptrdiff_t i = 0; i < count; i++) \
                x[i] *= mask[i] * FN(derivative)(id, FN(unmasked)(h[i], mask[i])); \
        else \
            for (ptrdiff_t i = 0; i < count; i++) \
                x[i] *= FN(derivative)(id, h[i]); \
    } \
    static void FN(name)(int activation, ptrdiff_t count, void *x, const void *h, \
                         const void *mask) \
    { \
        if (identity_is_1 && activation == AE_IDENTITY && !mask) \
            return; \
        switch (activation) { \
            AE_ACTIVATIONS(BACKWARD_CASE_##name) \
        } \
    }
#define BACKWARD_CASE_through_activation(name) \
    case AE_##name: FN(through_activation_as)(AE_##name, count, x, h, mask); break;
#define BACKWARD_CASE_through_slope(name) \
    case AE_##name: FN(through_slope_as)(AE_##name, count, x, h, mask); break;
BACKWARD(through_activation, derivative, 1)
BACKWARD(through_slope, curvature, 0)
#undef BACKWARD
#undef BACKWARD_CASE_through_activation
#undef BACKWARD_CASE_through_slope

/* ---- sums ----------------------------------------------------------------------------------------- */

static ALWAYS_INLINE void FN(add_to)(ptrdiff_t n, REAL *restrict to, const REAL *restrict x)
{
    for (ptrdiff_t i = 0; i < n; i++)
        to[i] += x[i];
}

/* ---- weights ---------------------------------------------------------------------------------- */

static void FN(column_sums)(ptrdiff_t m, ptrdiff_t n, const void *from, void *to)
{
    memcpy(to, from, n * sizeof(REAL));
    for (ptrdiff_t i = 1; i < m; i++)
        FN(add_to)(n, to, (const REAL *)from + i * n);
}

/* The sum of x², or of |x|; as doubles: in float squares overflow where the weights are far from it. */
#define LONG_SUM(name, term) \
    static double FN(name)(ptrdiff_t count, const void *from) \
    { \
        double sums[PARTIAL_SUMS] = {0}; \
        const REAL *x = from; \
        ptrdiff_t i = 0; \
        for (; i + PARTIAL_SUMS <= count; i += PARTIAL_SUMS) \
            for (int j = 0; j < PARTIAL_SUMS; j++) { \
                double v = (double)x[i + j]; \
                sums[j] += term; \
            } \
        for (int j = 0; i + j < count; j++) { \
            double v = (double)x[i + j]; \
            sums[j] += term; \
        } \
        for (int half = PARTIAL_SUMS / 2; half > 0; half /= 2) \
            for (int j = 0; j < half; j++) \
                sums[j] += sums[half + j]; \
        return sums[0]; \
    }
LONG_SUM(squares, v *v)
LONG_SUM(sizes, fabs(v))
#undef LONG_SUM

static ALWAYS_INLINE void FN(add_scaled)(ptrdiff_t n, REAL *restrict to, REAL scale,
                                         const REAL *restrict x)
{
    for (ptrdiff_t i = 0; i < n; i++)
        to[i] += scale * x[i];
}

static void FN(axpy)(ptrdiff_t count, double scale, const void *x, void *to)
{
    FN(add_scaled)(count, to, (REAL)scale, x);
}

static void FN(penalize_l1)(ptrdiff_t count, double strength, const void *params, void *gradient)
{
    const REAL *restrict p = params;
    REAL *restrict g = gradient, s = (REAL)strength;
    for (ptrdiff_t i = 0; i < count; i++)
        g[i] += p[i] > 0 ? s : (p[i] < 0 ? -s : 0);
}

static void FN(scale)(ptrdiff_t count, double factor, void *x)
{
    REAL *restrict to = x, f = (REAL)factor;
    for (ptrdiff_t i = 0; i < count; i++)
        to[i] *= f;
}

static void FN(average)(ptrdiff_t count, double share, const void *params, void *mean)
{
    const REAL *restrict p = params;
    REAL *restrict to = mean, s = (REAL)share;
    for (ptrdiff_t i = 0; i < count; i++)
        to[i] += s * (p[i] - to[i]);
}

static ALWAYS_INLINE void FN(sgd)(ptrdiff_t count, REAL *restrict p, const REAL *restrict g,
                                  REAL *restrict velocity, const ae_step *step, int nesterov)
{
    REAL rate = (REAL)step->rate, momentum = (REAL)step->decay_1;
    for (ptrdiff_t i = 0; i < count; i++) {
        REAL v = momentum * velocity[i] - rate * g[i];
        velocity[i] = v;
        p[i] += nesterov ? momentum * v - rate * g[i] : v;
    }
}

static void FN(adam)(ptrdiff_t count, REAL *restrict p, const REAL *restrict g,
                     REAL *restrict mean, REAL *restrict variance, const ae_step *step)
{
    REAL rate = (REAL)step->rate, unbias = (REAL)step->unbias_root, shrink = (REAL)step->shrink;
    REAL keep_1 = (REAL)step->decay_1, take_1 = (REAL)(1 - step->decay_1);
    REAL keep_2 = (REAL)step->decay_2, take_2 = (REAL)(1 - step->decay_2);
    REAL epsilon = (REAL)step->epsilon;
    for (ptrdiff_t i = 0; i < count; i++) {
        REAL m = keep_1 * mean[i] + take_1 * g[i];
        REAL v = keep_2 * variance[i] + take_2 * (g[i] * g[i]);
        mean[i] = m;
        variance[i] = v;
        p[i] = shrink * p[i] - rate * m / (AE(ae_sqrt)(v) * unbias + epsilon);
    }
}

static void FN(rmsprop)(ptrdiff_t count, REAL *restrict p, const REAL *restrict g,
                        REAL *restrict variance, const ae_step *step)
{
    REAL rate = (REAL)step->rate, epsilon = (REAL)step->epsilon;
    REAL keep = (REAL)step->decay_1, take = (REAL)(1 - step->decay_1);
    for (ptrdiff_t i = 0; i < count; i++) {
        REAL v = keep * variance[i] + take * (g[i] * g[i]);
        variance[i] = v;
        p[i] -= rate * g[i] / (AE(ae_sqrt)(v) + epsilon);
    }
}

static void FN(update)(int solver, ptrdiff_t count, void *params, const void *gradient,
                       void *memory_0, void *memory_1, const ae_step *step)
{
    switch (solver) {
    case AE_SGD: FN(sgd)(count, params, gradient, memory_0, step, 0); break;
    case AE_NESTEROV: FN(sgd)(count, params, gradient, memory_0, step, 1); break;
    case AE_ADAM: FN(adam)(count, params, gradient, memory_0, memory_1, step); break;
    case AE_RMSPROP: FN(rmsprop)(count, params, gradient, memory_0, step); break;
    }
}

/* ---- elementary functions on arrays ------------------------------------------------------------ */

static void FN(elementary)(int function, ptrdiff_t count, const void *from, void *to)
{
    const REAL *restrict x = from;
    REAL *restrict y = to;
#define LOOP(NUMBER, name) \
    case AE_ARRAY_##NUMBER: \
        for (ptrdiff_t i = 0; i < count; i++) \
            y[i] = AE(ae_##name)(x[i]); \
        break;
    switch (function) {
        AE_ELEMENTARY(LOOP)
    }
#undef LOOP
}
