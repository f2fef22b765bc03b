"""What the README shows is what happens, and so is what the pages say that it links to."""

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

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL))


def page(name):
    """What a page of docs/ says."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def blocks(language, *sections):
    """Blocks of code in sections of the README, or in pages such as guide/how; or all of it."""
    texts = [SECTIONS.get(name) or page(name) for name in sections] if sections else [README]
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

    run(names, "Find outliers")
    assert 0 < names["is_outlier"].sum() < 60
    assert names["shares"].shape == (569, 30)
    assert len(names["culprit"]) == names["is_outlier"].sum()

    run(names, "Fill in missing values")
    assert type(names["filled"]) is type(names["X"])
    assert names["rmse"] < 0.6 * names["rmse_of_mean"]
    run(names, "Tables with categories")
    assert names["table_hat"].dtypes.equals(names["table"].dtypes)
    assert (names["table_hat"]["target"] == names["table"]["target"]).mean() > 0.95

    with pytest.warns(NotLearningWarning, match="learned next to nothing"):
        run(names, "Ask why it does not learn")
    printed = capsys.readouterr().out
    number = r"\d+(\.\d+)?"  # the last digit may be another machine's
    for shown in blocks("text", "Ask why it does not learn", "guide/diagnosis"):
        assert re.sub(number, "#", printed).startswith(re.sub(number, "#", shown))

    run(names, "Save, load, and the command line")
    assert Path("cells.safetensors").exists()
    assert names["model"].n_components == 8


def test_command_line(in_a_new_folder, capsys):
    pytest.importorskip("click")
    from ae_core.cli.main import main

    cells = load_breast_cancer(as_frame=True).data
    cells.insert(0, "id", [f"patient {i}" for i in range(len(cells))])
    cells.to_csv("cells.csv", index=False)
    (more,) = blocks("sh", "Save, load, and the command line")
    commands, of_people = blocks("sh", "guide/commands")
    rng = np.random.default_rng(0)
    people = cells.iloc[:80, :4].mask(rng.random((80, 4)) < 0.05)
    people.columns = ["customer", "age", "spent", "visits"]
    people["customer"] = [f"customer {i}" for i in range(80)]
    people.assign(city=rng.choice(["Rome", "Oslo"], 80)).to_csv("people.csv", index=False)
    for command in (commands + more + of_people).splitlines():
        program, *arguments = shlex.split(command)
        assert program == "ae-core"
        assert main(arguments) == 0, capsys.readouterr().err
    assert len(Path("codes.csv").read_text().splitlines()) == 570
    assert "city=Oslo" in Path("report.html").read_text("utf-8")
    assert "PCA, 8 components" in capsys.readouterr().out


def test_no_python_block_is_left_out():
    sections = (
        "Learn a code",
        "Find outliers",
        "Fill in missing values",
        "Tables with categories",
        "Ask why it does not learn",
        "Save, load, and the command line",
    )
    assert blocks("python", *sections) == blocks("python")


def test_the_finding_shown_is_the_finding_printed():
    weights = example.initial_weights(example.TWO_ROWS)
    printed = str(check_gradient(test_question.example.questions_code, weights, example.TWO_ROWS))
    (shown,) = blocks("text", "guide/question")
    assert printed.startswith(shown)


def test_names_listed_are_the_registries():
    from ae_core.formulas.activations import ACTIVATIONS
    from ae_core.formulas.losses import LOSSES
    from ae_core.formulas.schedules import SCHEDULES

    rows = dict(re.findall(r"^\| ([\w ]+) \| (.*) \|$", page("guide/how"), re.MULTILINE))
    assert rows["activations"].split(", ") == list(ACTIVATIONS)
    named = set(re.findall(r"\w+_\w+|huber|multinomial|poisson", rows["losses"]))
    assert named == set(LOSSES)
    assert all(name in rows["learning rates"] for name in SCHEDULES)


def test_the_family_listed_are_its_parameters():
    from ae_core import Autoencoder
    from ae_core.estimators.parameters import FAMILY

    found = re.findall(r"`(\w+)`|`(\w+)=", page("family").partition("\n## ")[0])
    names = {name or given for name, given in found}
    assert {*FAMILY, "clip_norm", "averaging", "missing_values"} <= names
    assert names <= {*Autoencoder().get_params(), "VariationalAutoencoder", "MLPRegressor"}


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
PAGES = [path for path in PAGES if "auto_gallery" not in path.parts]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pictures_shown_are_there_and_have_words(path):
    for words, place in re.findall(r"!\[([^]]*)\]\(([^)]*)\)", path.read_text("utf-8")):
        assert len(words) > 20
        drawn = re.fullmatch(r"\.\./auto_gallery/images/sphx_glr_(plot_\w+)_\d{3}\.png", place)
        if drawn:  # when the site is built
            assert (ROOT / "docs" / "gallery" / f"{drawn[1]}.py").exists()
        else:
            assert (path.parent / place).read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(
    not (ROOT / "CONTRIBUTING.md").exists(), reason="beside a wheel not all pages are there"
)
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    for place in re.findall(r"(?<!!)\[[^]]*\]\(([^)#:]+)\)", path.read_text("utf-8")):
        assert (path.parent / place).exists(), place


def test_it_is_read_in_a_minute():
    assert len(README.splitlines()) <= 150
    assert len(re.findall(r"^!\[", README, re.MULTILINE)) == 4


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
