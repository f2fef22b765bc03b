/* The functions of elementary.h for one type; see there. No include guard: included
 * once per type, with the macros below, which it undefines at its end,
 *   REAL, BITS       the type, the unsigned integer of its size
 *   AE(name)         name with the suffix of the type
 *   MANTISSA, BIAS   bits of the mantissa, bias of the exponent
 *   REAL_MAX         the largest finite number
 *   LN2_HIGH         ln 2 cut so that n * LN2_HIGH is exact; LN2_LOW is the rest
 *   EXP_LOW          exp of it and of all below rounds to 0
 *   EXP_HIGH         exp of it and of all above overflows
 *   EXPM1_LOW        expm1 of it and of all below rounds to -1
 *   TANH_HIGH        tanh of it and of all above rounds to 1
 *   TANH_REFINED     whether tanh takes a quarter to a third more time for 0.4 ulp less
 *   TINY             below it expm1(x) rounds to x
 * and the polynomials AE(ae_expm1_near_0), AE(ae_log1p_unit).
 *
 * Clamps are written so that NaN falls through them.
 */

static ALWAYS_INLINE BITS AE(ae_bits)(REAL x)
{
    BITS bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static ALWAYS_INLINE REAL AE(ae_from_bits)(BITS bits)
{
    REAL x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Adding 1.5 * 2^MANTISSA rounds to an integer n, which then stands in the low bits
 * of the sum: no conversion between float and integer, which SSE2 and AVX2 lack for
 * 64 bits. An offset added to it comes for free: with BIAS, `bits << MANTISSA` is 2^n. */
#define AE_SHIFTER(offset) ((REAL)(((BITS)3 << (MANTISSA - 1)) + (offset)))
#define AE_POWER_OF_2(n) AE(ae_from_bits)((BITS)((n) + BIAS) << MANTISSA)

/* Splits x = n ln 2 + r, |r| <= ln(2)/2. Leaves n + offset in the bits of *shifted. */
static ALWAYS_INLINE REAL AE(ae_reduce)(REAL x, REAL shifter, REAL *shifted)
{
    *shifted = x * (REAL)1.4426950408889634 + shifter;
    REAL n = *shifted - shifter;
    return x - n * LN2_HIGH - n * LN2_LOW;
}

static ALWAYS_INLINE REAL AE(ae_exp)(REAL x)
{
    x = x < EXP_LOW ? EXP_LOW : x;
    x = x > EXP_HIGH ? EXP_HIGH : x;
    REAL shifted, r = AE(ae_reduce)(x, AE_SHIFTER(2 * BIAS), &shifted);
    /* 2^n in two factors: n goes from subnormal to overflow, further than one reaches.
     * The low bits hold n + 2 BIAS; half of it makes one factor, the rest the other. */
    BITS bits = AE(ae_bits)(shifted);
    BITS half = (bits << (MANTISSA - 1)) & ((BITS)(2 * BIAS + 1) << MANTISSA);
    BITS rest = (bits << MANTISSA) - half;
    return ((REAL)1 + AE(ae_expm1_near_0)(r)) * AE(ae_from_bits)(half) * AE(ae_from_bits)(rest);
}

/* exp for x <= 0 (or NaN): cheaper, the power of 2 is one factor and a constant one,
 * which together reach the subnormal numbers. */
static ALWAYS_INLINE REAL AE(ae_exp_negative)(REAL x)
{
    x = x < EXP_LOW ? EXP_LOW : x;
    REAL shifted, r = AE(ae_reduce)(x, AE_SHIFTER(BIAS + 64), &shifted);
    REAL scale = AE(ae_from_bits)(AE(ae_bits)(shifted) << MANTISSA);
    return ((REAL)1 + AE(ae_expm1_near_0)(r)) * scale * AE_POWER_OF_2(-64);
}

static ALWAYS_INLINE REAL AE(ae_expm1)(REAL x)
{
    REAL y = x < EXPM1_LOW ? EXPM1_LOW : x;
    y = y > EXP_HIGH ? EXP_HIGH : y;
    /* 2^(n-1), as 2^n itself may overflow where the result does not. */
    REAL shifted, r = AE(ae_reduce)(y, AE_SHIFTER(BIAS - 1), &shifted);
    REAL scale = AE(ae_from_bits)(AE(ae_bits)(shifted) << MANTISSA);
    REAL half = AE(ae_expm1_near_0)(r) * scale + (scale - (REAL)0.5);
    /* Halves of subnormal numbers are inexact, and the sign of -0 is lost. */
    return ((x < TINY) & (x > -TINY)) ? x : half + half;
}

/* From e = exp(-|x|), which cannot overflow and, for x < 0, keeps subnormal results:
 * 1/(1+e) = 1 - q and e/(1+e) = e - e q with q = e/(1+e). The quotients themselves
 * would be off by more, the rounding of 1+e going into them in full. */
static ALWAYS_INLINE REAL AE(ae_logistic)(REAL x)
{
    REAL e = AE(ae_exp_negative)(-FABS(x));
    REAL q = e / ((REAL)1 + e);
    REAL y = x < 0 ? e : (REAL)1;
    return y - y * q;
}

/* tanh |x| = h / (1 - h), h = -expm1(-2 |x|) / 2. Both sides of the division come
 * straight from the polynomial: scaling by 2^n is exact, so each is rounded once.
 * (With +2 |x| both would be large and nearly equal where tanh is near 1: less exact.) */
static ALWAYS_INLINE REAL AE(ae_tanh)(REAL x)
{
    REAL y = FABS(x);
    y = y > TANH_HIGH ? TANH_HIGH : y;
    REAL shifted, r = AE(ae_reduce)((REAL)-2 * y, AE_SHIFTER(BIAS - 1), &shifted);
    REAL scale = AE(ae_from_bits)(AE(ae_bits)(shifted) << MANTISSA); /* 2^(n-1) */
    REAL p = AE(ae_expm1_near_0)(r);
    REAL high = (REAL)0.5 - scale;
    REAL h = high - p * scale;
    REAL t = h / (((REAL)0.5 + scale) + p * scale);
    if (TANH_REFINED) {
        /* h / (1 - h) = h + h t: the errors of t now count h <= 1/2 times. What h lost
         * to rounding counts 1 + 2 t times; 1.5 is near that where it matters. */
        REAL lost = (high - h) - p * scale;
        t = h + (h * t + (REAL)1.5 * lost);
    }
    return COPYSIGN(t, x);
}

/* For x >= 0 (a negative x is returned as it is): with 1 + x = 2^k (1 + f), f in
 * [0, 1), it is k ln 2 + log1p(f). f comes from x, not from the rounded 1 + x. */
static ALWAYS_INLINE REAL AE(ae_log1p)(REAL x)
{
    BITS exponent = AE(ae_bits)((REAL)1 + x) >> MANTISSA; /* k + BIAS */
    /* 2^(1-k), as 2^-k may be subnormal. */
    REAL scale = AE(ae_from_bits)(((BITS)(2 * BIAS + 1) - exponent) << MANTISSA);
    REAL f = (REAL)0.5 * (x * scale + (scale - (REAL)2));
    /* k without a conversion: as low bits of 2^MANTISSA. */
    REAL k = AE(ae_from_bits)(exponent | ((BITS)(BIAS + MANTISSA) << MANTISSA))
        - (REAL)(((BITS)1 << MANTISSA) + BIAS);
    REAL y = k * LN2_HIGH + (AE(ae_log1p_unit)(f) + k * LN2_LOW);
    return ((x > 0) & (x <= REAL_MAX)) ? y : x; /* 0, -0, inf and NaN are their own log1p */
}

/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)) */
static ALWAYS_INLINE REAL AE(ae_softplus)(REAL x)
{
    REAL positive = x > 0 ? x : (REAL)0;
    return positive + AE(ae_log1p_unit)(AE(ae_exp_negative)(-FABS(x)));
}

#undef AE_SHIFTER
#undef AE_POWER_OF_2
#undef REAL
#undef BITS
#undef AE
#undef FABS
#undef COPYSIGN
#undef MANTISSA
#undef BIAS
#undef REAL_MAX
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_LOW
#undef EXP_HIGH
#undef EXPM1_LOW
#undef TANH_HIGH
#undef TANH_REFINED
#undef TINY
