"""scikit-learn's own checks, over every Q-function, divergence, solver and value term."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_iqlearn import IQLearnClassifier

# Small and short, so that the checks that train a network end in convergence, not at max_iter.
ADAM = {"learning_rate": 0.05, "tol": 1e-2, "hidden_layer_sizes": (16,)}

ESTIMATORS = [
    IQLearnClassifier(),
    IQLearnClassifier(discount=0.0),
    IQLearnClassifier(discount=0.99, value_term="initial"),
    IQLearnClassifier(alpha=float("inf")),
    *(IQLearnClassifier(divergence=divergence) for divergence in ("tv", "simple", "hellinger", "kl", "js")),
    IQLearnClassifier(q_type="tabular"),
    IQLearnClassifier(q_type="tabular", divergence="tv", discount=0.99, value_term="initial"),
    IQLearnClassifier(q_type="linear", solver="lbfgs"),
    IQLearnClassifier(q_type="linear", solver="adam", **ADAM),
    IQLearnClassifier(q_type="tabular", solver="lbfgs", divergence="hellinger"),
    IQLearnClassifier(q_type="neural", **ADAM),
    IQLearnClassifier(q_type="neural", solver="lbfgs", hidden_layer_sizes=(8,), tol=1e-2),
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


def test_the_list_covers_every_option():
    from sklearn_iqlearn._objective.divergences import DIVERGENCES
    from sklearn_iqlearn._objective.objective import VALUE_TERMS
    from sklearn_iqlearn._q_functions import Q_FUNCTIONS
    from sklearn_iqlearn._solvers.path import SOLVERS

    for name, options in {
        "divergence": DIVERGENCES,
        "value_term": VALUE_TERMS,
        "q_type": set(Q_FUNCTIONS) - {"structural"},  # it needs transitions, which the checks do not have
        "solver": {"auto", *SOLVERS} - {"newton"},
    }.items():
        assert set(options) <= {getattr(estimator, name) for estimator in ESTIMATORS}


@pytest.mark.parametrize("q_type", ["linear", "tabular"])
def test_auto_is_newton(q_type):
    data = [[0.0], [1.0], [1.0], [0.5]], [0, 1, 0, 1]
    auto = IQLearnClassifier(q_type=q_type).fit(*data)
    newton = IQLearnClassifier(q_type=q_type, solver="newton").fit(*data)
    assert (auto.q_table_ == newton.q_table_).all()
