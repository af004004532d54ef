"""Warnings of the package.

Filter them by kind: ``warnings.simplefilter("ignore", DataWarning)``.
"""

from sklearn_iqlearn._coefficients.identification import IdentificationWarning

__all__ = ["DataWarning", "IdentificationWarning"]


class DataWarning(UserWarning):
    """The data of a fit look unlike what they are said to be."""
