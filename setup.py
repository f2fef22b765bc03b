"""The extension modules. Everything else about the package stands in pyproject.toml."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

COMPILE = [
    "-O3",
    "-Wall",
    "-Wextra",
    # Generated code names every argument of every slot; ours is checked without this flag's noise.
    "-Wno-unused-parameter",
    # Without these two, gcc may not vectorise a loop that could raise a floating-point flag.
    "-fno-trapping-math",
    "-fno-math-errno",
    "-g0",  # Python's own flags ask for debugging symbols, nine tenths of the wheel
]


ENGINE = Path("ae_core/_engine")
MODULES = [
    "products",
    "kernels",
    "memory",
    "rows",
    "plan",
    "workspace",
    "stored",
    "code",
    "contraction",
    "passes",
    "team",
    "inference",
    "training",
]


def extension(name: str) -> Extension:
    sources = [str(ENGINE / f"{name}.pyx")]
    if name == "kernels":
        sources.append(str(ENGINE / "kernels_table.c"))
    return Extension(
        f"ae_core._engine.{name}",
        sources,
        depends=[str(header) for header in sorted(ENGINE.glob("*.h"))],
        extra_compile_args=COMPILE,
    )


def interface() -> Extension:
    """What Cython modules that are built elsewhere may use."""
    return Extension(
        "ae_core.c_interface",
        ["ae_core/c_interface.pyx"],
        depends=[str(header) for header in sorted(ENGINE.glob("*.h"))],
        extra_compile_args=COMPILE,
    )


setup(
    options={"build_ext": {"parallel": os.cpu_count()}},
    ext_modules=cythonize(
        [*(extension(name) for name in MODULES), interface()],
        nthreads=os.cpu_count(),
        language_level=3,
        compiler_directives={
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
        },
    ),
)
