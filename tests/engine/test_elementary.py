"""Errors of elementary.h in units in the last place, for every instruction set of this CPU."""

import os
import subprocess
import sys

import mpmath
import numpy as np
import pytest

from ae_core._engine import for_tests

LEVELS = range(for_tests.levels())
LIMITS = {  # ulp
    np.float32: {"exp": 2, "expm1": 3, "log1p": 3, "logistic": 2, "tanh": 3, "softplus": 3},
    np.float64: {"exp": 2, "expm1": 3, "log1p": 3, "logistic": 2, "tanh": 2, "softplus": 3},
}
LN2 = np.log(2.0)


def apply(name, x, level):
    """`name` of each element of x, by the loops of one instruction set."""
    y = np.empty_like(x)
    for_tests.elementary(name, x, y, level)
    return y


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


def exact(name, x):
    """By NumPy, in the type of `x`: wider than the type under test."""
    if name == "logistic":
        e = np.exp(-abs(x))
        return np.where(x < 0, e, 1) / (1 + e)
    if name == "softplus":
        return np.maximum(x, 0) + np.log1p(np.exp(-abs(x)))
    return getattr(np, name)(x)


def exact_mp(name, x):
    if name == "logistic":
        return 1 / (1 + mpmath.exp(-x))
    if name == "softplus":
        return mpmath.log1p(mpmath.exp(x))
    return getattr(mpmath, name)(x)


def neighbours(x, dtype, steps=40):
    """The numbers up to `steps` above and below each of `x`, and all negated."""
    x = np.abs(np.atleast_1d(np.asarray(x, dtype)))
    integer = np.int32 if dtype is np.float32 else np.int64
    bits = (x.view(integer)[:, None] + np.arange(-steps, steps + 1, dtype=integer)).ravel()
    return np.concatenate([y := bits[bits >= 0].view(dtype), -y])


def breakpoints(dtype):
    info = np.finfo(dtype)
    n_max = info.maxexp - info.minexp + info.nmant
    return np.concatenate(
        [
            neighbours(np.arange(-2 * n_max, 2 * n_max + 1) * LN2 / 4, dtype, 4),
            neighbours(2.0 ** np.arange(info.minexp + 2, info.maxexp), dtype, 4),
            neighbours(2.0 ** np.arange(info.minexp + 2, info.maxexp) - 1, dtype, 2),
            neighbours([0, info.smallest_normal, info.max, info.max / 2, np.sqrt(2) - 1], dtype),
            # where exp overflows, turns subnormal, vanishes; where the clamps are
            neighbours(
                np.array([info.maxexp, info.minexp, info.minexp - info.nmant - 1]) * LN2, dtype, 400
            ),
            neighbours([104, 89, 20, 10, 746, 710, 40], dtype),
            neighbours(
                np.array([info.nmant + 1, info.nmant + 2, info.nmant + 3]) * LN2, dtype, 200
            ),
            neighbours(
                np.array([info.nmant + 1, info.nmant + 2, info.nmant + 3]) * LN2 / 2, dtype, 200
            ),
            neighbours(2.0 ** -np.array([info.nmant, info.nmant + 1, info.nmant + 2]), dtype),
        ]
    ).astype(dtype)


def ulp_errors(got, wanted):
    """|got - wanted| / spacing at wanted; 0 for right specials and inf for wrong ones.

    Overflow counts as the next power of 2, so that only an early or late inf is wrong.
    """
    dtype, wide = got.dtype, wanted.dtype
    top = wide.type(2) ** np.finfo(dtype).maxexp
    nan_wrong = np.isnan(got) != np.isnan(wanted)
    sign_wrong = (np.signbit(got) != np.signbit(wanted)) & ~np.isnan(wanted)
    nearest = np.clip(wanted, -np.finfo(dtype).max, np.finfo(dtype).max)
    exponent = (
        np.maximum(np.frexp(nearest)[1], np.finfo(dtype).minexp + 1) - np.finfo(dtype).nmant - 1
    )
    errors = np.abs(np.clip(got.astype(wide), -top, top) - np.clip(wanted, -top, top))
    errors = np.where(np.isnan(wanted), 0, np.ldexp(errors, -exponent))
    return np.where(nan_wrong | sign_wrong, np.inf, errors)


