"""``ae-core report``: what stands on the page, that it is whole and safe, and how a browser shows it."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

pandas = pytest.importorskip("pandas")
pytest.importorskip("click")
pytest.importorskip("pyarrow")
pytest.importorskip("matplotlib")

import browser  # noqa: E402

from ae_core import Autoencoder, AutoencoderOutlierDetector  # noqa: E402
from ae_core.cli.main import main  # noqa: E402

SCRIPT = "<script>document.title='taken'</script>"
HOSTILE = [
    f"a{SCRIPT}",
    '"><img src=x onerror=alert(1)>',
    "=1+1",
    "$x^{$",
    "line\nend\x1b[31m",
    "long " * 60,
]


class Tags(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two tables, one with names that would do harm, and models of both kinds."""
    folder = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(0)
    X = np.tanh(rng.normal(size=(150, 2)) @ rng.normal(size=(2, 6))) + 0.05 * rng.normal(
        size=(150, 6)
    )
    X[41, 3] = 9
    plain = pandas.DataFrame(X, columns=[f"x{i}" for i in range(6)])
    plain.insert(0, "id", [f"part {i}" for i in range(150)])
    plain.to_csv(folder / "plain.csv", index=False)
    hostile = pandas.DataFrame(X, columns=HOSTILE)
    hostile.insert(0, f"id{SCRIPT}", [f"{SCRIPT}{i}" for i in range(150)])
    hostile.to_parquet(folder / "hostile.parquet")
    for name, frame in (("plain", plain), ("hostile", hostile)):
        numbers = frame.iloc[:, 1:]
        Autoencoder(2, max_iter=40, random_state=0).fit(numbers).save(folder / f"{name}.model")
        detector = AutoencoderOutlierDetector(random_state=0, n_steps=40).fit(numbers)
        detector.save(folder / f"{name}.detector")
    return folder


@pytest.fixture
def report(folder, tmp_path, monkeypatch, capsys):
    """Write a report; its text."""
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    monkeypatch.chdir(tmp_path)

    def report(*arguments):
        code = main(["report", *arguments, "-o", "report.html", "--no-trials"])
        assert code == 0, capsys.readouterr().err
        return (tmp_path / "report.html").read_text("utf-8")

    return report


def test_of_a_detector(report, folder):
    text = report("plain.detector", "plain.csv", "--keep", "id", "--top", "4", "--title", "Week 12")
    page = Tags(text)
    assert not page.open
    words = " ".join(" ".join(page.texts).split())
    assert "Week 12" in words
    assert "150 rows, 6 columns" in words
    import ae_core

    detector = ae_core.load(folder / "plain.detector")
    X = pandas.read_csv(folder / "plain.csv").iloc[:, 1:]
    n = (detector.predict(X) == -1).sum()
    assert f"{n} of 150 rows" in words
    scores = -detector.score_samples(X)
    shown = re.findall(r'<tr><td class="number">(\d+)</td><td class="name">(part \d+)</td>', text)
    assert shown == [(str(i + 1), f"part {i}") for i in np.argsort(-scores)[:4]]
    assert shown[0] == ("42", "part 41")
    share = detector.explain(X.iloc[[41]]).iloc[0]
    assert f"{share.idxmax()} {100 * share.max() / share.sum():.3g}\u00a0%" in text
    assert text.count("<img ") == 1  # the histogram
    for heading in ("What was learned", "How unusual", "oddest rows", "Columns", "Diagnosis"):
        assert heading in words


def test_of_an_autoencoder(report, folder):
    text = report("plain.model", "plain.csv")
    words = " ".join(Tags(text).texts)
    import ae_core

    model = ae_core.load(folder / "plain.model")
    X = pandas.read_csv(folder / "plain.csv").iloc[:, 1:]
    d = model.diagnose(X, trials=False)
    assert f"{100 * (1 - d.loss / d.baselines['column mean']):.3g}\u00a0%" in words
    assert "PCA, 2 components" in words
    assert "outliers: their score" not in words
    assert text.count("<img ") == 2  # with the loss curve
    assert text.count("x3") >= 2  # among the columns, and what makes row 42 odd
    for i in range(6):
        assert f'<td class="name">x{i}</td><td class="number">{100 * d.explained[i]:.3g}' in text


