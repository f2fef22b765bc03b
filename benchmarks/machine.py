"""What the machine can do: a core's float32 FMA peak, and the rate of its matrix products.

    python benchmarks/machine.py [--cpus 0]

The peak is measured, not looked up: a C loop of independent multiply-adds in registers, compiled
when this runs, in each vector width that the compiler finds the processor to have.
"""

import argparse
import ctypes
import json
import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

N_PRODUCT = 1024
N_TRIES = 20

FMA_LOOP = """
/* LANES floats to a vector; N independent chains, enough to cover the latency of two units
   and few enough to stay in 16 registers. */
typedef float vector __attribute__((vector_size(4 * LANES)));
enum { N = 12 };

float run(long n_rounds, float factor, float term) {
    vector sums[N], a, b;
    for (int j = 0; j < LANES; j++) { a[j] = factor; b[j] = term; }
    for (int i = 0; i < N; i++) sums[i] = b + (float) i;
    for (long round = 0; round < n_rounds; round++) {
#pragma GCC unroll 12
        for (int i = 0; i < N; i++) sums[i] = sums[i] * a + b;
    }
    float result = 0;
    for (int i = 0; i < N; i++) for (int j = 0; j < LANES; j++) result += sums[i][j];
    return result;
}
"""
N_CHAINS = 12


def best_seconds(function: Callable[[], object], n_tries: int = N_TRIES) -> float:
    """The shortest of some calls: what the machine can do when nothing disturbs it."""
    seconds = []
    for _ in range(n_tries):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def vector_widths() -> list[int]:
    """How many floats the vectors of this processor hold, as the compiler sees it."""
    command = [*_compiler(), "-march=native", "-dM", "-E", "-x", "c", "-"]
    macros = subprocess.run(command, input="", capture_output=True, text=True).stdout
    widths = [4]
    if "__AVX2__" in macros and "__FMA__" in macros:
        widths = [8]
    if "__AVX512F__" in macros:
        widths.append(16)
    return widths


def fma_peak(lanes: int) -> float:
    """GFLOP/s of one core with vectors of so many floats.

    Raises
    ------
    RuntimeError
        When there is no C compiler, or it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "fma.c"), Path(folder, "fma.so")
        source.write_text(FMA_LOOP)
        flags = ["-O2", "-march=native", "-ffp-contract=fast", f"-DLANES={lanes}", "-Wno-psabi"]
        command = [*_compiler(), *flags, "-shared", "-fPIC", str(source), "-o", str(library)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except FileNotFoundError:
            raise RuntimeError(f"no C compiler: {command[0]!r}") from None
        if done.returncode:
            raise RuntimeError(done.stderr)
        run = ctypes.CDLL(str(library)).run
    run.argtypes, run.restype = [ctypes.c_long, ctypes.c_float, ctypes.c_float], ctypes.c_float
    n_rounds = 1_000_000  # some 5 ms
    seconds = best_seconds(lambda: run(n_rounds, 0.5, 1.0))
    return 2 * N_CHAINS * lanes * n_rounds / seconds / 1e9


def _compiler() -> list[str]:
    """The compiler named by CC, else the one that Python was built with, else cc."""
    for command in (os.environ.get("CC"), sysconfig.get_config_var("CC"), "cc"):
        if command and _runs(shlex.split(command)[0]):
            return shlex.split(command)[:1]
    return ["cc"]


def _runs(program: str) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True).returncode == 0
    except OSError:
        return False


def product_rates() -> dict[str, float]:
    """GFLOP/s of float32 products of two 1024 × 1024 matrices: SciPy's BLAS, and ours if built."""
    import numpy as np
    from scipy.linalg.blas import sgemm

    random = np.random.default_rng(0)
    a, b = random.random((2, N_PRODUCT, N_PRODUCT), dtype=np.float32)
    c = np.zeros((N_PRODUCT, N_PRODUCT), dtype=np.float32)
    flops = 2 * N_PRODUCT**3
    in_place = {"c": c.T, "overwrite_c": True}  # Fortran order: no copies
    n_threads = len(os.sched_getaffinity(0))
    seconds = best_seconds(lambda: sgemm(1, b.T, a.T, **in_place))
    rates = {f"SciPy's BLAS (threads: {n_threads})": flops / seconds / 1e9}
    try:
        from ae_core._engine.for_tests import levels, product
        from ae_core._engine.kernels.table import instruction_set
    except ImportError:
        return rates
    seconds = best_seconds(lambda: product("nn", a, b, c, levels() - 1))
    rates[f"ae_core's loops ({instruction_set()}; threads: 1)"] = flops / seconds / 1e9
    return rates


def cpu_model() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def measure() -> dict:
    """Everything here, as JSON can hold it; a peak of None where no compiler works."""
    facts: dict = {"cpu": cpu_model(), "peak": None, "lanes": None}
    try:
        facts["peak"], facts["lanes"] = max((fma_peak(lanes), lanes) for lanes in vector_widths())
    except RuntimeError as error:
        facts["peak_error"] = str(error)
    facts["products"] = product_rates()
    return facts


def measure_apart(cpus: list[int], env: dict[str, str]) -> dict:
    """`measure` in a process of its own, pinned to these processors."""
    command = [sys.executable, __file__, "--json", "--cpus", *map(str, cpus)]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def describe(facts: dict) -> list[str]:
    """The facts in sentences."""
    peak = facts["peak"]
    lines = [f"CPU: {facts['cpu']}"]
    if peak is None:
        lines.append(f"FMA peak: not measured ({facts['peak_error'].strip()})")
    else:
        bits = 32 * facts["lanes"]
        lines.append(f"float32 FMA peak of one core: {peak:.0f} GFLOP/s ({bits}-bit vectors)")
    for name, rate in facts["products"].items():
        share = "" if peak is None else f", {rate / peak:.0%} of one core's peak"
        lines.append(f"float32 product {N_PRODUCT}³, {name}: {rate:.0f} GFLOP/s{share}")
    return lines


def main() -> None:
    """Print the facts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpus", type=int, nargs="+", help="processors to run on")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.cpus:
        os.sched_setaffinity(0, options.cpus)
    facts = measure()
    print(json.dumps(facts) if options.json else "\n".join(describe(facts)))


if __name__ == "__main__":
    main()
