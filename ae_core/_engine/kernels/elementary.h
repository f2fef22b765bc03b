/* exp, expm1, log1p, logistic, tanh and softplus for loops that the compiler vectorises.
 *
 * Plain scalar functions without branches, calls or conversions between float and
 * integer: gcc and clang turn a plain loop over any of them into vector code, for the
 * instruction set of the function that holds the loop (see simd.h).
 * Needs -fno-trapping-math; must not be compiled with -ffast-math, which would reorder
 * the sums below and lose NaN. Correct with and without fused multiply-add.
 *
 * Worst error in units in the last place, subnormal results included:
 *             exp   expm1  log1p  logistic  tanh  softplus
 *   float     1.04  1.68   1.64   1.87      1.99  2.28
 *   double    1.02  2.15   1.28   1.84      1.73  2.02
 * (float: over all arguments; double: the largest that millions of random ones met.)
 * Special arguments give what C's math.h gives, with two exceptions: log1p wants
 * x >= 0 and returns a negative x as it is, and no floating-point flag means anything.
 *
 * Coefficients are from benchmarks/coefficients.py: minimax for the relative error.
 */
#ifndef AE_CORE_ELEMENTARY_H
#define AE_CORE_ELEMENTARY_H

#include <float.h>
#include <math.h> /* only fabs and copysign, which compile to one instruction */
#include <stdint.h>
#include <string.h>

#include "simd.h"

/* ---- float ---- */

/* expm1(r) = r + r^2 (1/2 + r P(r)) for |r| <= ln(2)/2; relative error 2^-26.0 */
static ALWAYS_INLINE float ae_expm1_near_0_f32(float r)
{
    float p = 1.38982059e-03f;
    p = p * r + 8.36603995e-03f;
    p = p * r + 4.16668542e-02f;
    p = p * r + 1.66665494e-01f;
    p = p * r + 0.5f;
    return r + r * r * p;
}

/* log1p(f) = f + f^2 P(f) for f in [0, 1]; relative error 2^-27.5 */
static ALWAYS_INLINE float ae_log1p_unit_f32(float f)
{
    float p = -3.29046859e-03f;
    p = p * f + 2.00862419e-02f;
    p = p * f - 5.74572310e-02f;
    p = p * f + 1.06611282e-01f;
    p = p * f - 1.53448805e-01f;
    p = p * f + 1.96921021e-01f;
    p = p * f - 2.49580190e-01f;
    p = p * f + 3.33304644e-01f;
    p = p * f - 4.99999315e-01f;
    return f + f * f * p;
}

#define REAL float
#define BITS uint32_t
#define AE(name) name##_f32
#define FABS fabsf
#define COPYSIGN copysignf
#define MANTISSA 23
#define BIAS 127
#define REAL_MAX FLT_MAX
#define LN2_HIGH 0.693145751953125f /* 15 bits */
#define LN2_LOW 1.42860682e-06f
#define EXP_LOW -104.0f
#define EXP_HIGH 89.0f
#define EXPM1_LOW -20.0f
#define TANH_HIGH 10.0f
#define TANH_REFINED 0 /* below 2 ulp without */
#define TINY 2.98023224e-08f /* 2^-25 */
#include "elementary_one_type.h"

/* ---- double ---- */

/* expm1(r) = r + r^2 (1/2 + r P(r)) for |r| <= ln(2)/2; relative error 2^-55.2 */
static ALWAYS_INLINE double ae_expm1_near_0_f64(double r)
{
    double p = 2.5045910747375613e-08;
    p = p * r + 2.7622221034025530e-07;
    p = p * r + 2.7557425052843558e-06;
    p = p * r + 2.4801516361545846e-05;
    p = p * r + 1.9841269709358213e-04;
    p = p * r + 1.3888888920499578e-03;
    p = p * r + 8.3333333333883829e-03;
    p = p * r + 4.1666666666620000e-02;
    p = p * r + 1.6666666666666602e-01;
    p = p * r + 0.5;
    return r + r * r * p;
}

/* log1p(f) = 2 s + s z P(z) for f in [0, 1], s = f / (2 + f), z = s^2; relative error
 * 2^-59.4. One division for half the terms that a polynomial in f needs (for float it
 * would not pay). 2 s = f - s f replaces the rounded s by the exact f. */
static ALWAYS_INLINE double ae_log1p_unit_f64(double f)
{
    double s = f / (2.0 + f);
    double z = s * s;
    double p = 1.7015183601202793e-01;
    p = p * z + 8.3421230261779500e-02;
    p = p * z + 1.2105577666573557e-01;
    p = p * z + 1.3301043953107131e-01;
    p = p * z + 1.5386554081240209e-01;
    p = p * z + 1.8181744222605289e-01;
    p = p * z + 2.2222223960599347e-01;
    p = p * z + 2.8571428548011907e-01;
    p = p * z + 4.0000000000155905e-01;
    p = p * z + 6.6666666666666308e-01;
    return f - s * (f - z * p);
}

#define REAL double
#define BITS uint64_t
#define AE(name) name##_f64
#define FABS fabs
#define COPYSIGN copysign
#define MANTISSA 52
#define BIAS 1023
#define REAL_MAX DBL_MAX
#define LN2_HIGH 0.6931471803691238 /* 32 bits */
#define LN2_LOW 1.9082149292705877e-10
#define EXP_LOW -746.0
#define EXP_HIGH 710.0
#define EXPM1_LOW -40.0
#define TANH_HIGH 20.0
#define TANH_REFINED 1 /* 2.14 ulp without */
#define TINY 5.551115123125783e-17 /* 2^-54 */
#include "elementary_one_type.h"

#endif
