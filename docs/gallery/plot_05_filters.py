"""
Plain, sparse and contractive features
======================================

What sixteen code units look for in a digit, with three different things asked of the code.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from ae_core import Autoencoder

X = load_digits().data / 16
common = {
    "hidden_layer_sizes": (),
    "code_activation": "logistic",
    "scale": None,
    "max_iter": 200,
    "random_state": 0,
}
asked = {
    "plain": {},
    "sparse": {"sparsity": 0.3, "sparsity_target": 0.05},
    "contractive": {"contraction": 0.05},
}
figure, axes = plt.subplots(3, 16, figsize=(10, 2.4))
for row, (name, options) in zip(axes, asked.items(), strict=True):
    model = Autoencoder(16, **common, **options).fit(X)
    row[0].set_title(name, loc="left", fontsize=9)
    for ax, weights in zip(row, model.network_.weights["W1"].T, strict=True):
        ax.imshow(
            weights.reshape(8, 8), cmap="RdBu", vmin=-abs(weights).max(), vmax=abs(weights).max()
        )
        ax.set_axis_off()
plt.show()
