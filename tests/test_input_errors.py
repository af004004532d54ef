"""Wrong input of every kind ends in an error that names the parameter."""

import datetime
import re
import sys

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from sklearn_iqlearn import IQLearnClassifier, datasets, inference, preprocessing, rewards

P = np.array([[[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]] * 3])
F = np.random.default_rng(0).normal(size=(3, 2, 1))
X, Y, IDS = np.array([[0], [1], [2], [0], [1], [2]]), np.array([0, 1, 0, 0, 0, 1]), [0, 0, 0, 1, 1, 1]
ROWS = np.random.default_rng(1).normal(size=(6, 2))

# Nothing of this is a number, a flag, a name, an array of finite numbers, ids or labels.
SPARSE = sp.eye_array(6, format="csr")
NEVER = [
    "a",
    b"a",
    {},
    {"a": 1},
    object(),
    1j,
    pd.NA,
    pd.NaT,
    np.nan,
    [[1], [1, 2]],
    [[[1], [1, 2]]],
    [pd.NA] * 6,
    ["a", None] * 3,
    np.ones((3, 3, 3, 3)),
    np.zeros((0, 0)),
    np.full(6, np.nan),
    np.full((3, 2, 1), np.nan),
    np.ones(6) * 1j,
    np.ma.array(np.arange(6), mask=[1, 0, 0, 0, 0, 0]),
    np.ma.array(P, mask=P == 1),
    sp.csr_array(np.full((6, 6), np.nan)),
    SPARSE,
    datetime.date(2020, 1, 1),
    [{}] * 6,
    [object()] * 6,
]


def case(name, call, base, right=None):
    """A parameter of a call, and what it can never be: ``NEVER``, but for what is right here."""

    def pass_on(value):
        return call(**{**base, name: value})

    return pytest.param(
        name,
        pass_on,
        [value for value in NEVER if value is not right],
        id=f"{getattr(call, '__qualname__', 'fit')}-{name}",
    )


def fit_with(q_type):
    def fit(**parameters):
        data = (ROWS, Y) if parameters.get("transitions") is None else (X, Y)
        return IQLearnClassifier(**{"q_type": q_type, **parameters}).fit(*data)

    fit.__qualname__ = f"fit of {q_type}"
    return fit


