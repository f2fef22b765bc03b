"""Draws the README's pictures anew, from data that comes with scikit-learn: python docs/pictures.py."""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

from ae_core import (
    Autoencoder,
    AutoencoderOutlierDetector,
    ImputationDisplay,
    LossCurveDisplay,
    OutlierDisplay,
)

HERE = Path(__file__).parent
sys.path.append(str(HERE / "guide"))
from page import save  # noqa: E402


def outliers(X):
    """Scores, threshold and reasons."""
    detector = AutoencoderOutlierDetector(random_state=0).fit(X)
    return OutlierDisplay.from_estimator(detector, X).figure_


def missing(X):
    """True values against those filled in, of entries that were hidden."""
    hidden = np.random.default_rng(0).random(X.shape) < 0.3
    table = X.mask(hidden)
    model = Autoencoder(8, missing_values="mask", corruption="masking", random_state=0).fit(table)
    return ImputationDisplay.from_estimator(model, table, X_true=X).figure_


def learning(X):
    """The loss beside the column mean and PCA: of the defaults, and of a rate that is too small."""
    healthy = Autoencoder(8, random_state=0).fit(X)
    small = Autoencoder(8, learning_rate_init=1e-4, random_state=0).fit(X)
    baselines = healthy.diagnose(X, trials=False).baselines
    curves = {"defaults": healthy.loss_curve_, "a rate too small": small.loss_curve_}
    return LossCurveDisplay(curves, baselines=baselines).plot().figure_


def main():
    """Draw all of them."""
    X = load_breast_cancer(as_frame=True).data
    for draw in (outliers, missing, learning):
        save(draw(X), HERE / f"{draw.__name__}.py")


if __name__ == "__main__":
    main()
