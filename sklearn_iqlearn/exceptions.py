"""Warnings of the package.

Filter them by kind: ``warnings.simplefilter("ignore", DataWarning)``.
"""

__all__ = ["DataWarning", "IdentificationWarning"]


class DataWarning(UserWarning):
    """The data of a fit look unlike what they are said to be."""


class IdentificationWarning(UserWarning):
    """Some directions of the coefficients change no policy, so that no decisions can tell them."""
