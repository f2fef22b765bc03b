"""
Digits through eight numbers
============================

Each digit of 64 pixels is kept as eight numbers, and drawn again from them.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from ae_core import Autoencoder

X = load_digits().data
model = Autoencoder(8, max_iter=100, random_state=0).fit(X[:1500])
shown = X[1500:1510]
figure, axes = plt.subplots(2, 10, figsize=(8, 2))
for row, images in zip(axes, (shown, model.reconstruct(shown)), strict=True):
    for ax, image in zip(row, images, strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set_axis_off()
plt.show()
