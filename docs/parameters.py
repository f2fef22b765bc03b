"""Writes docs/parameters.md, the tables of the estimators' parameters, from their records.

python docs/parameters.py
"""

from pathlib import Path

from ae_core.estimators.constructors import (
    AutoencoderParameters,
    DataParameters,
    LayerParameters,
    TrainingParameters,
    VariationalParameters,
)
from ae_core.estimators.detector_parameters import DetectorParameters
from ae_core.estimators.imputer_parameters import ImputerParameters
from ae_core.estimators.records import parameters_of

SECTIONS = (
    ("`Autoencoder` and `VariationalAutoencoder`: the network", LayerParameters),
    ("Both: training", TrainingParameters),
    ("Both: data", DataParameters),
    ("`Autoencoder` alone", AutoencoderParameters),
    ("`VariationalAutoencoder` alone, or narrower there", VariationalParameters),
    ("`AutoencoderOutlierDetector`", DetectorParameters),
    ("`AutoencoderImputer`", ImputerParameters),
)

HEAD = """# Parameters of the estimators

Written by `python docs/parameters.py` from the records in `ae_core/estimators/constructors.py`,
`detector_parameters.py` and `imputer_parameters.py`, of which the constructors, their checks and the options of `ae-core fit`
are made, too. `help(Autoencoder)` says more of each. All but the first are given by name.
"""


def page() -> str:
    """The text of docs/parameters.md."""
    parts = [HEAD]
    for title, group in SECTIONS:
        parts += [f"\n## {title}\n\n| parameter | default | may be | |\n|---|---|---|---|\n"]
        parts += [
            f"| `{r.name}` | `{r.default!r}` | {r.check.words} | {r.meaning} |\n"
            for r in parameters_of(group)
        ]
    return "".join(parts)


if __name__ == "__main__":
    Path(__file__).with_suffix(".md").write_text(page(), encoding="utf-8")
