"""
A map of the code, beside PCA and t-SNE
=======================================

Two numbers for each digit, by three methods. t-SNE has no place for new rows; the others have.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from ae_core import Autoencoder

X, y = load_digits(return_X_y=True)
X, y = X[:800], y[:800]
maps = {
    "PCA": PCA(2).fit_transform(X),
    "autoencoder": Autoencoder(2, max_iter=200, random_state=0).fit_transform(X),
    "t-SNE": TSNE(init="pca", random_state=0).fit_transform(X),
}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.4))
for ax, (name, points) in zip(axes, maps.items(), strict=True):
    ax.scatter(*points.T, c=y, cmap="tab10", s=6)
    ax.set(title=name, xticks=[], yticks=[])
plt.show()
