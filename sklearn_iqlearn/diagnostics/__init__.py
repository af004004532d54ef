"""Looking at demonstrations before a fit."""

from sklearn_iqlearn.diagnostics._check_demonstrations import check_demonstrations

__all__ = ["check_demonstrations"]
