"""What the programs beside the guide's pages share.

A page NAME.md that compares has a program NAME.py: ``python docs/guide/NAME.py`` prints the page's
table and draws its picture, NAME.png, both from the same numbers.
"""

import io
import os
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before NumPy is loaded

from ae_core.displays.figures import COLORS, GREY, INK, head, new_figure  # noqa: E402

__all__ = ["COLORS", "GREY", "INK", "head", "new_figure", "print_table", "save"]

LARGEST = 60_000
"""Bytes of a picture: pages are read over telephones, too."""


def print_table(header, rows):
    """Markdown: the first column to the left, figures to the right."""
    print("| " + " | ".join(header) + " |")
    print("|---|" + "--:|" * (len(header) - 1))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


def save(figure, program, dpi=110):
    """Write a picture beside its program, in at most 128 colours."""
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=dpi, facecolor="white")  # a white ground: legible in dark mode, too
    picture = Image.open(drawn).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    path = Path(program).with_suffix(".png")
    picture.save(path, optimize=True)
    size = path.stat().st_size
    assert size <= LARGEST, f"{path.name} has {size} bytes"
    print(f"\n{path.name}: {size / 1000:.0f} kB")
