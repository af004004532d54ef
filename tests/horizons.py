"""Decision problems with a finite horizon, and their solution by recursions over plain arrays."""

import numpy as np
from scipy.special import logsumexp


def random_steps(seed=0, n_steps=5, n_states=4, n_actions=3, *, ending=False):
    """Kernels (T, A, S, S), rewards (T, S, A) and values after the last step (S,), all different."""
    rng = np.random.default_rng(seed)
    kernels = rng.dirichlet(np.full(n_states, 0.5), size=(n_steps, n_actions, n_states))
    if ending:
        kernels *= rng.uniform(0.5, 1, size=(n_steps, n_actions, n_states, 1))
    return kernels, rng.normal(size=(n_steps, n_states, n_actions)), rng.normal(size=n_states)


def backward_induction(kernels, rewards, discount, temperature=1.0, value=0.0):
    """Soft action values, (T, S, A)."""
    value, found = np.zeros(kernels.shape[2]) + value, []
    for kernel, reward in zip(kernels[::-1], rewards[::-1], strict=True):
        q = reward + discount * (kernel @ value).T
        value = temperature * logsumexp(q / temperature, axis=1)
        found.append(q)
    return np.array(found[::-1])


def expected_visits(kernels, policies, start, discount=1.0):
    """Discounted chances to be in each state at each step, (T, S)."""
    visits = [start]
    for kernel, policy in zip(kernels[:-1], policies[:-1], strict=True):
        visits.append(discount * np.einsum("s,sa,ast->t", visits[-1], policy, kernel))
    return np.array(visits)
