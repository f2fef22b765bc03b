"""
Taking noise out
================

Trained to undo noise, a network takes it out of digits that it has never seen.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from ae_core import Autoencoder

X = load_digits().data / 16
noisy = X[1500:] + np.random.default_rng(0).normal(0, 0.25, X[1500:].shape)
options = {"hidden_layer_sizes": (128,), "scale": None, "max_iter": 150, "random_state": 0}
plain = Autoencoder(32, **options).fit(X[:1500])
denoising = Autoencoder(32, corruption="gaussian", corruption_level=0.25, **options).fit(X[:1500])
rows = {
    "as it was": X[1500:],
    "with noise": noisy,
    "plain": plain.reconstruct(noisy),
    "denoising": denoising.reconstruct(noisy),
}
figure, axes = plt.subplots(4, 8, figsize=(7, 3.6))
for row, (name, images) in zip(axes, rows.items(), strict=True):
    row[0].set_title(name, loc="left", fontsize=9)
    for ax, image in zip(row, images, strict=False):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set_axis_off()
figure.tight_layout()
plt.show()