@pytest.mark.parametrize("kind", ["model", "detector"])
def test_nothing_of_the_files_is_markup_and_nothing_is_loaded(report, kind):
    arguments = f"hostile.{kind}", "hostile.parquet", "--keep", f"id{SCRIPT}"
    text = report(*arguments, "--title", f"T{SCRIPT}")
    page = Tags(text)
    assert not page.open
    tags = {tag for tag, _ in page.tags}
    assert "script" not in tags
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")
    assert "\x1b" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert f"T{SCRIPT}" in " ".join(page.texts)  # as a text


def test_the_same_twice(report):
    first = report("plain.detector", "plain.csv")
    assert report("plain.detector", "plain.csv") == first


def test_from_a_pipe_of_a_table_without_names(tmp_path, monkeypatch, capsys):
    import io
    import sys

    X = np.random.default_rng(1).normal(size=(60, 3))
    X[:, 2] = 4  # does not vary
    monkeypatch.chdir(tmp_path)
    Autoencoder(1, max_iter=5, random_state=0).set_params(tol=None).fit(X).save("m")
    np.savetxt("x.csv", X, delimiter=",")
    with open("x.csv", "rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        assert main(["report", "m", "-", "--no-header", "-o", "r.html", "--no-trials"]) == 0
    text = (tmp_path / "r.html").read_text("utf-8")
    assert "does not vary" in text
    assert "Report on a table" in text


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["plain.model", "plain.csv"], 2, "'-o' / '--output'"),
        (["plain.model", "plain.csv", "-o", "-"], 2, "-o -: must end in .html"),
        (["plain.model", "plain.csv", "-o", "r.csv"], 2, "-o r.csv: must end in .html"),
        (["plain.model", "plain.csv", "-o", "no/r.html"], 1, "no/r.html: No such file"),
        (["plain.model", "plain.csv", "-o", "r.html", "--top", "0"], 2, "--top 0"),
        (["plain.csv", "plain.model", "-o", "r.html"], 2, "MODEL comes before DATA"),
        (["plain.model", "none.csv", "-o", "r.html"], 1, "none.csv: No such file"),
        (["plain.model", "hostile.parquet", "-o", "r.html"], 1, "there is no 'x0'"),
        (["page.html", "plain.csv", "-o", "page.html"], 2, "is the model: give another file"),
        (["plain.model", "page.html", "-o", "page.html"], 2, "add --force to write over it"),
    ],
)
def test_mistakes_end_in_one_line_and_leave_no_file(
    folder, tmp_path, monkeypatch, capsys, arguments, code, words
):
    for file in folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "page.html").write_text("1,2\n")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main(["report", *arguments]) == code
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "page.html").read_text() == "1,2\n"


def test_a_report_that_fails_leaves_the_old_one(report, tmp_path, monkeypatch, capsys):
    old = report("plain.model", "plain.csv")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    assert main(["report", "plain.model", "plain.csv", "-o", "report.html", "--no-trials"]) == 1
    assert "No space left" in capsys.readouterr().err
    assert (tmp_path / "report.html").read_text("utf-8") == old
    assert not list(tmp_path.glob(".ae_core-*"))


@pytest.mark.skipif(browser.PROGRAM is None, reason="Chromium is not installed")
def test_in_a_browser(report, tmp_path):
    report("hostile.detector", "hostile.parquet", "--keep", f"id{SCRIPT}", "--title", "Parts")
    chromium = browser.Browser()
    try:
        for width, dark in ((1400, False), (1400, True), (400, False), (400, True)):
            chromium.open((tmp_path / "report.html").as_uri(), width=width, dark=dark)
            assert chromium.errors == []
            assert chromium.run("document.title") == "Parts"
            assert chromium.run(browser.TOO_WIDE) == []
            assert chromium.run(browser.ILLEGIBLE) == []
            assert chromium.run(browser.WITHOUT_WORDS) == []
            assert chromium.run(browser.BROKEN) == []
        asked = [url for url in chromium.requests if not url.startswith(("data:", "file:"))]
        assert asked == []
        words = chromium.run("document.body.innerText")
        assert SCRIPT in words
        assert "The oddest rows, and why" in words
        assert chromium.run("document.querySelectorAll('.bar').length") > 20
        assert (
            chromium.run("getComputedStyle(document.body).backgroundColor") == "rgb(23, 25, 28)"
        )  # dark
    finally:
        chromium.close()
