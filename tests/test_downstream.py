"""A project of its own, built against the wheel: nothing of the checkout is on its path."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import ae_core

ROOT = Path(__file__).parent.parent
PROJECT = ROOT / "tests" / "downstream"
PACKAGE = Path(ae_core.__file__).parent


def run(*command, cwd, **environment):
    """Run a command; its output is the failure's message."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**kept, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def pip_install(python, *what, cwd, **environment):
    """Into the environment of that Python, from what is there already."""
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check")
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed")
    run(*pip, "install", *options, *what, cwd=cwd, **environment)


def built_wheel(folder):
    """The wheel of the checkout, built from a copy.

    What the checkout has compiled is copied too, with its times, so that only what is out of date is
    compiled again; `make wheel` builds from nothing.
    """
    source = folder / "source"
    shutil.copytree(
        ROOT,
        source,
        ignore=shutil.ignore_patterns(".*", "build", "dist", "*.so", "*.egg-info", "docs"),
    )
    if (ROOT / "build" / "c").is_dir():  # else Cython writes C that is newer than any module
        shutil.copytree(ROOT / "build" / "c", source / "build" / "c")
        built = f"lib.{sysconfig.get_platform()}-{sys.implementation.cache_tag}"
        for module in (ROOT / "ae_core").rglob("*.so"):
            copy = source / "build" / built / module.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(module, copy)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet")
    options = ("--no-index", "--no-deps", "--no-build-isolation")
    run(*pip, *options, ".", "-w", folder, cwd=source)
    (wheel,) = folder.glob("ae_core-*.whl")
    return wheel


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A Python where ae_core is installed, with what else this one has."""
    if shutil.which((sysconfig.get_config_var("CC") or "cc").split()[0]) is None:
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    scripts = "Scripts" if os.name == "nt" else "bin"
    python = folder / "venv" / scripts / "python"
    own = Path(
        run(
            python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder
        ).strip()
    )
    # The packages of this Python, after the environment's own; not what they add to the path, which
    # may be a checkout.
    others = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own / "others.pth").write_text("\n".join(sorted(others)), encoding="utf-8")
    if PACKAGE == ROOT / "ae_core":  # else these tests run beside an installed wheel already
        pip_install(python, built_wheel(folder), cwd=folder)
    where = run(python, "-c", "import ae_core; print(ae_core.__file__)", cwd=folder)
    assert Path(where.strip()).parent != ROOT / "ae_core"
    return python


@pytest.mark.slow
def test_a_project_built_against_the_wheel(environment, tmp_path):
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("*.c", "*.so", "build"))
    elsewhere.mkdir()
    (project / "test_scorer.py").rename(elsewhere / "test_scorer.py")
    pip_install(environment, project, cwd=tmp_path, CFLAGS="-O0 -g0")  # in half the time
    pytest_options = ("-q", "-p", "no:cacheprovider", "-W", "error")
    printed = run(environment, "-m", "pytest", *pytest_options, "test_scorer.py", cwd=elsewhere)
    assert re.search(r"^\d+ passed in", printed, re.MULTILINE), printed


def test_the_project_shown_is_the_project_tested():
    page = (ROOT / "docs" / "downstream.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)```", page, re.MULTILINE | re.DOTALL))
    assert set(shown) == {"pyproject.toml", "setup.py", "scorer.pyx"}
    for name, text in shown.items():
        assert text == (PROJECT / name).read_text(encoding="utf-8")


def test_every_function_is_in_the_table():
    declared = (PACKAGE / "c_interface.pxd").read_text(encoding="utf-8")
    functions = re.findall(r"^cdef [\w ]+\*? ?(ae_\w+)\(", declared, re.MULTILINE)
    page = (ROOT / "docs" / "downstream.md").read_text(encoding="utf-8")
    assert len(functions) == 20
    for name in functions:
        assert f"`{name}`" in page
