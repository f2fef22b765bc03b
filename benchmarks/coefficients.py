"""Prints the polynomial coefficients of elementary.h and their errors.

Each polynomial is the minimax one (Remez exchange in 40 digits) for the relative
error of the whole function. Coefficients are then rounded to the machine type; for
log1p from the lowest order upwards, the others fitted again after each rounding, so
that they make up for it.
"""

import numpy as np
from mpmath import atanh, cos, expm1, linspace, log, log1p, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 40


def remez(target, weight, degree, low, high):
    """Coefficients c, lowest order first, minimising max |weight * (target - polynomial)|."""
    n = degree + 1
    powers = range(n)
    points = [
        (low + high) / 2 - (high - low) / 2 * cos(pi * (i + mpf(1) / 2) / (n + 1))
        for i in range(n + 1)
    ]
    grid = list(linspace(low, high, 1500))  # even: leaves out 0, where targets are 0/0
    tabulated = [(x, target(x), weight(x)) for x in grid]
    for _ in range(12):
        points = [x if abs(x) > mpf("1e-6") else mpf("1e-3") for x in points]  # 0/0 at 0
        rows = [[x**p for p in powers] + [(-1) ** i / weight(x)] for i, x in enumerate(points)]
        *coefficients, level = lu_solve(matrix(rows), matrix([target(x) for x in points]))
        error = [
            w * (t - sum(c * x**p for c, p in zip(coefficients, powers, strict=False)))
            for x, t, w in tabulated
        ]
        # New points: the largest error in each run of one sign.
        _runs, peaks = 0, []
        for i, e in enumerate(error):
            if peaks and (e > 0) == (error[peaks[-1]] > 0):
                peaks[-1] = max(peaks[-1], i, key=lambda j: abs(error[j]))
            else:
                peaks.append(i)
        while len(peaks) > n + 1:  # drop the weaker end
            peaks.pop(0 if abs(error[peaks[0]]) < abs(error[peaks[-1]]) else -1)
        largest = max(map(abs, error))
        if len(peaks) < n + 1 or largest < abs(level) * mpf("1.001"):
            break
        points = [grid[i] for i in peaks]
    return coefficients, largest


def rounded_fit(target, weight, degree, low, high, dtype):
    done, errors = [], []
    for p in range(degree + 1):
        # What is left, divided by x**p, so that it is a plain polynomial again.
        def rest(x):
            return (target(x) - sum(c * x**i for i, c in enumerate(done))) / x**p

        free, error = remez(rest, lambda x: weight(x) * x**p, degree - p, low, high)
        errors.append(error)
        # Around 0 the division blows the rounding up: there simply round all.
        done += [mpf(float(dtype(float(c)))) for c in (free[:1] if low > 0 else free)]
        if low <= 0:
            break
    error = max(
        abs(weight(x) * (target(x) - sum(c * x**i for i, c in enumerate(done))))
        for x in linspace(low, high, 1500)
    )
    return done, errors[0], error


def report(name, dtype, target, weight, degree, low, high):
    done, ideal, error = rounded_fit(target, weight, degree, mpf(low), mpf(high), dtype)
    suffix, digits = ("f", 9) if dtype is np.float32 else ("", 17)
    print(
        f"\n{name}, degree {degree}: relative error 2^{float(log(error, 2)):.1f}"
        f" (before rounding of the coefficients 2^{float(log(ideal, 2)):.1f})"
    )
    for i, c in reversed(list(enumerate(done))):
        print(f"    c{i} = {float(c):.{digits - 1}e}{suffix}")


def atanh_tail(z):  # log1p(f) = 2 s + s z tail(z), with s = f / (2 + f), z = s**2
    return 2 * (atanh(sqrt(z)) / sqrt(z) - 1) / z


if __name__ == "__main__":
    import sys

    half_ln2 = log(2) / 2 * mpf("1.0001")  # a little over, for the rounding of x / ln 2

    # 1/2 is kept exact: as the first coefficient it would suffer most from rounding.
    def exp_tail(r):
        return (expm1(r) - r - r**2 / 2) / r**3

    def log_tail(f):
        return (log1p(f) - f) / f**2

    e32, e64, l32, l64 = map(int, sys.argv[1:]) if len(sys.argv) > 1 else (3, 8, 8, 9)
    report(
        "expm1(r) = r + r^2 (1/2 + r P(r)), float",
        np.float32,
        exp_tail,
        lambda r: abs(r**3 / expm1(r)),
        e32,
        -half_ln2,
        half_ln2,
    )
    report(
        "expm1(r) = r + r^2 (1/2 + r P(r)), double",
        np.float64,
        exp_tail,
        lambda r: abs(r**3 / expm1(r)),
        e64,
        -half_ln2,
        half_ln2,
    )
    tiny = mpf(10) ** -6
    report(
        "log1p(f) = f + f^2 P(f), float",
        np.float32,
        log_tail,
        lambda f: f**2 / log1p(f),
        l32,
        tiny,
        1 + tiny,
    )
    report(
        "log1p(f) = 2 s + s z P(z), double",
        np.float64,
        atanh_tail,
        lambda z: z * sqrt(z) / (2 * atanh(sqrt(z))),
        l64,
        tiny,
        mpf(1) / 9 + tiny,
    )
    for dtype, bits in ((np.float32, 15), (np.float64, 32)):
        high = mpf(int(log(2) * 2**bits)) / 2**bits
        low, log2_e = float(log(2) - high), float(1 / log(2))
        print(f"\n{dtype.__name__}: ln2 high {float(high)!r} low {low!r} log2(e) {log2_e!r}")
