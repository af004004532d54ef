"""What ``TypesDisplay`` draws is what fitted types say."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from sklearn_iqlearn import LatentTypes
from sklearn_iqlearn.displays import TypesDisplay

pytestmark = pytest.mark.usefixtures("no_window")


@pytest.fixture(scope="module")
def drivers():
    """30 who rather take 1 where x is large, 20 who rather do not."""
    rng = np.random.default_rng(0)
    who = np.repeat(np.arange(50), 20)
    X = rng.normal(size=(len(who), 1))
    slope = np.where(who < 30, 1.5, -1.5)
    return X, (rng.random(len(who)) < 1 / (1 + np.exp(-slope * X[:, 0]))).astype(int), who


@pytest.fixture(scope="module")
def types(drivers):
    X, y, who = drivers
    return LatentTypes(LogisticRegression(), n_init=2, random_state=0).fit(X, y, trajectory=who)


@pytest.fixture(scope="module")
def moods(drivers):
    X, y, who = drivers
    switching = LatentTypes(LogisticRegression(), switching=True, n_init=1, random_state=0, tol=1e-4)
    return switching.fit(X, y, trajectory=who)


def assert_heights(area, x, heights):
    """An area from 0 has these heights, all but at its ends: what is above it is not in it."""
    (path,) = area.get_paths()
    for place, height in list(zip(x, heights, strict=True))[1:-1]:
        assert height < 1e-4 or path.contains_point((place, height - 1e-4))
        assert not path.contains_point((place, height + 1e-4))


def test_shares_and_who_is_who(types, drivers):
    X, _, _ = drivers
    display = TypesDisplay.from_estimator(types, X, action=1).plot(kind="shares")
    assert_allclose([bar.get_height() for bar in display.bars_], types.weights_)
    shares = types.responsibilities_.to_numpy()
    display.plot()
    surely = [*np.sort(shares[shares[:, 0] > 0.5, 0])[::-1], *np.sort(shares[shares[:, 0] <= 0.5, 0])]
    assert_heights(display.areas_[0], np.arange(50), surely)
    assert display.ax_.get_xlabel() == "trajectories, sorted by type"


def test_policies_of_types(types, drivers):
    display = TypesDisplay.from_estimator(types, drivers[0], action=1).plot(kind="policies")
    assert len(display.policies_) == 2
    for policy, one, share in zip(display.policies_, types.estimators_, types.weights_, strict=True):
        assert_allclose(policy.lines_[0].get_ydata(), one.predict_proba(policy.rows)[:, 1])
        assert policy.lines_[0].get_label().endswith(f"({share:.0%})")
        assert policy.ax_ is display.ax_


def test_modes_over_time(moods, drivers):
    X, _, who = drivers
    step = np.tile(np.arange(20), 50)
    order = np.random.default_rng(1).permutation(len(who))
    shuffled = LatentTypes(LogisticRegression(), switching=True, n_init=1, random_state=0, tol=1e-4)
    shuffled.fit(X[order], drivers[1][order], trajectory=who[order], step=step[order])
    display = TypesDisplay.from_estimator(shuffled, trajectory=who[order], step=step[order])
    display.plot(kind="time", trajectory=7)
    rows = np.flatnonzero(who[order] == 7)
    rows = rows[np.argsort(step[order][rows])]
    assert_heights(display.areas_[0], np.arange(20), shuffled.responsibilities_.to_numpy()[rows, 0])
    assert display.ax_.get_xlabel() == "step of trajectory 7"


def test_errors_of_types(types, moods, drivers):
    with pytest.raises(TypeError, match="types must be a LatentTypes, got LogisticRegression"):
        TypesDisplay.from_estimator(LogisticRegression())
    with pytest.raises(ValueError, match="kind must not be 'time' unless types switch"):
        TypesDisplay.from_estimator(types).plot(kind="time")
    with pytest.raises(ValueError, match="kind must not be 'policies' where from_estimator had no X"):
        TypesDisplay.from_estimator(types).plot(kind="policies")
    with pytest.raises(ValueError, match=r"trajectory must be one of .* got 99"):
        TypesDisplay.from_estimator(moods, trajectory=drivers[2]).plot(kind="time", trajectory=99)
