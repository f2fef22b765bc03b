"""What the README shows is what happens."""

import re
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import test_question
from sklearn.datasets import load_breast_cancer
from test_question import example

import ae_core
from ae_core import NotLearningWarning, check_gradient

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL))


def blocks(language, *sections):
    texts = [SECTIONS[name] for name in sections] if sections else [README]
    return [b for text in texts for b in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)]


@pytest.fixture
def in_a_new_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(names, *sections):
    for block in blocks("python", *sections):
        exec(block, names)  # the README is ours


def test_estimators(in_a_new_folder, capsys):
    names = {}
    run(names, "Learn a code")
    assert names["code"].shape == (569, 8)
    assert names["X_hat"].shape == names["X"].shape == (569, 30)
    curve = names["model"].validation_loss_curve_
    assert 1 < len(curve) <= 200

    names["np"] = np
    run(names, "The family")
    assert type(names["filled"]) is type(names["X"])
    assert names["rmse"] < 0.6 * names["rmse_of_mean"]
    run(names, "Tables with categories")
    assert names["table_hat"].dtypes.equals(names["table"].dtypes)
    assert names["recovered"] > 0.95

    run(names, "Likely rows, and new ones")
    assert names["new_rows"].shape == (5, 30)
    assert names["codes"].shape == (569, 8)
    assert names["bounds"].shape == (569,)

    run(names, "Find outliers")
    assert 0 < names["is_outlier"].sum() < 60
    assert names["shares"].shape == (569, 30)
    assert len(names["culprit"]) == names["is_outlier"].sum()

    run(names, "Save and load")
    assert Path("cells.safetensors").exists()
    assert names["model"].n_iter_ == 300

    with pytest.warns(NotLearningWarning, match="learned next to nothing"):
        run(names, "Ask why it does not learn")
    printed, (shown,) = capsys.readouterr().out, blocks("text", "Ask why it does not learn")
    number = r"\d+(\.\d+)?"  # the last digit may be another machine's
    assert re.sub(number, "#", printed).startswith(re.sub(number, "#", shown))


def test_command_line(in_a_new_folder, capsys):
    pytest.importorskip("click")
    from ae_core.cli.main import main

    cells = load_breast_cancer(as_frame=True).data
    cells.insert(0, "id", [f"patient {i}" for i in range(len(cells))])
    cells.to_csv("cells.csv", index=False)
    (commands,) = blocks("sh", "From the command line")
    for command in commands.splitlines():
        program, *arguments = shlex.split(command)
        assert program == "ae-core"
        assert main(arguments) == 0, capsys.readouterr().err
    assert len(Path("codes.csv").read_text().splitlines()) == 570
    assert "PCA, 8 components" in capsys.readouterr().out


def test_networks_and_the_question():
    names = {
        "cost_and_gradient": example.questions_code,
        "X": example.TWO_ROWS,
        **dict(zip(("W1", "W2", "W3"), example.initial_weights(example.TWO_ROWS), strict=True)),
    }
    run(names, "The question that started it", "What it is made of")
    assert names["code"].shape == (500, 4)
    assert names["X_hat"].shape == (500, 20)
    assert names["errors"].mean() < 0.5 * names["X"].var(axis=0).sum()


def test_no_python_block_is_left_out():
    sections = (
        "Learn a code",
        "The family",
        "Tables with categories",
        "Likely rows, and new ones",
        "Find outliers",
        "Save and load",
        "Ask why it does not learn",
        "The question that started it",
        "What it is made of",
    )
    assert blocks("python", *sections) == blocks("python")


def test_the_finding_shown_is_the_finding_printed():
    weights = example.initial_weights(example.TWO_ROWS)
    printed = str(check_gradient(test_question.example.questions_code, weights, example.TWO_ROWS))
    (shown,) = blocks("text", "The question that started it")
    assert printed.startswith(shown)


def test_names_listed_are_the_registries():
    from ae_core.formulas.activations import ACTIVATIONS
    from ae_core.formulas.losses import LOSSES
    from ae_core.formulas.schedules import SCHEDULES

    rows = dict(re.findall(r"^\| ([\w ]+) \| (.*) \|$", README, re.MULTILINE))
    assert rows["activations"].split(", ") == list(ACTIVATIONS)
    named = set(re.findall(r"\w+_\w+|huber|multinomial|poisson", rows["losses"]))
    assert named == set(LOSSES)
    assert all(name in rows["learning rates"] for name in SCHEDULES)


def test_the_family_listed_are_its_parameters():
    from ae_core import Autoencoder
    from ae_core.estimators.parameters import FAMILY

    found = re.findall(r"`(\w+)`|`(\w+)=", SECTIONS["The family"])
    names = {name or given for name, given in found}
    assert {*FAMILY, "clip_norm", "averaging", "missing_values"} <= names
    assert names <= {*Autoencoder().get_params(), "VariationalAutoencoder", "MLPRegressor"}


def test_pictures_shown_are_there():
    for path in re.findall(r"!\[[^]]*\]\(([^)]*)\)", README):
        assert (Path(__file__).parent.parent / path).read_bytes().startswith(b"\x89PNG")


def test_docstring_examples_run():
    import doctest
    from importlib import import_module

    for name in (
        "data.encoding",
        "data.rows",
        "diagnosis.diagnose",
        "diagnosis.gradient_check",
        "estimators.autoencoder",
        "estimators.checkpoints",
        "estimators.outliers",
        "estimators.variational",
        "network.architecture",
        "network.reference",
    ):
        module = import_module(f"ae_core.{name}")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            results = doctest.testmod(module, extraglobs={"np": np, "ae_core": ae_core})
        assert results.attempted > 0
        assert results.failed == 0


def test_import_is_light():
    code = (
        "import sys, ae_core; heavy = 'sklearn', 'pandas', 'safetensors', 'matplotlib', "
        "'scipy.optimize', 'tqdm', 'click'; print([m for m in heavy if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
