"""From raw records to states and transitions."""

from sklearn_iqlearn.preprocessing._renewal import renewal_transitions

__all__ = ["renewal_transitions"]
