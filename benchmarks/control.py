"""Return of imitated controllers: IQ-Learn beside behavioural cloning with the same features.

Each seed has its own demonstrations, features and evaluation episodes; policies are greedy. One of the two
is called better where the 95% confidence interval of their difference, paired by seed, leaves out zero.
"""

import argparse
import sys
import time
from pathlib import Path

import pandas as pd
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "imitation"))

from control import fit_cloning, fit_iqlearn
from control_experts import EXPERTS, OBSERVATIONS, demonstrate, evaluate

LEARNERS = {"IQ-Learn": fit_iqlearn, "cloning": fit_cloning}
# What IQ-Learn is to reach, by environment and number of trajectories.
TARGETS = {("CartPole-v1", 1): 490, ("Acrobot-v1", 1): -90, ("LunarLander-v3", 10): 240}


def measure(env_id, sizes, n_episodes, seed):
    """Yield one seed's results, a dict for each number of trajectories."""
    pool = demonstrate(env_id, max(sizes), [seed, 0])

    def mean_return(policy):
        return evaluate(policy, env_id, n_episodes, [seed, 1]).mean()

    expert = mean_return(EXPERTS[env_id])
    for size in sizes:
        decisions = pool[pool["trajectory"] < size]
        states = decisions[OBSERVATIONS[env_id]].to_numpy()
        result = {"env": env_id, "n": size, "rows": len(states), "expert": expert}
        for name, fit in LEARNERS.items():
            start = time.perf_counter()
            policy = fit(states, decisions, seed).predict
            result[f"{name} s"] = time.perf_counter() - start
            result[name] = mean_return(policy)
        yield result


def compare(results):
    """A table row from the seeds of one environment and number of trajectories."""
    difference = results["IQ-Learn"] - results["cloning"]
    # Episodes share their seed's fit, so the seeds are the sample: few, hence Student's t.
    margin = stats.t.ppf(0.975, len(difference) - 1) * difference.sem()
    verdict = "no clear difference"
    if abs(difference.mean()) > margin:
        verdict = "IQ-Learn better" if difference.mean() > 0 else "cloning better"
    returns = {name: f"{results[name].mean():.1f} ± {results[name].sem():.1f}" for name in LEARNERS}
    seconds = {f"{name} s": results[f"{name} s"].max() for name in LEARNERS}
    shown = {"rows": results["rows"].max(), "expert": results["expert"].mean()}
    contrast = {"difference (95%)": f"{difference.mean():.1f} ± {margin:.1f}", "verdict": verdict}
    return pd.Series(shown | returns | contrast | seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--env", nargs="+", choices=EXPERTS, default=list(EXPERTS))
    parser.add_argument("--trajectories", nargs="+", type=int, default=[1, 3, 10])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--episodes", type=int, default=20, help="evaluation episodes of each seed")
    args = parser.parse_args()

    results = pd.DataFrame(
        result
        for env_id in args.env
        for seed in range(args.seeds)
        for result in measure(env_id, args.trajectories, args.episodes, seed)
    )
    table = results.groupby(["env", "n"], sort=False).apply(compare)
    print(f"Mean return ± standard error over {args.seeds} seeds of {args.episodes} episodes;")
    print("rows and seconds to fit are the most of any seed.\n")
    print(table.to_string(float_format="{:.2f}".format))
    print()
    for (env_id, size), target in TARGETS.items():
        if (env_id, size) in table.index:
            reached = results.query("env == @env_id and n == @size")["IQ-Learn"].mean()
            outcome = "reached" if reached >= target else "MISSED"
            print(f"{env_id} from n = {size}: {reached:.1f}, target {target}: {outcome}")


if __name__ == "__main__":
    main()