FIT = IQLearnClassifier(P, features=F, q_type="structural", alpha=np.inf).fit(X, Y, trajectory=IDS)
STEEP = IQLearnClassifier(C=1e9).fit([[-1e-3], [1e-3]], [0, 1])
OF_ROWS = IQLearnClassifier().fit(ROWS, Y, trajectory=IDS)
# Parameters that one form of Q alone reads are tried with it.
NOT_READ = {"hidden_layer_sizes", "batch_size", "learning_rate", "n_iter_no_change"}
DATA = ("X", "y", "sample_weight", "trajectory")
WHERE = {"estimator": FIT, "X": X, "y": Y}
CASES = [
    *(case(name, fit_with("auto"), {"transitions": P}) for name in set(FIT.get_params()) - NOT_READ),
    *(case(name, fit_with("auto"), {}) for name in ("features", "initial_distribution")),
    *(case(name, fit_with("neural"), {}) for name in NOT_READ),
    case("features", fit_with("structural"), {"transitions": P}),
    *(case(name, IQLearnClassifier(P).fit, {"X": X, "y": Y}) for name in (*DATA, "next_X", "terminal")),
    case("X", IQLearnClassifier().fit, {"y": Y}, right=SPARSE),
    *(case(name, IQLearnClassifier().fit, {"X": ROWS, "y": Y}) for name in ("sample_weight", "next_X")),
    *(
        case(name, IQLearnClassifier().fit, {"X": ROWS, "y": Y, "trajectory": IDS})
        for name in ("trajectory", "step", "terminal")
    ),
    *(case("X", getattr(model, name), {}) for model in (FIT, OF_ROWS) for name in ("predict_proba", "q_values")),
    *(case(name, FIT.score, {"X": X, "y": Y}) for name in DATA[:3]),
    *(case(name, OF_ROWS.bic, {"X": ROWS, "y": Y}) for name in DATA[:3]),
    *(
        case(name, FIT.counterfactual, {})
        for name in ("transitions", "reward", "reward_coef", "base_reward", "discount", "temperature", "forbid")
    ),
    *(
        case(name, FIT.sample, {})
        for name in ("n_trajectories", "n_steps", "initial_distribution", "random_state")
    ),
    *(case(name, rewards.project, {"estimator": FIT}) for name in ("estimator", "features", "shaping")),
    *(case(name, rewards.anchor, {"estimator": FIT, "action": 0}) for name in ("estimator", "action", "reward")),
    *(
        case(name, rewards.occupancy, {"estimator": FIT})
        for name in ("estimator", "long_run", "initial_distribution")
    ),
    *(
        case(
            name,
            rewards.evaluate,
            {"policy": FIT.policy_, "reward": FIT.reward_, "transitions": P, "discount": 0.5},
        )
        for name in ("policy", "reward", "transitions", "discount", "temperature")
    ),
    *(case(name, inference.covariance, WHERE) for name in ("estimator", *DATA, "kind", "feature_names")),
    *(case(name, inference.summary, WHERE) for name in ("estimator", *DATA, "covariance", "confidence")),
    *(
        case(name, inference.bootstrap, WHERE | {"statistic": "policy_", "trajectory": IDS, "n_resamples": 2})
        for name in ("estimator", *DATA, "n_resamples", "random_state", "n_jobs", "verbose")
    ),
    *(
        case(name, preprocessing.renewal_transitions, {"increments": [0, 1], "n_states": 3})
        for name in ("increments", "n_states", "sparse")
    ),
    *(
        case(name, preprocessing.estimate_transitions, {"states": Y, "actions": Y, "trajectory": IDS})
        for name in ("states", "step", "terminal", "sample_weight", "n_states", "n_actions", "prior", "unseen")
    ),
    case("next_state", preprocessing.estimate_transitions, {"states": Y, "actions": Y}),
    case("opening_month", datasets.load_rust_bus, {}),
    *(
        case(name, datasets.make_bus_engine, {})
        for name in ("n_steps", "n_bins", "operating_cost", "discount", "temperature", "random_state")
    ),
    *(case(name, datasets.make_gridworld, {}) for name in ("side", "slip", "move_cost", "sparse")),
    *(case(name, datasets.make_random_mdp, {}) for name in ("n_trajectories", "n_states", "ending", "sparse")),
]


