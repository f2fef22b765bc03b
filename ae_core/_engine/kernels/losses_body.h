/* Losses of one element, each beside its gradient. For one instruction set and one type.
 *
 * No include guard: see kernels_body.h. The definitions are ae_core/formulas/losses.py: `x` is the data, `y`
 * the output and `z` the sum before the activation (the logit). Gradients are by the output; where the loss
 * is taken of the logit they are by that, and given the output all the same.
 */

/* log x for x > 0, from log1p, which is exact near 0: log x = -log(1/x) = -log1p((1 - x) / x). */
static ALWAYS_INLINE REAL FN(log)(REAL x)
{
    REAL log_of_larger = AE(ae_log1p)(x >= 1 ? x - 1 : (1 - x) / x);
    return x >= 1 ? log_of_larger : -log_of_larger;
}

static ALWAYS_INLINE REAL FN(squared_error)(REAL x, REAL y)
{
    REAL d = y - x;
    return (REAL)0.5 * d * d;
}
static ALWAYS_INLINE REAL FN(squared_error_gradient)(REAL x, REAL y) { return y - x; }

static ALWAYS_INLINE REAL FN(absolute_error)(REAL x, REAL y) { return AE(ae_abs)(y - x); }
static ALWAYS_INLINE REAL FN(absolute_error_gradient)(REAL x, REAL y)
{
    REAL d = y - x;
    return d > 0 ? (REAL)1 : (d < 0 ? (REAL)-1 : d); /* NaN stays NaN */
}

static ALWAYS_INLINE REAL FN(huber)(REAL x, REAL y)
{
    REAL d = y - x, size = AE(ae_abs)(d);
    return size <= 1 ? (REAL)0.5 * d * d : size - (REAL)0.5;
}
static ALWAYS_INLINE REAL FN(huber_gradient)(REAL x, REAL y)
{
    REAL d = y - x;
    return d > 1 ? 1 : (d < -1 ? -1 : d);
}

static ALWAYS_INLINE REAL FN(binary_cross_entropy)(REAL x, REAL z)
{
    /* the large terms first: they cancel where x is 0 or 1, and leave the small one whole */
    return ((z > 0 ? z : 0) - x * z) + AE(ae_log1p_unit)(AE(ae_exp_negative)(-AE(ae_abs)(z)));
}
static ALWAYS_INLINE REAL FN(binary_cross_entropy_gradient)(REAL x, REAL y) { return y - x; }

static ALWAYS_INLINE REAL FN(poisson)(REAL x, REAL z)
{
    REAL r = z - FN(log)(x > 0 ? x : 1); /* log(mean / x) */
    REAL mean = AE(ae_exp)(z);
    return x > 0 ? r < 30 ? x * (AE(ae_expm1)(r) - r) : mean - (x + x * r) : mean;
}
static ALWAYS_INLINE REAL FN(poisson_gradient)(REAL x, REAL y) { return y - x; }

static ALWAYS_INLINE REAL FN(loss)(int id, REAL x, REAL out)
{
    switch (id) {
#define CASE(NUMBER, name, link) \
    case AE_##NUMBER: return FN(name)(x, out);
        AE_ELEMENT_LOSSES(CASE)
#undef CASE
    default: return 0;
    }
}

static ALWAYS_INLINE REAL FN(loss_gradient)(int id, REAL x, REAL out)
{
    switch (id) {
#define CASE(NUMBER, name, link) \
    case AE_##NUMBER: return FN(name##_gradient)(x, out);
        AE_ELEMENT_LOSSES(CASE)
#undef CASE
    default: return 0;
    }
}

/* The negative binomial is about special functions, which are taken in double for either type, one
 * element at a time. `own` is log θ; returns the loss and leaves both gradients. */
static REAL FN(negative_binomial)(REAL x, REAL z, REAL own, REAL *by_z, REAL *by_own)
{
    double theta = exp((double)own), u = (double)z - (double)own;
    double e = exp(-fabs(u)), rest = log1p(e);
    double mean_share = u >= 0 ? 1 / (1 + e) : e / (1 + e); /* μ / (θ + μ) */
    double theta_share = u >= 0 ? e / (1 + e) : 1 / (1 + e);
    double log_1_u = (u > 0 ? u : 0) + rest, log_1_minus_u = (u > 0 ? 0 : -u) + rest;
    *by_z = (REAL)(theta * mean_share - x * theta_share);
    *by_own = (REAL)(theta * (ae_digamma(theta) - ae_digamma(x + theta) + log_1_u - mean_share)
                     + x * theta_share);
    return (REAL)(ae_log_gamma(theta) + ae_log_gamma(x + 1.0) - ae_log_gamma(x + theta)
                  + theta * log_1_u + x * log_1_minus_u);
}
