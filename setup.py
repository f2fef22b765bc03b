"""The extension modules. Everything else about the package stands in pyproject.toml."""

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
]


def extension(name: str) -> Extension:
    return Extension(
        f"ae_core._engine.{name}",
        [f"ae_core/_engine/{name}.pyx"],
        extra_compile_args=COMPILE,
    )


setup(
    ext_modules=cythonize(
        [extension("matmul")],
        language_level=3,
        compiler_directives={
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
        },
    )
)
