"""Dense autoencoders: compiled networks, their NumPy reference, and checks that find what is wrong.

>>> from ae_core import Autoencoder, AutoencoderOutlierDetector  # scikit-learn estimators
>>> from ae_core import Adam, Architecture, Network, check_gradient, train  # what they are made of
"""

from typing import TYPE_CHECKING, Any

from . import reference
from .basics.version import __version__ as __version__
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

if TYPE_CHECKING:
    from .data.blocks import Blocks
    from .data.windows import errors_by_lag, scores_over_time, windows
    from .diagnosis.data_report import DataReport, diagnose_data
    from .diagnosis.diagnose import diagnose
    from .diagnosis.gradient_check import check_gradient
    from .diagnosis.gradient_findings import GradientCheck
    from .diagnosis.result import Diagnosis
    from .displays.code import CodeDisplay
    from .displays.imputation import ImputationDisplay
    from .displays.loss_curve import LossCurveDisplay
    from .displays.outliers import OutlierDisplay
    from .displays.reconstruction import ReconstructionDisplay
    from .estimators.autoencoder import Autoencoder
    from .estimators.checkpoints import Checkpoint
    from .estimators.fit_warnings import NotLearningWarning
    from .estimators.imputer import AutoencoderImputer
    from .estimators.load import load
    from .estimators.outliers import AutoencoderOutlierDetector
    from .estimators.variational import VariationalAutoencoder
    from .files.model_file import ModelFileError
    from .formulas.solvers import SGD, Adam, AdamW, RMSprop
    from .serving.predictor import Predictor
    from .training.loop import train
    from .training.progress import History, NonFiniteLossError, Progress

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Architecture",
    "Autoencoder",
    "AutoencoderImputer",
    "AutoencoderOutlierDetector",
    "Blocks",
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
    "Predictor",
    "Progress",
    "RMSprop",
    "ReconstructionDisplay",
    "VariationalAutoencoder",
    "check_gradient",
    "diagnose",
    "diagnose_data",
    "errors_by_lag",
    "load",
    "reference",
    "scores_over_time",
    "train",
    "windows",
]

# Loaded on first use: importing scikit-learn takes longer than most things done with a network,
# and who only uses a saved one needs nothing of training.
_LATER = {
    "Adam": "formulas.solvers",
    "AdamW": "formulas.solvers",
    "Autoencoder": "estimators.autoencoder",
    "AutoencoderImputer": "estimators.imputer",
    "AutoencoderOutlierDetector": "estimators.outliers",
    "Blocks": "data.blocks",
    "Checkpoint": "estimators.checkpoints",
    "CodeDisplay": "displays.code",
    "DataReport": "diagnosis.data_report",
    "Diagnosis": "diagnosis.result",
    "GradientCheck": "diagnosis.gradient_findings",
    "History": "training.progress",
    "ImputationDisplay": "displays.imputation",
    "LossCurveDisplay": "displays.loss_curve",
    "ModelFileError": "files.model_file",
    "OutlierDisplay": "displays.outliers",
    "NonFiniteLossError": "training.progress",
    "NotLearningWarning": "estimators.fit_warnings",
    "Predictor": "serving.predictor",
    "Progress": "training.progress",
    "RMSprop": "formulas.solvers",
    "ReconstructionDisplay": "displays.reconstruction",
    "SGD": "formulas.solvers",
    "VariationalAutoencoder": "estimators.variational",
    "check_gradient": "diagnosis.gradient_check",
    "diagnose": "diagnosis.diagnose",
    "diagnose_data": "diagnosis.data_report",
    "errors_by_lag": "data.windows",
    "load": "estimators.load",
    "scores_over_time": "data.windows",
    "train": "training.loop",
    "windows": "data.windows",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(f".{_LATER[name]}", __name__), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
