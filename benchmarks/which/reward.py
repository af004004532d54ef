"""Claims about costs, other worlds and kinds of people."""

import numpy as np
from data import DIVERGENCES, SEEDS, loss, lost, means, searched, told, world_and_rows

from sklearn_iqlearn import IQLearnClassifier, LatentTypes, rewards
from sklearn_iqlearn.datasets import make_bus_engine, make_random_mdp
from sklearn_iqlearn.preprocessing import TransitionEstimator


def a_known_form_is_worth_most():
    """Where the form of the reward is known, the structural fit predicts best, by far, and needs no alpha."""
    values = {}
    for seed in SEEDS:
        world, rows = world_and_rows(10, seed)
        table = IQLearnClassifier(world.transitions, discount=world.discount)
        known = {"discount": world.discount, "q_type": "structural", "features": world.features}
        values.setdefault("table, searched", []).append(lost(searched(table, rows), world))
        values.setdefault("structural", []).append(
            lost(IQLearnClassifier(world.transitions, **known).fit(**rows), world)
        )
    found = means(values)
    return found["structural"][0] < found["table, searched"][0] / 4, told(found)


def coefficients_want_no_penalty():
    """Coefficients: without a penalty (the default) no bias, and no part for the divergence; alpha=1 shrinks."""
    ratios, spread = {}, 0.0
    for seed in SEEDS:
        bus = make_bus_engine(200, random_state=seed)
        known = {"discount": bus.discount, "q_type": "structural", "features": bus.features}
        fits = {
            alpha: IQLearnClassifier(bus.transitions, alpha=alpha, **known).fit(bus.data, bus.target)
            for alpha in (1, 100, "auto")
        }
        for alpha, fit in fits.items():
            ratios.setdefault(f"alpha={alpha}", []).append(fit.coef_[1] / bus.coef[1])
        for divergence in DIVERGENCES:
            other = IQLearnClassifier(bus.transitions, divergence=divergence, **known).fit(bus.data, bus.target)
            spread = max(spread, np.abs(other.coef_ / fits["auto"].coef_ - 1).max())
    found = means(ratios)
    mean, error = found["alpha=auto"]
    holds = abs(mean - 1) < 3 * error and found["alpha=1"][0] < 0.8 and spread < 1e-6
    return holds, f"share of the true price: {told(found, '{:.3f} ({:.3f})')}; divergences differ by {spread:.0e}"


def unknown_transitions_cost_little():
    """Coefficients without transitions: as precise by estimated ones, and without any, in one column."""
    errors = {}
    for seed in SEEDS:
        bus = make_bus_engine(
            500, n_bins=20, operating_cost=0.2, replacement_cost=4.0, discount=0.95, random_state=seed
        )
        rows = {"X": bus.data, "y": bus.target, "trajectory": bus.trajectory, "step": bus.step}
        structural = {"discount": 0.95, "q_type": "structural"}
        by_name = {0: {"mileage": "-state"}, 1: {"replacement": "-1"}}
        ways = {
            "known": IQLearnClassifier(bus.transitions, features=bus.features, **structural),
            "estimated": IQLearnClassifier(
                TransitionEstimator(unseen="prior"), features=bus.features, **structural
            ),
            "none": IQLearnClassifier(features=by_name, **structural),
        }
        for name, model in ways.items():
            off = np.abs(model.fit(**rows).coef_ / bus.coef - 1).max()
            errors.setdefault(name, []).append(100 * off)
    found = means(errors)
    worst = max(found["estimated"][0], found["none"][0])
    return worst < 2 * found["known"][0], "largest error, %: " + told(found, "{:.1f} ({:.1f})")


def bounded_divergences_bound_the_reward():
    """Bounds: tv keeps abs(reward) below alpha, hellinger keeps it above -alpha, js above -alpha log 2."""
    world, rows = world_and_rows(200, 0)
    ranges = {}
    for divergence in ("chi2", "tv", "hellinger", "js"):
        settings = {"discount": world.discount, "divergence": divergence, "alpha": 2.0}
        reward = IQLearnClassifier(world.transitions, **settings).fit(**rows).reward_
        ranges[divergence] = reward.min(), reward.max()
    holds = (
        max(map(abs, ranges["tv"])) < 2 < max(map(abs, ranges["chi2"]))
        and ranges["hellinger"][0] > -2
        and ranges["js"][0] > -2 * np.log(2)
    )
    return holds, "alpha=2: " + told(ranges, "{:.2f} to {:.2f}")


