"""
Digits through eight numbers
============================

Each digit of 64 pixels is kept as eight numbers, and drawn again from them.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from ae_core import Autoencoder, CodeDisplay, ReconstructionDisplay

X, y = load_digits(return_X_y=True)
model = Autoencoder(8, max_iter=100, random_state=0).fit(X[:1500])
figure, ax = plt.subplots(figsize=(9, 2.2), layout="constrained")
ReconstructionDisplay.from_estimator(model, X[1500:], image_shape=(8, 8), ax=ax)
plt.show()

# %%
# Where they lie, by the first two principal components of those eight numbers:
figure, ax = plt.subplots(layout="constrained")
CodeDisplay.from_estimator(model, X[1500:], y[1500:], ax=ax)
plt.show()
