"""What to tell of data and of what was found: sentences, empty where there is nothing to say."""

import numpy as np

from sklearn_iqlearn._numerics.checks import plain

# Mean divergence (nats a decision) below which two types act alike.
ALIKE = 1e-6


def doubt_lengths(chain):
    """Trajectories that cannot tell one type from another."""
    decisions = chain.decisions
    lengths = np.bincount(decisions.number[decisions.weight > 0])
    if chain.n_types > 1 and lengths.max() == 1:
        return [
            f"All {len(lengths)} trajectories have one decision: what differs between their types cannot be told "
            "from chance. Pass in trajectory the id of the decision maker of each row."
        ]
    return []


def doubt_gaps(chain):
    """Steps without a row, over which a chain of types moves once."""
    n = getattr(chain, "n_gaps", 0)
    if n:
        return [
            f"step leaves out times {n} times within trajectories: the chain of types moves once from row to row, "
            "however far apart. Add rows, or number the rows that there are."
        ]
    return []


def doubt_types(log_chosen, found, shares):
    """Types that nobody has, and types that act alike."""
    doubts = []
    n_units = np.count_nonzero(~np.isnan(found.responsibilities[:, 0]))
    empty = np.flatnonzero(shares * n_units < 0.5)
    if len(empty):
        doubts.append(
            f"Types {plain(empty)} are empty, with less than half a unit of {n_units}: their estimators mean "
            "nothing. Take fewer n_types."
        )
    visits = found.weight.sum(axis=1) / found.weight.sum()
    full = np.setdiff1d(np.arange(len(shares)), empty)
    for place, one in enumerate(full):
        for other in full[place + 1 :]:
            if visits @ np.abs(log_chosen[:, one] - log_chosen[:, other]) < ALIKE:
                doubts.append(
                    f"Types {one} and {other} act alike, so that their weights are open. Take fewer n_types."
                )
    return doubts
