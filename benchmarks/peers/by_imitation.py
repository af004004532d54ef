"""Behavioural cloning of imitation: Adam in batches of 32, for as many epochs as are asked for."""

import gymnasium
import numpy as np
from imitation.algorithms.bc import BC
from imitation.data.types import Transitions
from imitation.util.logger import configure
from layers import arrays
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import nn

N_EPOCHS = 10


def cloning(data):
    X, actions = data["X"].astype(np.float32), data["action"]
    ends, infos = np.ones(len(X), dtype=bool), np.array([{}] * len(X))
    rows = Transitions(obs=X, acts=actions, infos=infos, next_obs=X, dones=ends)  # the last two are not read
    spaces = {
        "observation_space": gymnasium.spaces.Box(-np.inf, np.inf, X.shape[1:]),
        "action_space": gymnasium.spaces.Discrete(int(actions.max()) + 1),
    }

    def fit():
        policy = ActorCriticPolicy(**spaces, lr_schedule=lambda _: 1e-3, net_arch=data["layers"].tolist())
        learner = BC(
            **spaces,
            rng=np.random.default_rng(0),
            policy=policy,
            demonstrations=rows,
            ent_weight=0.0,
            device="cpu",
            custom_logger=configure(format_strs=[]),
        )
        learner.train(n_epochs=N_EPOCHS, progress_bar=False)
        return learner.policy

    def read(policy):
        layers = [part for part in policy.mlp_extractor.policy_net if isinstance(part, nn.Linear)]
        layers.append(policy.action_net)
        weights = [layer.weight.detach().numpy().T for layer in layers]
        return arrays(weights, [layer.bias.detach().numpy() for layer in layers])

    return fit, read
