"""
Missing values, beside three imputers
=====================================

A fifth of a table hidden at random, and filled in five ways: the error of what was hidden.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer
from sklearn.preprocessing import StandardScaler

from ae_core import Autoencoder, AutoencoderImputer, ImputationDisplay

X = StandardScaler().fit_transform(load_breast_cancer().data)
hidden = np.random.default_rng(0).random(X.shape) < 0.2
table = np.where(hidden, np.nan, X)
model = Autoencoder(8, missing_values="mask", corruption="masking", random_state=0)
filled = {
    "mean": SimpleImputer().fit_transform(table),
    "5 neighbours": KNNImputer().fit_transform(table),
    "iterative, ridge": IterativeImputer(max_iter=5, random_state=0, tol=1).fit_transform(table),
    "Autoencoder": model.fit(table).impute(table),
    "AutoencoderImputer": AutoencoderImputer(random_state=0).fit_transform(table),
}
errors = {name: np.sqrt(((Y - X)[hidden] ** 2).mean()) for name, Y in filled.items()}
figure, ax = plt.subplots(figsize=(6, 2.4))
ax.barh(list(errors), list(errors.values()))
ax.set(xlabel="root mean squared error of hidden entries, in standard deviations")
figure.tight_layout()
plt.show()

# %%
# Entry by entry: the true values from left to right, those filled in from below upwards.
figure, ax = plt.subplots(figsize=(5, 4.6), layout="constrained")
ImputationDisplay.from_estimator(model, table, X_true=X, ax=ax)
plt.show()
