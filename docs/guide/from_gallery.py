"""Pictures of the gallery, small, for pages that are read where the built site is not.

``python docs/guide/from_gallery.py`` runs the gallery's programs and keeps a figure of each.
"""

import io
import runpy
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from page import save

GALLERY = Path(__file__).parents[1] / "gallery"
PICTURES = {
    "question": "plot_01_question",
    "how": "plot_05_filters",
    "variational": "plot_06_variational",
    "coming-from": "plot_08_outliers",
}


def main():
    warnings.filterwarnings("ignore", message=".*non-interactive.*")
    for page, program in PICTURES.items():
        plt.close("all")
        runpy.run_path(str(GALLERY / f"{program}.py"))
        figure = plt.figure(plt.get_fignums()[0])
        figure.savefig(io.BytesIO(), bbox_inches="tight")  # lays out what is drawn
        save(figure, Path(__file__).with_name(f"{page}.py"), dpi=100)


if __name__ == "__main__":
    main()
