"""
Rows that there might be
========================

A variational autoencoder learns a distribution: here digits drawn from it, and a walk from one to
another through the code.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from ae_core import VariationalAutoencoder

X = load_digits().data / 16
model = VariationalAutoencoder(
    6, loss="binary_cross_entropy", scale=None, max_iter=200, random_state=0
).fit(X)
drawn = model.sample(10, random_state=0)
start, end = model.transform(X[[0, 4]])
walk = model.inverse_transform(start + np.linspace(0, 1, 10)[:, None] * (end - start))
figure, axes = plt.subplots(2, 10, figsize=(8, 2))
for row, images in zip(axes, (drawn, walk), strict=True):
    for ax, image in zip(row, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set_axis_off()
plt.show()
