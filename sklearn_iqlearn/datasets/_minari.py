"""Minari data sets as decisions."""

from collections.abc import Iterable

import numpy as np
from sklearn.utils import Bunch

from sklearn_iqlearn._numerics.checks import plain

# What is read of an episode.
EPISODE = ("id", "observations", "actions", "rewards", "terminations")


def from_minari(dataset):
    """Decisions from a Minari data set of episodes with discrete actions.

    Parameters
    ----------
    dataset : minari.MinariDataset or str
        A data set, or the id of one that is stored on this machine (needs the package ``minari``).

    Returns
    -------
    data : sklearn.utils.Bunch
        A dictionary with these entries, also as attributes.

        data : ndarray of shape (n_rows, n_features)
            Observation before each action, flattened.
        target : ndarray of shape (n_rows,)
            Actions.
        next_data : ndarray of shape (n_rows, n_features)
            Observation after each action, to pass as ``next_X``. Unlike ``trajectory`` it knows the last
            state of an episode that was truncated.
        trajectory, step : integer ndarray of shape (n_rows,)
            Episode of each row and its place in it.
        terminal : boolean ndarray of shape (n_rows,)
            Whether the episode ended after the row; not where it was merely truncated.
        reward : ndarray of shape (n_rows,)
            Reward of each row, which inverse learning does not use.

    Raises
    ------
    ValueError
        If actions are not discrete, or observations are not arrays.

    Examples
    --------
    >>> from types import SimpleNamespace as Episode
    >>> import numpy as np
    >>> from sklearn_iqlearn import IQLearnClassifier
    >>> from sklearn_iqlearn.datasets import from_minari
    >>> episode = Episode(
    ...     id=0,
    ...     observations=np.array([[0.0], [1.0], [2.0]]),
    ...     actions=np.array([1, 0]),
    ...     rewards=np.zeros(2),
    ...     terminations=np.array([False, True]),
    ... )
    >>> demos = from_minari([episode])  # any iterable of episodes will do
    >>> demos.terminal
    array([False,  True])
    >>> order = {name: demos[name] for name in ("trajectory", "step", "terminal")}
    >>> IQLearnClassifier().fit(demos.data, demos.target, **order).classes_
    array([0, 1])
    """
    if isinstance(dataset, str):
        try:
            import minari
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "dataset: to load one by its id needs minari: pip install 'minari[hdf5]'."
            ) from error

        dataset = minari.load_dataset(dataset)
    columns: dict[str, list] = {
        name: [] for name in ("data", "target", "next_data", "trajectory", "step", "terminal", "reward")
    }
    if not isinstance(dataset, Iterable):
        raise TypeError(f"dataset must be a Minari data set, its id or episodes, got {plain(dataset)}.")
    for episode in dataset:
        if not all(hasattr(episode, name) for name in EPISODE):
            raise TypeError(f"dataset must hold episodes with {', '.join(EPISODE)}, got {plain(episode)}.")
        if not isinstance(episode.observations, np.ndarray):
            raise ValueError(
                f"dataset must have arrays as observations, got {type(episode.observations).__name__}: "
                "flatten them first."
            )
        actions = np.asarray(episode.actions)
        if actions.ndim != 1 or not np.issubdtype(actions.dtype, np.integer):
            raise ValueError(
                f"dataset must have discrete actions, got actions of shape {actions.shape[1:]} and type "
                f"{actions.dtype}."
            )
        n = len(actions)
        observations = episode.observations.reshape(n + 1, -1)
        columns["data"].append(observations[:-1])
        columns["target"].append(actions)
        columns["next_data"].append(observations[1:])
        columns["trajectory"].append(np.full(n, episode.id))
        columns["step"].append(np.arange(n))
        columns["terminal"].append(np.asarray(episode.terminations, dtype=bool))
        columns["reward"].append(np.asarray(episode.rewards, dtype=float))
    if not columns["data"]:
        raise ValueError("dataset must have at least one episode, got none.")
    return Bunch(**{name: np.concatenate(values) for name, values in columns.items()})
