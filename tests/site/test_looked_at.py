"""The built site, opened in a browser: ``make docs look``.

Skipped where it is not built in build/site, or where Chromium is not installed.
"""

import functools
import http.server
import os
import threading
from pathlib import Path

import browser
import pytest

SITE = Path(__file__).parents[2] / "build" / "site"
if "AE_CORE_LOOK" not in os.environ:
    pytest.skip("make look opens the built site", allow_module_level=True)
if not (SITE / "index.html").exists():
    pytest.skip("the site is not built: make docs", allow_module_level=True)
if browser.PROGRAM is None:
    pytest.skip("Chromium is not installed", allow_module_level=True)

PAGES = sorted(
    str(path.relative_to(SITE))
    for path in SITE.rglob("*.html")
    if path.relative_to(SITE).parts[0] not in ("_static", "_modules")
)
PICTURES = SITE.parent / "looked_at"
"""Where pictures of some pages go, for people to look at."""
SHOWN = (
    "index.html",
    "guide/outliers.html",
    "auto_gallery/index.html",
    "api.html",
    "guide/index.html",
    "auto_gallery/plot_11_diagnosis.html",
    "generated/ae_core.Autoencoder.html",
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address():
    """The site, served as it would be elsewhere."""
    handler = functools.partial(Quiet, directory=str(SITE))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def chromium():
    opened = browser.Browser()
    yield opened
    opened.close()


def test_there_are_the_pages_that_there_should_be():
    assert len(PAGES) > 60
    assert {"index.html", "guide/missing.html", "generated/ae_core.Autoencoder.html"} <= set(PAGES)


def picture(chromium, page, name):
    """The page as it is now, for people to look at."""
    if page in SHOWN:
        PICTURES.mkdir(exist_ok=True)
        stem = page.removesuffix(".html").replace("/", "_")
        chromium.picture(PICTURES / f"{stem}_{name}.png")


@pytest.mark.parametrize("page", PAGES)
def test_a_page(address, chromium, page):
    chromium.open(f"{address}/{page}", width=1400)
    assert chromium.errors == []
    assert [url for url in chromium.requests if not url.startswith((address, "data:"))] == []
    assert chromium.run("document.title")
    assert chromium.run("document.documentElement.dataset.theme") == "light"
    assert chromium.run(browser.WITHOUT_WORDS) == []
    chromium.run("document.querySelectorAll('img').forEach(each => each.loading = 'eager')")
    chromium.wait_for("[...document.images].every(each => each.complete)")
    assert chromium.run(browser.BROKEN) == []
    assert chromium.run(browser.ILLEGIBLE) == []
    assert chromium.run(browser.TOO_WIDE) == []
    picture(chromium, page, "light")
    chromium.resize(400)
    assert chromium.run(browser.TOO_WIDE) == []
    picture(chromium, page, "400")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_legible_in_dark_mode(address, chromium, page):
    chromium.open(f"{address}/{page}", dark=True)
    assert chromium.run("document.documentElement.dataset.theme") == "dark"
    assert chromium.run(browser.ILLEGIBLE) == []
    picture(chromium, page, "dark")


@pytest.mark.parametrize(
    ("words", "page"),
    [("impute", "missing"), ("outliers", "guide/outliers"), ("check_gradient", "check_gradient")],
)
def test_the_search_finds(address, chromium, words, page):
    chromium.open(f"{address}/search.html?q={words}")
    found = chromium.wait_for(
        "document.querySelector('#search-results .search-summary, #search-results p')"
        " && [...document.querySelectorAll('#search-results li a')].map(a => a.href)"
    )
    chromium.wait_for(
        "[...document.querySelectorAll('#search-results li a')]"
        f".some(a => a.href.includes('{page}'))"
    )
    assert found is not None
    assert chromium.errors == []
