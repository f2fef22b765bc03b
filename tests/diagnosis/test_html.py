"""What a notebook shows: tables of a diagnosis and of a gradient check, and diagrams of estimators."""

from html.parser import HTMLParser
from importlib.util import find_spec

import numpy as np
import pytest

from ae_core import (
    Autoencoder,
    AutoencoderOutlierDetector,
    VariationalAutoencoder,
    check_gradient,
    diagnose_data,
)

HOSTILE = ["<script>alert(1)</script>", '"><img src=x onerror=y>', "a&amp;b", "line\nend"]


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attributes)
        if tag not in ("br", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def table():
    pandas = pytest.importorskip("pandas")
    X = np.random.default_rng(0).normal(size=(60, 4))
    X[:, 3] = 1e6 * X[:, 0]
    return pandas.DataFrame(X, columns=HOSTILE)


@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
def test_a_diagnosis_is_tables_and_nothing_of_the_data_is_markup(table):
    model = Autoencoder(1, max_iter=3, learning_rate_init=1e-6, random_state=0).fit(table)
    report = model.diagnose(table, trials=False)
    page = Page(report._repr_html_())
    assert page.tags.count("table") >= 3
    assert not {"script", "img"} & set(page.tags)
    assert HOSTILE[0] in page.text
    for name in report.baselines:
        assert name in page.text
    for finding in report.findings:
        assert finding.name in page.text
        assert finding.advice in page.text


@pytest.mark.filterwarnings("ignore::ae_core.NotLearningWarning")
def test_a_page_says_what_the_text_says_of_trials_and_of_the_end():
    random = np.random.default_rng(0)
    t = random.normal(size=(150, 1))
    X = t @ random.normal(size=(1, 4)) + 0.1 * random.normal(size=(150, 4))
    X[random.random(X.shape) < 0.3] = np.nan
    settings = {"missing_values": "mask", "corruption": None, "n_threads": 1, "random_state": 0}
    model = Autoencoder(4, max_iter=150, tol=1e-9, n_iter_no_change=5, **settings).fit(X)
    report = model.diagnose(X, budget=2.0)
    page = Page(report._repr_html_())
    assert report.filling_trials.helped
    for trials in filter(None, (report.trials, report.filling_trials)):
        assert trials.heading in page.text
        for name, figure, share in trials.rows():
            assert f"{name}{figure}{share}" in page.text
    if "training ended because" in str(report):
        assert f"training ended because {report.stopped_because}." in page.text


def test_so_is_what_is_notable_of_a_table(table):
    page = Page(diagnose_data(table.assign(**{HOSTILE[0]: 1.0}))._repr_html_())
    assert not {"script", "img"} & set(page.tags)
    assert "script" in page.text


@pytest.mark.parametrize("is_right", [True, False])
def test_a_gradient_check_is_tables(is_right):
    def f(params, X):
        w = params["<b>w</b>"]
        residual = X @ w - 1
        gradient = X.T @ residual / len(X)
        return residual @ residual / 2 / len(X), {"<b>w</b>": gradient if is_right else -gradient}

    X = np.random.default_rng(1).normal(size=(6, 3))
    check = check_gradient(f, params={"<b>w</b>": np.ones(3)}, X=X)
    page = Page(check._repr_html_())
    assert check.passed == is_right
    assert "table" in page.tags
    assert "b" not in page.tags
    assert ("passed" if is_right else "FAILED") in page.text
    assert "<b>w</b>" in page.text


@pytest.mark.parametrize(
    "estimator",
    [
        Autoencoder(3, loss="huber"),
        VariationalAutoencoder(2),
        AutoencoderOutlierDetector(contamination=0.2),
    ],
)
def test_an_estimator_is_a_diagram_with_its_parameters(estimator):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    for each in (estimator, make_pipeline(StandardScaler(), estimator)):
        html = each._repr_html_()
        assert type(estimator).__name__ in html
        assert "sk-estimator" in html
    # Before 1.7, without this module, scikit-learn lists only parameters that are no defaults.
    if find_spec("sklearn.utils._repr_html"):
        assert "n_components" in estimator._repr_html_()
    for name, default in type(estimator)().get_params().items():
        assert estimator.get_params()[name] == default or name in estimator._repr_html_()