def other_worlds_want_a_known_part():
    """Other moves: a form of the reward or one known action answers; the table's own reward_ does not."""
    values = {}
    for seed in SEEDS:
        world, rows = world_and_rows(500, seed)
        other = make_random_mdp(1, 1, random_state=100 + seed).transitions
        table = IQLearnClassifier(world.transitions, discount=world.discount, alpha=100).fit(**rows)
        known = {"discount": world.discount, "q_type": "structural", "features": world.features}
        truth = table.counterfactual(reward=world.reward, transitions=other).policy_
        common = table.counts_.min(axis=0).argmax()  # an action that is taken everywhere
        kinds = {
            "the policy kept": table.policy_,
            "reward_": table.counterfactual(transitions=other).policy_,
            "one action known": rewards.anchor(table, action=common, reward=world.reward[:, common])
            .counterfactual(transitions=other)
            .policy_,
            "structural": IQLearnClassifier(world.transitions, **known)
            .fit(**rows)
            .counterfactual(transitions=other)
            .policy_,
        }
        for name, policy in kinds.items():
            values.setdefault(name, []).append(loss(policy, truth, world.frame["state"]))
    found = means(values)
    useless = found["reward_"][0] > 0.5 * found["the policy kept"][0]
    return useless and found["one action known"][0] < 0.2 * found["reward_"][0], told(found)


def an_anchor_wants_a_weak_penalty():
    """An anchor, for a question about other moves: alpha of 10 and more, or the penalty stays in the answer."""
    values = {}
    for seed in SEEDS:
        world, rows = world_and_rows(500, seed)
        other = make_random_mdp(1, 1, random_state=100 + seed).transitions
        for alpha in (1, 10, 100, 1000):
            table = IQLearnClassifier(world.transitions, discount=world.discount, alpha=alpha).fit(**rows)
            common = table.counts_.min(axis=0).argmax()
            anchored = rewards.anchor(table, action=common, reward=world.reward[:, common])
            truth = table.counterfactual(reward=world.reward, transitions=other).policy_
            found = anchored.counterfactual(transitions=other).policy_
            values.setdefault(f"alpha={alpha}", []).append(loss(found, truth, world.frame["state"]))
    found = means(values)
    large = [found[f"alpha={alpha}"][0] for alpha in (10, 100, 1000)]
    return max(large) < found["alpha=1"][0] / 5, told(found)


def forbidding_needs_no_known_part():
    """Where actions are forbidden, moves and discount staying, any reward of the policy gives the same answer."""
    apart, values = 0.0, []
    for seed in SEEDS:
        world, rows = world_and_rows(500, seed)
        table = searched(IQLearnClassifier(world.transitions, discount=world.discount), rows)
        anchored = rewards.anchor(table, action=1, reward=0.0)
        without, other = (each.counterfactual(forbid=0).policy_ for each in (table, anchored))
        truth = table.counterfactual(reward=world.reward, forbid=0).policy_
        apart = max(apart, np.abs(without - other).max())
        values.append(loss(without, truth, world.frame["state"]))
    found = means({"lost": values})
    return apart < 1e-8 and found["lost"][0] < 100, f"two rewards differ by {apart:.0e}; {told(found)}"


def kinds_are_told_apart():
    """Two kinds of people: one fit for all has the costs of nobody, types have those of each kind."""
    values = {}
    for seed in SEEDS:
        thrifty, lavish = (
            make_bus_engine(100, operating_cost=cost, replacement_cost=price, random_state=seed)
            for cost, price in ((0.01, 3.0), (0.03, 6.0))
        )
        rows = {"X": np.concatenate([thrifty.data, lavish.data]), "y": np.append(thrifty.target, lavish.target)}
        order = {
            "trajectory": np.append(thrifty.trajectory, 100 + lavish.trajectory),
            "step": np.append(thrifty.step, lavish.step),
        }
        known = {"discount": thrifty.discount, "q_type": "structural", "features": thrifty.features}
        one = IQLearnClassifier(thrifty.transitions, **known).fit(**rows, **order)
        two = LatentTypes(one, n_types=2, n_init=2, random_state=0).fit(**rows, **order)
        values.setdefault("one", []).append(one.coef_[1])
        for name, price in zip(("first", "second"), sorted(fit.coef_[1] for fit in two.estimators_), strict=True):
            values.setdefault(name, []).append(price)
    found = means(values)
    right = all(abs(found[name][0] - price) < 0.1 * price for name, price in (("first", 3), ("second", 6)))
    return right and 3.3 < found["one"][0] < 5.4, "prices: " + told(found, "{:.2f} ({:.2f})")


CLAIMS = (
    a_known_form_is_worth_most,
    coefficients_want_no_penalty,
    unknown_transitions_cost_little,
    bounded_divergences_bound_the_reward,
    other_worlds_want_a_known_part,
    an_anchor_wants_a_weak_penalty,
    forbidding_needs_no_known_part,
    kinds_are_told_apart,
)
