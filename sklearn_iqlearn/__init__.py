"""Inverse soft-Q learning as a scikit-learn classifier."""

from sklearn_iqlearn._estimator.classifier import IQLearnClassifier
from sklearn_iqlearn._version import __version__
from sklearn_iqlearn.latent import LatentTypes

__all__ = ["IQLearnClassifier", "LatentTypes", "__version__"]

# Stored models name the class by its public place, wherever its code lies.
IQLearnClassifier.__module__ = "sklearn_iqlearn"
