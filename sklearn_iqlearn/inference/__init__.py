"""Standard errors, intervals and tables for fitted estimators.

Analytic covariances (``covariance``) for fits whose parameters are few: ``q_type="structural"`` and ``"linear"``.
The bootstrap over trajectories (``bootstrap``) for everything that a fit can answer. ``summary`` is the table of
either.
"""

from sklearn_iqlearn.inference._bootstrap import Resampled, bootstrap
from sklearn_iqlearn.inference._covariance import covariance
from sklearn_iqlearn.inference._summary import summary

__all__ = ["Resampled", "bootstrap", "covariance", "summary"]
