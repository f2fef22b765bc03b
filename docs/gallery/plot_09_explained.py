"""
An outlier, explained
=====================

How unusual tumours are, where the threshold lies, and which measurements make the oddest ones odd.
"""

# %%
import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer

from ae_core import AutoencoderOutlierDetector, OutlierDisplay

X = load_breast_cancer(as_frame=True).data
detector = AutoencoderOutlierDetector(random_state=0).fit(X)
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
OutlierDisplay.from_estimator(detector, X, ax=axes)
plt.show()

# %%
# The same in numbers: the columns with the largest parts of the oddest row's score.
oddest = detector.score_samples(X).argmin()
detector.explain(X.iloc[[oddest]]).iloc[0].nlargest(5)
