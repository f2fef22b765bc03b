/* The double nearest to w * 10^q, for an integer w of up to 19 digits, where that is easily known.
 *
 * Exactly, for a w and a power that doubles hold: one operation, which rounds once. Else with 64 bits
 * of the power: the product is too small by less than one unit of its upper half, and unless such a
 * unit could change how 64 bits become 53, that half says how. (Clinger 1990, "How to read
 * floating-point numbers accurately"; Lemire 2021, "Number parsing at a gigabyte per second".)
 */
#ifndef AE_CORE_DECIMAL_H
#define AE_CORE_DECIMAL_H

#include <float.h>
#include <stdint.h>
#include <string.h>
#if defined(_MSC_VER)
#include <intrin.h>
#endif

#define AE_LARGEST_POWER 64

/* Of 10^q the upper 64 bits, and the exponent of their last one; [q + AE_LARGEST_POWER]. */
static uint64_t ae_power[2 * AE_LARGEST_POWER + 1];
static int ae_power_exponent[2 * AE_LARGEST_POWER + 1];

/* clang-format off */
static const double ae_exact_power[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                        1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
/* clang-format on */

static inline int ae_leading_zeros(uint64_t w)
{
#if defined(_MSC_VER)
    unsigned long place;
    _BitScanReverse64(&place, w);
    return 63 - (int)place;
#else
    return __builtin_clzll(w);
#endif
}

static inline uint64_t ae_upper_half(uint64_t a, uint64_t b)
{
#if defined(_MSC_VER)
    return __umulh(a, b);
#else
    return (uint64_t)(((unsigned __int128)a * b) >> 64);
#endif
}

/* 1, and the double in *value; or 0 where this does not know it. */
static inline int ae_decimal(uint64_t w, int q, double *value)
{
    uint64_t upper, rest, mask, bits;
    int zeros, shift, exponent;

    if (w == 0) {
        *value = 0;
        return 1;
    }
#if FLT_EVAL_METHOD == 0
    if (w <= (uint64_t)1 << 53 && q >= -22 && q <= 22) {
        *value = q < 0 ? (double)w / ae_exact_power[-q] : (double)w * ae_exact_power[q];
        return 1;
    }
#endif
    if (q < -AE_LARGEST_POWER || q > AE_LARGEST_POWER)
        return 0;
    zeros = ae_leading_zeros(w);
    upper = ae_upper_half(w << zeros, ae_power[q + AE_LARGEST_POWER]);
    shift = upper >> 63 ? 10 : 9; /* 54 bits are left, of which the last one rounds */
    mask = ((uint64_t)1 << shift) - 1;
    rest = upper & mask;
    if (rest == 0 || rest == mask)
        return 0;
    bits = ((upper >> shift) + 1) >> 1; /* 53 bits, or 2^53 */
    exponent = ae_power_exponent[q + AE_LARGEST_POWER] + 64 - zeros + shift + 1;
    if (bits >> 53) {
        bits >>= 1;
        exponent += 1;
    }
    bits = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)(exponent + 52 + 1023) << 52;
    memcpy(value, &bits, sizeof bits);
    return 1;
}

#endif
