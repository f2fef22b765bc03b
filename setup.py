"""The extension modules. Everything else about the package stands in pyproject.toml.

They are built for every CPython from 3.11 on (the stable ABI, abi3). The environment asks for other
builds, each of which is somebody's tool and none of which is shipped:

AE_CORE_ABI3=0                       for the Python at hand only
AE_CORE_DEBUG=1                      with debugging symbols and little optimization
AE_CORE_SANITIZE=address,undefined   the same, and checked while it runs, by gcc's or clang's
                                     -fsanitize; or thread
AE_CORE_COVERAGE=1                   with every line of the .pyx files traced; not abi3
"""

import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COVERAGE = os.environ.get("AE_CORE_COVERAGE", "0") == "1"
SANITIZE = os.environ.get("AE_CORE_SANITIZE", "")
DEBUG = os.environ.get("AE_CORE_DEBUG", "0") == "1" or bool(SANITIZE)
ABI3 = os.environ.get("AE_CORE_ABI3", "1") == "1" and not COVERAGE

ENGINE = Path("ae_core/_engine")
MODULES = [
    "blas",
    "for_tests",
    "kernels.table",
    "memory",
    "rows",
    "plan",
    "workspace",
    "layers.dense_input",
    "layers.sparse_input",
    "layers.sparse_output",
    "layers.low_rank_output",
    "layers.code",
    "layers.contraction",
    "passes",
    "gradients",
    "cells",
    "team",
    "inference",
    "columns",
    "served",
    "judge",
    "detector",
    "steps",
    "training",
    "text.decimals",
    "text.records",
]
# Those that a training step runs through.
LOOPS = (
    *("table", "rows", "passes", "gradients", "cells", "steps"),
    *("dense_input", "sparse_input", "sparse_output", "low_rank_output", "code"),
    *("contraction", "decimals", "records", "judge"),
)
# Those that run once per network, or for tests.
SELDOM = ("blas", "for_tests", "memory", "plan")
# What Cython writes for memoryviews, once for all modules: otherwise each would hold it again.
SHARED = "memoryviews"


def macros() -> list[tuple[str, str | None]]:
    if ABI3:
        return [("Py_LIMITED_API", "0x030B0000")]
    return [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1")] if COVERAGE else []


def flags(compiler: str) -> tuple[list[str], list[str]]:
    """What to tell a compiler of that type, and the linker."""
    if compiler == "msvc":
        return ["/O2", "/std:c11"], []  # C11 for `restrict`
    compile_flags = [
        "-Wall",
        "-Wextra",
        # Generated code names every argument of every slot; ours is checked without its noise.
        "-Wno-unused-parameter",
        # Without these two, gcc may not vectorise a loop that could raise a floating-point flag.
        "-fno-trapping-math",
        "-fno-math-errno",
    ]
    if not DEBUG:
        # Python's own flags ask for debugging symbols, nine tenths of the wheel. Of the names that
        # are left, nobody asks for any; only GNU's linker knows how to leave them out.
        return [*compile_flags, "-g0"], ["-Wl,-s"] if sys.platform == "linux" else []
    compile_flags += ["-O1", "-g", "-fno-omit-frame-pointer"]
    sanitize = [f"-fsanitize={SANITIZE}", "-fno-sanitize-recover=all"] if SANITIZE else []
    return compile_flags + sanitize, sanitize


class BuildEngine(build_ext):
    """Compiles with the compiler's own flags."""

    def build_extensions(self) -> None:
        compile_flags, link_flags = flags(self.compiler.compiler_type)
        # Python's own linker flags may name the folder where this one Python lives.
        if hasattr(self.compiler, "linker_so"):
            self.compiler.linker_so = [
                flag for flag in self.compiler.linker_so if not flag.startswith("-Wl,-rpath")
            ]
        for module in self.extensions:
            module.extra_compile_args = [*compile_flags, *self.optimization(module.name)]
            module.extra_link_args = link_flags
        super().build_extensions()

    def optimization(self, name: str) -> list[str]:
        """Speed where the loops are; elsewhere it would only make the wheel larger."""
        if DEBUG or self.compiler.compiler_type == "msvc":
            return []
        module = name.rpartition(".")[2]
        return ["-O3" if module in LOOPS else "-Os" if module in SELDOM else "-O2"]

    def copy_extensions_to_source(self) -> None:
        """Leave no module of another build in place: Python would load that one first."""
        super().copy_extensions_to_source()
        for module in self.extensions:
            built = Path(self.get_ext_filename(module.name))
            name = module.name.rpartition(".")[2]
            for old in [*built.parent.glob(f"{name}.*.so"), *built.parent.glob(f"{name}.*pyd")]:
                if old.name != built.name:
                    old.unlink()


def extension(name: str) -> Extension:
    sources = [str(ENGINE / f"{name.replace('.', '/')}.pyx")]
    if name == SHARED:
        sources = [str(ENGINE / f"{name}.c")]
    if name == "kernels.table":
        sources.append(str(ENGINE / "kernels/kernels_table.c"))
    return Extension(
        f"ae_core._engine.{name}",
        sources,
        depends=[str(header) for header in sorted(ENGINE.glob("*/*.h"))],
        include_dirs=[str(ENGINE / "kernels"), str(ENGINE / "text")],
        define_macros=macros(),
        py_limited_api=ABI3,
    )


def interface() -> Extension:
    """What Cython modules that are built elsewhere may use."""
    return Extension(
        "ae_core.c_interface",
        ["ae_core/c_interface.pyx"],
        depends=[str(header) for header in sorted(ENGINE.glob("kernels/*.h"))],
        include_dirs=[str(ENGINE / "kernels")],
        define_macros=macros(),
        py_limited_api=ABI3,
    )


setup(
    cmdclass={"build_ext": BuildEngine},
    options={
        "build_ext": {"parallel": os.cpu_count()},
        **({"bdist_wheel": {"py_limited_api": "cp311"}} if ABI3 else {}),
    },
    ext_modules=cythonize(
        [*(extension(name) for name in [*MODULES, SHARED]), interface()],
        nthreads=os.cpu_count(),
        # The tool that reports coverage looks for the generated C beside the sources.
        build_dir=None if COVERAGE else "build/c",
        shared_utility_qualified_name=f"ae_core._engine.{SHARED}",
        language_level=3,
        compiler_directives={
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
            "linetrace": COVERAGE,
        },
    ),
)
