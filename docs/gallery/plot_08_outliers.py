"""
Outliers in two dimensions
==========================

Scores of the plane beside an isolation forest's. What a residual can see is how far a point lies from
where the network can reconstruct it.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.ensemble import IsolationForest

from ae_core import AutoencoderOutlierDetector

random = np.random.default_rng(0)
X = np.r_[make_moons(300, noise=0.05, random_state=0)[0], random.uniform(-2, 3, (20, 2))]
grid = np.stack(np.meshgrid(np.linspace(-2.5, 3.5, 60), np.linspace(-2.5, 3.5, 60)), axis=-1)
figure, axes = plt.subplots(1, 2, figsize=(8, 3.6))
for ax, detector in zip(
    axes, (AutoencoderOutlierDetector(random_state=0), IsolationForest(random_state=0)), strict=True
):
    detector.fit(X)
    scores = detector.score_samples(grid.reshape(-1, 2)).reshape(60, 60)
    ranks = scores.ravel().argsort().argsort().reshape(60, 60)
    ax.contourf(grid[..., 0], grid[..., 1], ranks, 12, cmap="Blues_r")
    ax.scatter(*X.T, s=6, c="black")
    ax.set(title=type(detector).__name__, xticks=[], yticks=[])
plt.show()