def worst(name, x, level):
    if name == "log1p":
        x = x[~(x < 0)]
    wide = np.float64 if x.dtype == np.float32 else np.longdouble
    errors = ulp_errors(apply(name, x, level), exact(name, x.astype(wide)))
    i = errors.argmax()
    return errors[i], x[i]


def check(name, x, level):
    error, where = worst(name, x, level)
    print(f"{name} {x.dtype} level {level}: {error:.3f} ulp at {where!r}")
    assert error <= LIMITS[x.dtype.type][name], f"{error} ulp at {where!r}"


over_all = [
    pytest.mark.parametrize("level", LEVELS),
    pytest.mark.parametrize("name", for_tests.ELEMENTARY),
]


def everything(test):
    for mark in over_all:
        test = mark(test)
    return test


@everything
def test_float32_every_1009th_number(name, level):
    check(
        name, np.arange(0, 2**32, 1009, dtype=np.uint64).astype(np.uint32).view(np.float32), level
    )


@everything
def test_float64_random(name, level):
    rng = np.random.default_rng(level)
    n = 60_000
    sign = rng.choice([-1.0, 1.0], n)
    check(
        name,
        np.concatenate(
            [
                rng.uniform(-1, 1, n),
                rng.uniform(-4, 4, n),
                rng.uniform(-40, 40, n),
                rng.uniform(-760, 720, n),
                sign * np.exp(rng.uniform(-40, 3, n)),
                rng.integers(0, 2**64, n, dtype=np.uint64).view(np.float64),
            ]
        ),
        level,
    )


@everything
@pytest.mark.parametrize("dtype", LIMITS)
def test_breakpoints(name, level, dtype):
    check(name, breakpoints(dtype), level)


@everything
def test_float64_against_mpmath(name, level):
    rng = np.random.default_rng(10 + level)
    x = np.concatenate(
        [rng.uniform(-2, 2, 150), rng.uniform(-745, 709, 100), rng.normal(size=50) * 1e-5]
    )
    x = np.abs(x) if name == "log1p" else x
    got = apply(name, x, level)
    with mpmath.workdps(40):
        for argument, result in zip(x.tolist(), got.tolist(), strict=False):
            wanted = exact_mp(name, mpmath.mpf(argument))
            error = abs(mpmath.mpf(result) - wanted) / np.spacing(abs(float(wanted)))
            assert error <= LIMITS[np.float64][name], (argument, result)


@everything
@pytest.mark.parametrize("dtype", LIMITS)
def test_special_arguments(name, level, dtype):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan], dtype)
    wanted = exact(name, x)
    if name == "log1p":
        wanted[3] = -np.inf  # a negative argument is returned as it is
    got = apply(name, x, level)
    np.testing.assert_allclose(got, wanted, rtol=2 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(np.signbit(got[:4]), np.signbit(wanted[:4]))


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("name", for_tests.ELEMENTARY)
def test_result_does_not_depend_on_the_place_in_the_array(name, dtype):
    # The ends of a vectorised loop are other code than its body.
    x = np.random.default_rng(0).uniform(0, 5, 67).astype(dtype)
    for level in LEVELS:
        whole = apply(name, x, level)
        single = [apply(name, x[i : i + 1], level)[0] for i in range(x.size)]
        np.testing.assert_array_equal(whole, single)


@pytest.mark.parametrize("wish", ["baseline", "avx2", "avx512", ""])
def test_environment_lowers_the_instruction_set(wish):
    code = "from ae_core._engine.kernels import table as kernels; print(kernels.instruction_set())"
    environment = {**os.environ, "AE_CORE_SIMD": wish}
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    names = ["baseline", "avx2", "avx512"]
    best = names[LEVELS[-1]]
    expected = min(wish, best, key=names.index) if wish in names else best
    assert run.stdout.strip() == expected


@pytest.mark.parametrize("typo", ["avx", "AVX2", "avx2 ", "sse", "0"])
def test_another_instruction_set_is_refused(typo):
    environment = {**os.environ, "AE_CORE_SIMD": typo}
    code = "from ae_core import Network"
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert run.returncode == 1
    assert f"ValueError: AE_CORE_SIMD={typo!r}: must be one of baseline, avx2, avx512" in run.stderr


def test_unknown_level_is_refused():
    with pytest.raises(ValueError, match="level=3: this process may use 0 to"):
        apply("exp", np.zeros(1), 3)
