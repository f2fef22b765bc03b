"""The command line."""

import subprocess
import sys

import pytest

from ae_core import __version__
from ae_core.cli import main


def test_demo_beats_pca_and_draws(tmp_path, capsys):
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    picture = tmp_path / "demo.png"
    assert main(["demo", "-o", str(picture)]) == 0
    printed = capsys.readouterr().out
    losses = [
        float(line.split("%")[0].split()[-2])
        for line in printed.splitlines()
        if "of the mean's" in line
    ]
    mean, pca, own = losses
    assert own < 0.75 * pca < 0.75 * mean
    assert "Better than PCA" in printed
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_python_dash_m():
    run = subprocess.run(
        [sys.executable, "-m", "ae_core", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == f"ae_core {__version__}"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "no/such/folder/x.png", "--max-iter", "1"], "No such file or directory"),
        (["--max-iter", "0"], "max_iter=0"),
        (["--seed", "-1", "--max-iter", "1"], "--seed=-1"),
    ],
)
def test_errors_are_one_line(arguments, words, capsys):
    assert main(["demo", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith("ae-core demo: ")
    assert words in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("module", "extra"), [("sklearn.datasets", "all"), ("matplotlib.figure", "plot")]
)
def test_a_missing_extra_says_how_to_install_it(module, extra, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["demo"]) == 1
    assert f"pip install 'ae_core[{extra}]'" in capsys.readouterr().err


def test_import_is_light():
    code = (
        "import sys, ae_core; "
        "print([m for m in ('sklearn', 'matplotlib', 'scipy.optimize') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
