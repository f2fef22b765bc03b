"""
An outlier, explained
=====================

Which measurements make the most unusual tumour unusual.
"""

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from ae_core import AutoencoderOutlierDetector

X = load_breast_cancer(as_frame=True).data
detector = AutoencoderOutlierDetector(random_state=0).fit(X)
oddest = detector.score_samples(X).argmin()
shares = np.asarray(detector.explain(X.iloc[[oddest]]))[0]
first = shares.argsort()[-6:]
figure, ax = plt.subplots(figsize=(6, 2.6))
ax.barh(X.columns[first], shares[first])
ax.set(xlabel="how unusual, beside the column's usual", title=f"row {oddest}")
figure.tight_layout()
plt.show()
