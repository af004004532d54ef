"""Warnings of the package.

Filter them by kind: ``warnings.simplefilter("ignore", DataWarning)``.
"""

__all__ = ["DataWarning", "IdentificationWarning"]


class DataWarning(UserWarning):
    """The data of a fit look unlike what they are said to be.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_iqlearn.exceptions import DataWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", DataWarning)  # a fit that doubts its data is none
    """


class IdentificationWarning(UserWarning):
    """Some directions of the coefficients change no policy, so that no decisions can tell them.

    Examples
    --------
    >>> import warnings
    >>> from sklearn_iqlearn.exceptions import IdentificationWarning
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", IdentificationWarning)  # only contrasts will be read
    """
