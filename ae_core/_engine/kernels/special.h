/* The logarithm of the gamma function and its derivative, for arguments above 0.
 *
 * Both are moved up by their recurrences, log Γ(x) = log Γ(x + 1) - log x and ψ(x) = ψ(x + 1) - 1/x,
 * until Stirling's series, with the Bernoulli numbers, is exact to rounding (Abramowitz & Stegun
 * 1964, 6.1.41 and 6.3.18). The C library's lgamma also writes a global, which threads would share.
 */
#ifndef AE_CORE_SPECIAL_H
#define AE_CORE_SPECIAL_H

#include <math.h>

enum { AE_STIRLING_FROM = 10 };

static double ae_log_gamma(double x)
{
    double product = 1;
    for (; x < AE_STIRLING_FROM; x++)
        product *= x;
    double r = 1 / x, s = r * r;
    /* clang-format off */
    double series = r * (1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * (1.0 / 1680
                    - s * (1.0 / 1188 - s * (691.0 / 360360 - s / 156))))));
    /* clang-format on */
    return (x - 0.5) * log(x) - x + 0.91893853320467274178 + series - log(product);
}

static double ae_digamma(double x)
{
    double sum = 0;
    for (; x < AE_STIRLING_FROM; x++)
        sum += 1 / x;
    double r = 1 / x, s = r * r;
    /* clang-format off */
    double series = s * (1.0 / 12 - s * (1.0 / 120 - s * (1.0 / 252 - s * (1.0 / 240
                    - s * (1.0 / 132 - s * (691.0 / 32760 - s / 12))))));
    /* clang-format on */
    return log(x) - 0.5 * r - series - sum;
}

#endif
