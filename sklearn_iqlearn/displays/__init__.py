"""Pictures of fits, in scikit-learn's manner: ``from_estimator``, then ``plot``.

Each display keeps what it draws as plain arrays and frames, and after ``plot`` the artists. matplotlib is needed
for ``plot`` alone: ``pip install "sklearn_iqlearn[plot]"``.
"""

from sklearn_iqlearn.displays._coefficients import CoefficientDisplay
from sklearn_iqlearn.displays._convergence import ConvergenceDisplay
from sklearn_iqlearn.displays._counterfactual import CounterfactualDisplay
from sklearn_iqlearn.displays._path import PathDisplay
from sklearn_iqlearn.displays._policy import PolicyDisplay
from sklearn_iqlearn.displays._reliability import ReliabilityDisplay
from sklearn_iqlearn.displays._reward import RewardDisplay
from sklearn_iqlearn.displays._types import TypesDisplay

__all__ = [
    "CoefficientDisplay",
    "ConvergenceDisplay",
    "CounterfactualDisplay",
    "PathDisplay",
    "PolicyDisplay",
    "ReliabilityDisplay",
    "RewardDisplay",
    "TypesDisplay",
]
