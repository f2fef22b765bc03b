"""How the site is built: ``make docs``."""

import os
import re
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import ae_core

project = "ae_core"
author = copyright = "The ae_core developers"
version = release = ae_core.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "gallery/README.txt"]
html_theme = "pydata_sphinx_theme"
html_title = "ae_core"
html_favicon = "_static/icon.svg"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
}
html_context = {"default_mode": "auto"}  # without it the first visit complains on the console
html_sidebars = {"index": []}

autosummary_generate = True
nitpick_ignore_regex = [("py:.*", r"sklearn\..*")]  # there is no network to ask theirs
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
templates_path = ["_templates"]
myst_heading_anchors = 4
# Pages that stand in the repository link to files there.
suppress_warnings = ["myst.xref_missing", "config.cache"]

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"/plot_",
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,  # pages that would load scripts from elsewhere
    "remove_config_comments": True,
    "plot_gallery": "True",
    "abort_on_example_error": True,
    "within_subsection_order": "FileNameSortKey",
}
os.environ.setdefault("OMP_NUM_THREADS", "1")
warnings.filterwarnings("ignore", message=".*is non-interactive, and thus cannot be shown.*")


def thumbnails_have_words(app, doctree, docname):
    """Give the gallery's small pictures the titles of their pages as alternative texts."""
    from docutils import nodes

    for image in doctree.findall(nodes.image):
        name = re.search(r"sphx_glr_(plot_\w+)_thumb", image["uri"])
        if name and not image.get("alt"):
            image["alt"] = app.env.titles[f"auto_gallery/{name[1]}"].astext()


def setup(app):
    app.connect("doctree-resolved", thumbnails_have_words)
