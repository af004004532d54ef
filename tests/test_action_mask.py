"""Actions that do not exist in some states of known transitions."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from problems import DIVERGENCES, as_rows, random_problem
from scipy.special import expit
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from sklearn_iqlearn import IQLearnClassifier, inference, rewards

S, A, DISCOUNT = 20, 4, 0.9


def masked_problem(seed=0, n_states=6, n_actions=4, n_exist=None):
    """Transitions, counts where actions exist, features (S, A, 3) and the mask, of ``n_exist`` actions each."""
    transitions, counts, _ = random_problem(seed, n_states, n_actions, ending=True)
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(n_actions), (n_states, 1)), axis=1)
    mask = order < (rng.integers(1, n_actions + 1, size=(n_states, 1)) if n_exist is None else n_exist)
    return transitions, (counts + 1) * mask, rng.normal(size=(n_states, n_actions, 3)), mask


def fitted(transitions, counts, **settings):
    X, y, weight = as_rows(counts)
    return IQLearnClassifier(transitions, **({"discount": DISCOUNT} | settings)).fit(X, y, weight)


FORMS = [
    ("tabular", {}),
    *[("tabular", {"divergence": name, "alpha": 1.5}) for name in DIVERGENCES],
    ("tabular", {"value_term": "initial"}),
    ("linear", {"alpha": 2.0}),
    ("linear", {"alpha": np.inf, "C": 3.0}),
    ("structural", {}),
    ("structural", {"alpha": 2.0}),
    ("neural", {"random_state": 0, "max_iter": 30}),
]


@pytest.mark.filterwarnings("ignore:IQLearnClassifier did not converge")
@pytest.mark.parametrize(("form", "settings"), FORMS)
def test_a_mask_of_all_changes_nothing(form, settings):
    transitions, counts, features, _ = masked_problem(n_exist=4)
    settings = settings | {"q_type": form, "features": features if form != "neural" else features[:, 0]}
    with_mask = fitted(transitions, counts, action_mask=np.ones(counts.shape, dtype=bool), **settings)
    without = fitted(transitions, counts, **settings)
    for name in ("q_table_", "policy_", "reward_", "value_", "objective_", "n_iter_", "state_action_coverage_"):
        assert_array_equal(getattr(with_mask, name), getattr(without, name), name)


def without_pairs(mask, transitions, counts, features):
    """The same problem with the pairs deleted by hand: action j of a state is the j-th that exists there."""
    n_exist = mask[0].sum()
    kept = np.nonzero(mask)[1].reshape(len(mask), n_exist)
    states = np.arange(len(mask))[:, None]
    smaller = transitions[kept.T, np.arange(len(mask))[None]]
    return smaller, counts[states, kept], features[states, kept], (states, kept)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("form", "settings"), FORMS[:-1])
def test_pairs_deleted_by_hand(form, settings, sparse):
    transitions, counts, features, mask = masked_problem(n_exist=2)
    smaller, fewer, their_features, pairs = without_pairs(mask, transitions, counts, features)
    given = [sp.csr_array(matrix) for matrix in transitions] if sparse else transitions
    settings = settings | {"q_type": form, "fit_intercept": False, "tol": 1e-11}
    masked = fitted(given, counts, action_mask=mask, features=features, **settings)
    by_hand = fitted(smaller, fewer, features=their_features, **settings)
    assert masked.converged_
    assert_allclose(masked.policy_[pairs], by_hand.policy_, rtol=0, atol=1e-12)
    assert_allclose(masked.reward_[pairs], by_hand.reward_, rtol=0, atol=1e-12)
    assert_allclose(masked.objective_, by_hand.objective_, rtol=1e-12)
    assert_allclose(masked.reward_coef_, by_hand.reward_coef_, rtol=1e-9)
    for found in (masked.policy_, rewards.occupancy(masked), rewards.occupancy(masked, long_run=True)):
        assert_array_equal(found[~mask], 0)
    assert_allclose(rewards.occupancy(masked)[pairs], rewards.occupancy(by_hand), rtol=0, atol=1e-12)
    assert_array_equal(masked.q_table_[~mask], -np.inf)
    assert_array_equal(masked.reward_[~mask], -np.inf)
    X, y, weight = as_rows(counts)
    Z, z, their_weight = as_rows(fewer)
    assert_allclose(masked.bic(X, y, weight), by_hand.bic(Z, z, their_weight), rtol=1e-12)
    assert masked.state_action_coverage_ == by_hand.state_action_coverage_ == 1
    dearer = {"reward_coef": np.array([1.0, -0.5, 0.8]), "discount": 0.5}
    assert_allclose(
        masked.counterfactual(**dearer).policy_[pairs], by_hand.counterfactual(**dearer).policy_, atol=1e-13
    )


@pytest.mark.parametrize("form", ["structural", "linear"])
def test_covariance_of_pairs_deleted_by_hand(form):
    transitions, counts, features, mask = masked_problem(n_exist=3)
    smaller, fewer, their_features, _ = without_pairs(mask, transitions, counts, features)
    settings = {"q_type": form, "alpha": np.inf, "fit_intercept": False}
    masked = fitted(transitions, counts, action_mask=mask, features=features, **settings)
    by_hand = fitted(smaller, fewer, features=their_features, **settings)
    for kind in ("observed", "opg", "sandwich"):
        found = inference.covariance(masked, *as_rows(counts), kind=kind)
        assert_allclose(found, inference.covariance(by_hand, *as_rows(fewer), kind=kind), rtol=1e-8)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_optimum_by_automatic_differentiation(divergence, seed):
    transitions, counts, _, mask = masked_problem(seed)
    settings = {"action_mask": mask, "divergence": divergence, "alpha": 3.0}
    newton = fitted(transitions, counts, **settings)
    lbfgs = fitted(transitions, counts, solver="lbfgs", **settings)
    assert newton.converged_
    # The tolerance of L-BFGS is a gradient of 1e-6; "tv" is all but flat inside its bounds.
    assert_allclose(lbfgs.policy_, newton.policy_, atol=2e-4)
    assert_allclose(lbfgs.objective_, newton.objective_, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:IQLearnClassifier did not converge")
@pytest.mark.parametrize("solver", ["newton", "lbfgs", "adam"])
@pytest.mark.parametrize("form", ["tabular", "linear", "neural"])
def test_exactly_nothing_on_pairs_that_do_not_exist(form, solver):
    if form == "neural" and solver == "newton":
        solver = "auto"
    transitions, counts, features, mask = masked_problem(1)
    settings = {"q_type": form, "solver": solver, "max_iter": 20, "action_mask": mask, "random_state": 0}
    model = fitted(transitions, counts, features=features[:, 0], **settings)
    X = np.arange(len(counts))[:, None]
    assert_array_equal(model.predict_proba(X)[~mask], 0)
    assert_array_equal(model.predict_log_proba(X)[~mask], -np.inf)
    assert_array_equal(model.q_values(X)[~mask], -np.inf)
    assert mask[X[:, 0], model.predict(X)].all()
    assert_allclose(model.policy_.sum(axis=1), 1)


def test_coefficients_where_actions_do_not_exist():
    rng = np.random.default_rng(0)
    transitions = rng.dirichlet(np.full(S, 0.3), size=(A, S))
    mask = rng.random((S, A)) > 0.4
    mask[np.arange(S), rng.integers(A, size=S)] = True
    features, coef = rng.normal(size=(S, A, 3)), np.array([1, -0.5, 0.8])
    model = IQLearnClassifier(
        transitions, discount=DISCOUNT, q_type="structural", features=features, action_mask=mask
    )
    first = IQLearnClassifier(
        transitions, discount=DISCOUNT, features=features, action_mask=mask, q_type="tabular"
    )
    truth = first.fit([[0]], [np.argmax(mask[0])]).counterfactual(reward_coef=coef)
    data = truth.sample(600, 100, random_state=0)
    assert mask[data["state"], data["action"]].all()
    X, y = data[["state"]], data["action"]
    found = model.fit(X, y, trajectory=data["trajectory"])
    assert_allclose(found.coef_, coef, atol=0.03)
    table = first.fit(X, y)
    assert_allclose(table.reward_coef_, found.coef_, atol=1e-6)
    unmasked = clone(found).set_params(action_mask=None).fit(X, y)
    assert np.abs(unmasked.coef_ - coef).max() > 0.2  # the reason for masks


@pytest.mark.parametrize("sparse", [False, True])
def test_what_is_told_of_other_pairs_is_not_read(sparse):
    transitions, counts, features, mask = masked_problem(2)
    base = np.random.default_rng(0).normal(size=mask.shape)
    settings = {"action_mask": mask, "q_type": "structural"}
    found = []
    for other in (0.0, np.nan):
        kernel = np.where(mask.T[..., None], transitions, other)
        kernel = [sp.csr_array(matrix) for matrix in kernel] if sparse else kernel
        told = [np.where(exists, table, other) for exists, table in ((mask[..., None], features), (mask, base))]
        found.append(fitted(kernel, counts, features=told[0], base_reward=told[1], **settings))
    assert_array_equal(found[0].q_table_, found[1].q_table_)
    assert_array_equal(
        found[0].counterfactual(reward_coef=[1, 2, 3]).policy_,
        found[1].counterfactual(reward_coef=[1, 2, 3]).policy_,
    )


def test_what_is_forbidden_later_and_a_mask_are_one():
    transitions, counts, features, mask = masked_problem(3)
    later = mask.copy()
    later[0, np.flatnonzero(mask[0])[1:]] = False
    model = fitted(transitions, counts, action_mask=mask, features=features, q_type="tabular")
    told = model.counterfactual(forbid=~later)
    both = model.counterfactual(forbid=~later & mask)
    alone = fitted(transitions, counts * later, action_mask=later).counterfactual(
        reward=np.where(later, model.reward_, 0)
    )
    assert_array_equal(told.policy_, both.policy_)
    assert_allclose(told.policy_, alone.policy_, atol=1e-13)
    assert_allclose(told.counterfactual().policy_, told.policy_, atol=1e-13)  # earlier bans stay
    draws = told.sample(50, 20, random_state=0)
    assert later[draws["state"], draws["action"]].all()


def test_every_invariance():
    transitions, counts, features, mask = masked_problem(4)
    model = fitted(transitions, counts, action_mask=mask, features=features, q_type="tabular", alpha=2.0)
    rng = np.random.default_rng(0)
    s, a = rng.permutation(len(counts)), rng.permutation(4)
    shuffled = fitted(
        transitions[a][:, s][:, :, s], counts[s][:, a], action_mask=mask[s][:, a], features=features[s][:, a],
        q_type="tabular", alpha=2.0,
    )  # fmt: skip
    assert_allclose(shuffled.policy_, model.policy_[s][:, a], atol=1e-9)
    hotter = fitted(transitions, counts, action_mask=mask, alpha=14.0, temperature=7.0)
    assert_allclose(hotter.policy_, model.policy_, atol=1e-9)
    assert_allclose(hotter.q_table_[mask], 7 * model.q_table_[mask], rtol=1e-7)
    X, y, weight = as_rows(counts)
    rows = np.repeat(np.arange(len(y)), weight.astype(int))
    repeated = clone(model).fit(X[rows], y[rows])
    assert_allclose(repeated.q_table_, model.q_table_, rtol=1e-9)


def test_metrics_and_calibration_by_decision_function():
    transitions, counts, _, _ = masked_problem(4, n_actions=2)
    mask = np.ones(counts.shape, dtype=bool)
    mask[0, 1] = mask[1, 0] = False
    model = fitted(transitions, (counts + 1) * mask, action_mask=mask, temperature=2.0)
    X = np.arange(len(counts))[:, None]
    scores = model.decision_function(X)
    assert np.isfinite(scores).all()
    assert_array_equal(expit(scores[:2] / 2.0), [0, 1])
    assert_allclose(expit(scores[2:] / 2.0), model.policy_[2:, 1])
    y = np.where(np.arange(len(X)) == 0, 0, 1)
    assert 0 <= roc_auc_score(y, scores) <= 1


def test_a_state_with_one_action():
    transitions, counts, _, mask = masked_problem(5, n_exist=3)
    mask[0] = [False, True, False, False]
    model = fitted(transitions, (counts + 1) * mask, action_mask=mask)
    assert_array_equal(model.policy_[0], [0, 1, 0, 0])
    assert_allclose(model.value_[0], model.q_table_[0, 1])


def test_decisions_that_the_mask_excludes():
    mask = np.array([[True, True], [True, False]])
    model = IQLearnClassifier(np.full((2, 2, 2), 0.5), action_mask=mask)
    X, y = [[0], [1], [1], [1]], [1, 0, 1, 1]
    with pytest.raises(
        ValueError, match=r"excludes 2 of 4 decisions, the first in row 2, for action 1 where \[0\]"
    ):
        model.fit(X, y)
    model.fit(X, y, sample_weight=[1, 1, 0, 0])
    assert np.isfinite(model.score(X, y, [1, 1, 0, 0]))
    with pytest.raises(ValueError, match="action_mask excludes 2 of 4 decisions, the first in row 2"):
        model.score(X, y)
    with pytest.raises(ValueError, match="action_mask excludes 2 of 4"):
        model.log_likelihood(X, y, trajectory=[0, 0, 0, 0])


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([[True, False], [False, False]], "must leave an action in every state, got none in state 1"),
        ([[True, True]], r"must have shape \(2, 2\), got \(1, 2\)"),
        ([[1, 2], [1, 1]], "must hold True and False, got 2"),
        ([["a", "b"], ["c", "d"]], "must be real numbers, got 'a'"),
        (lambda X: X, "must be a boolean array of shape .* got the function"),
    ],
)
def test_masks_that_are_none(mask, message):
    with pytest.raises(ValueError, match=f"action_mask {message}"):
        IQLearnClassifier(np.full((2, 2, 2), 0.5), action_mask=mask).fit([[0]], [0])


def test_clones_share_a_mask_and_pickles_keep_it():
    transitions, counts, _, mask = masked_problem(6)
    model = fitted(transitions, counts, action_mask=mask)
    assert clone(model).action_mask is mask
    again = pickle.loads(pickle.dumps(model))
    X = np.arange(len(counts))[:, None]
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    # What is set later counts from the next fit on.
    model.set_params(action_mask=None)
    assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    with pytest.raises(ValueError, match="action_mask excludes"):
        model.score(*as_rows(np.ones_like(counts))[:2])


def test_free_parameters_are_those_of_pairs_that_exist():
    transitions, counts, features, mask = masked_problem(7)
    X, y, weight = as_rows(counts)
    table = fitted(transitions, counts, action_mask=mask)
    assert table.aic(X, y, weight) == pytest.approx(
        2 * (mask.sum() - len(mask)) - 2 * weight.sum() * table.score(X, y, weight)
    )
    # Of a linear Q the rank of what tells the actions of a state apart, by SVD of all differences of two of them.
    linear = fitted(transitions, counts, action_mask=mask, features=features[:, 0], q_type="linear")
    rows = []
    for state, exists in enumerate(mask):
        for one in np.flatnonzero(exists):
            for other in np.flatnonzero(exists):
                row = np.zeros((4, 4))
                row[one] += [*features[state, 0], 1]
                row[other] -= [*features[state, 0], 1]
                rows.append(row.ravel())
    n_free = np.linalg.matrix_rank(np.array(rows))
    assert linear.aic(X, y, weight) == pytest.approx(2 * n_free - 2 * weight.sum() * linear.score(X, y, weight))


def test_warm_start_and_early_stopping():
    transitions, counts, _, mask = masked_problem(8)
    X, y, weight = as_rows(counts)
    model = IQLearnClassifier(transitions, action_mask=mask, warm_start=True).fit(X, y, weight)
    cold = model.q_table_
    assert_allclose(model.fit(X, y, weight).q_table_, cold, rtol=1e-8)
    assert model.n_iter_ == 1
    stopping = IQLearnClassifier(
        transitions, action_mask=mask, q_type="neural", early_stopping=True, random_state=0, max_iter=50
    )
    with np.errstate(all="raise"):
        rows = np.repeat(np.arange(len(y)), weight.astype(int))
        stopping.fit(X[rows], y[rows])
    assert np.isfinite(stopping.best_validation_score_)
