"""From raw records to states and transitions."""

from sklearn_iqlearn.preprocessing._count import count_decisions
from sklearn_iqlearn.preprocessing._encoder import StateEncoder
from sklearn_iqlearn.preprocessing._estimate import estimate_transitions
from sklearn_iqlearn.preprocessing._gymnasium import from_gymnasium
from sklearn_iqlearn.preprocessing._hats import Hats
from sklearn_iqlearn.preprocessing._polynomials import Polynomials
from sklearn_iqlearn.preprocessing._renewal import renewal_transitions
from sklearn_iqlearn.preprocessing._splines import Splines
from sklearn_iqlearn.preprocessing._time import with_time
from sklearn_iqlearn.preprocessing._transition_estimator import TransitionEstimator

__all__ = [
    "Hats",
    "Polynomials",
    "Splines",
    "StateEncoder",
    "TransitionEstimator",
    "count_decisions",
    "estimate_transitions",
    "from_gymnasium",
    "renewal_transitions",
    "with_time",
]
