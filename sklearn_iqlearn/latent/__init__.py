"""Kinds of decision makers: ``LatentTypes``, how many there are, and how precisely they are known."""

from sklearn_iqlearn.latent._bootstrap import bootstrap
from sklearn_iqlearn.latent._inference import covariance, summary
from sklearn_iqlearn.latent._selection import TypeSelection, select_types
from sklearn_iqlearn.latent._types import LatentTypes

__all__ = ["LatentTypes", "TypeSelection", "bootstrap", "covariance", "select_types", "summary"]

# Stored models name the class by its public place, wherever its code lies.
LatentTypes.__module__ = "sklearn_iqlearn"