@pytest.mark.parametrize(("name", "call", "values"), CASES)
def test_what_can_never_be_right_is_refused_by_name(name, call, values):
    for value in values:
        with pytest.raises((TypeError, ValueError), match=rf"\b{name}\b") as caught:
            call(value)
        assert not re.search(r"np\.\w+\(", str(caught.value))  # Python's numbers, as the caller wrote them


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FIT.fit(X, ["keep"] * 6), r"y must hold .* mapping from action to matrix: \{'keep': \.\.\.\}"),
        (lambda: FIT.fit(X, ["0", "1"] * 3), r"y must hold actions of \[0, 1\], got '0'"),
        (lambda: FIT.score(X, Y + 3), r"y must hold actions of \[0, 1\], got 3 in row 0\.$"),
        (lambda: FIT.counterfactual(forbid="0"), "forbid must be actions"),
        (lambda: rewards.anchor(FIT, [0, 1]), r"action must be one of \[0, 1\], got \[0, 1\]"),
        (lambda: rewards.anchor(FIT, 0, "x"), "reward must be real numbers, got 'x'"),
        (lambda: rewards.project(IQLearnClassifier), "estimator must be an IQLearnClassifier, or .*, got type"),
        (lambda: IQLearnClassifier(q_type="x").fit(X, Y), r"q_type must be one of \['auto', 'linear', "),
        (lambda: IQLearnClassifier(solver="x").fit(X, Y), r"solver must be one of \['auto', 'adam', "),
        (lambda: IQLearnClassifier(C=10**400).fit(X, Y), "C must be a number > 0, or inf, got 1000"),
        (lambda: IQLearnClassifier(temperature=np.float64(-1)).fit(X, Y), r"temperature .*got -1\.0\.$"),
        (lambda: IQLearnClassifier(P.transpose(1, 2, 0)).fit(X, Y), r"got \(3, 3, 2\).*transpose\(2, 0, 1\)"),
        (lambda: IQLearnClassifier(P.transpose(1, 0, 2).tolist()).fit(X, Y), r"transpose\(1, 0, 2\)"),
        (lambda: IQLearnClassifier(np.zeros((2, 0, 0))).fit(X, Y), r"with a state at least, got \(0, 0\)"),
        (lambda: IQLearnClassifier({None: P[0], 0: P[1]}).fit(X, Y), r"labels must be .*got \[None, 0\]"),
        (lambda: IQLearnClassifier({(0, 1): P[0], (1, 0): P[1]}).fit(X, Y), "labels must be of one kind"),
        (lambda: IQLearnClassifier([1j * sp.csr_array(P[0])] * 2).fit(X, Y), "must be real numbers, got complex"),
        (lambda: IQLearnClassifier().fit([ROWS[:2], ROWS[2:]], Y), "X must be .* told apart by trajectory"),
        (
            lambda: IQLearnClassifier().fit([["a"]] * 6, Y),
            r"X must be a table .*explicitly instead\. Encode",
        ),
        (
            lambda: IQLearnClassifier().fit(pd.DataFrame({"a": [*"abcabc"]}, dtype="category"), Y),
            r"X must be a table of numbers.*'a'\. Encode strings",
        ),
        (
            lambda: IQLearnClassifier().fit(pd.DataFrame({"a": pd.date_range("2024-01-01", periods=6)}), Y),
            "X must be a table of numbers.*got datetime64.*Derive numbers",
        ),
        (
            lambda: IQLearnClassifier().fit(pd.DataFrame({"a": pd.date_range("2024", periods=6), "b": 1.0}), Y),
            "(?s)X must be a table of numbers.*Derive numbers from dates",
        ),
        (
            lambda: IQLearnClassifier().fit(ROWS, Y, [1e308] * 6),
            r"sample_weight must have a finite sum, got .*1e\+308",
        ),
        (
            lambda: IQLearnClassifier().fit(ROWS, Y, np.ones(6) + 1j),
            r"sample_weight .* real numbers, got \(1\+1j\)",
        ),
        (lambda: STEEP.predict_proba([[0.0], [1e308]]), r"X must .* finite Q, got \[1e\+308\]"),
    ],
)
def test_errors_name_the_mend(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_steps_are_exact_up_to_the_largest_integers():
    plain = IQLearnClassifier().fit(ROWS, Y, trajectory=IDS, step=[0, 1, 2] * 2)
    for shift in (2**53 + 1, 2**62 + 1, -(2**62) - 1):
        step = [shift + t for t in [0, 1, 2] * 2]
        for steps in (step, np.array(step, dtype=object), pd.Series(step, dtype="Int64")):
            shifted = IQLearnClassifier().fit(ROWS, Y, trajectory=IDS, step=steps)
            np.testing.assert_array_equal(shifted.q_table_, plain.q_table_)
        with pytest.raises(ValueError, match=r"step must be integers, got .*apart below 2\*\*53"):
            IQLearnClassifier().fit(ROWS, Y, trajectory=IDS, step=np.array(step, dtype=float))


def test_a_row_of_weight_0_cuts_its_trajectory_off():
    model = IQLearnClassifier(q_type="tabular", discount=0.9)
    data = [[0.0], [1.0], [2.0]], [0, 1, 0], [1, 0, 1]
    implicit, explicit = (model.fit(*data, trajectory=[0, 0, 0], step=step).reward_ for step in (None, [0, 1, 2]))
    np.testing.assert_array_equal(implicit, explicit)
    np.testing.assert_allclose(implicit[0], [0.521, -0.521], atol=5e-4)
    # Nor does it end anything at the margins.
    inner = IQLearnClassifier().fit(ROWS[1:5], Y[1:5], trajectory=IDS[1:5])
    outer = IQLearnClassifier().fit(ROWS, Y, [0, 1, 1, 1, 1, 0], trajectory=IDS)
    np.testing.assert_array_equal(inner.q_table_, outer.q_table_)


def test_masks_that_hide_nothing_are_welcome():
    masked = np.ma.array(P, mask=np.zeros(P.shape, dtype=bool))
    np.testing.assert_array_equal(
        IQLearnClassifier(masked).fit(X, Y).q_table_, IQLearnClassifier(P).fit(X, Y).q_table_
    )


def test_minari_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'minari\[hdf5\]'"):
        datasets.from_minari("D4RL/pen/human-v2")
    for wrong in (1, [1], None):
        with pytest.raises(TypeError, match="dataset must"):
            datasets.from_minari(wrong)
