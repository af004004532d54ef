"""From raw records to states and transitions."""

from sklearn_iqlearn.preprocessing._renewal import renewal_transitions
from sklearn_iqlearn.preprocessing._time import with_time

__all__ = ["renewal_transitions", "with_time"]
