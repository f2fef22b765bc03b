"""Dense autoencoders: compiled networks, their NumPy reference, and checks that find what is wrong.

>>> from ae_core import Autoencoder, AutoencoderOutlierDetector  # scikit-learn estimators
>>> from ae_core import Adam, Architecture, Network, check_gradient, train  # what they are made of
"""

from typing import TYPE_CHECKING, Any

from . import reference
from .basics.version import __version__ as __version__
from .diagnosis.gradient_check import check_gradient
from .diagnosis.gradient_findings import GradientCheck
from .network.architecture import Architecture

try:
    from .network.compiled import Network
except ImportError as error:
    if not (error.name or "").startswith("ae_core._engine"):
        raise
    raise ImportError(
        f"the engine of ae_core is not compiled in {__path__[0]}. In a clone, install with "
        "pip install -e . there, or start Python from another folder to use an installed ae_core."
    ) from None
from .formulas.solvers import SGD, Adam, AdamW, RMSprop
from .training.loop import train
from .training.progress import History, NonFiniteLossError, Progress

if TYPE_CHECKING:
    from .diagnosis.data_report import DataReport, diagnose_data
    from .diagnosis.diagnose import Diagnosis, diagnose
    from .displays.code import CodeDisplay
    from .displays.imputation import ImputationDisplay
    from .displays.loss_curve import LossCurveDisplay
    from .displays.outliers import OutlierDisplay
    from .displays.reconstruction import ReconstructionDisplay
    from .estimators.autoencoder import Autoencoder
    from .estimators.checkpoints import Checkpoint
    from .estimators.fitting import NotLearningWarning
    from .estimators.load import load
    from .estimators.outliers import AutoencoderOutlierDetector
    from .estimators.variational import VariationalAutoencoder
    from .files.model_file import ModelFileError


__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Architecture",
    "Autoencoder",
    "AutoencoderOutlierDetector",
    "Checkpoint",
    "CodeDisplay",
    "DataReport",
    "Diagnosis",
    "GradientCheck",
    "History",
    "ImputationDisplay",
    "LossCurveDisplay",
    "ModelFileError",
    "Network",
    "NonFiniteLossError",
    "NotLearningWarning",
    "OutlierDisplay",
    "Progress",
    "RMSprop",
    "ReconstructionDisplay",
    "VariationalAutoencoder",
    "check_gradient",
    "diagnose",
    "diagnose_data",
    "load",
    "reference",
    "train",
]

# Loaded on first use: importing scikit-learn takes longer than most things done with a network.
_LATER = {
    "Autoencoder": "estimators.autoencoder",
    "AutoencoderOutlierDetector": "estimators.outliers",
    "Checkpoint": "estimators.checkpoints",
    "CodeDisplay": "displays.code",
    "DataReport": "diagnosis.data_report",
    "Diagnosis": "diagnosis.diagnose",
    "ImputationDisplay": "displays.imputation",
    "LossCurveDisplay": "displays.loss_curve",
    "ModelFileError": "files.model_file",
    "OutlierDisplay": "displays.outliers",
    "NotLearningWarning": "estimators.fitting",
    "ReconstructionDisplay": "displays.reconstruction",
    "VariationalAutoencoder": "estimators.variational",
    "diagnose": "diagnosis.diagnose",
    "diagnose_data": "diagnosis.data_report",
    "load": "estimators.load",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
