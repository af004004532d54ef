"""Inverse soft-Q learning as a scikit-learn classifier."""

from typing import TYPE_CHECKING

from sklearn_iqlearn._estimator.classifier import IQLearnClassifier
from sklearn_iqlearn._version import __version__

if TYPE_CHECKING:
    from sklearn_iqlearn.latent import LatentTypes

__all__ = ["IQLearnClassifier", "LatentTypes", "__version__"]

# Stored models name the class by its public place, wherever its code lies.
IQLearnClassifier.__module__ = "sklearn_iqlearn"


def __getattr__(name):
    """Load what brings much else with it only when it is asked for."""
    if name == "LatentTypes":
        from sklearn_iqlearn.latent import LatentTypes

        return LatentTypes
    raise AttributeError(f"module 'sklearn_iqlearn' has no attribute {name!r}.")
