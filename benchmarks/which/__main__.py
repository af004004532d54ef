"""Which settings for which question? ``python benchmarks/which`` (a minute or two).

Each claim of docs/guide/which.md is a function, which measures it on simulated decisions with a known truth, and
answers whether it holds, with the figures. What a policy loses is its expected log-likelihood below that of the
true policy, 1e-4 per decision. In brackets: standard errors over data sets. The exit status is 1 where a claim
fails.
"""

import sys
import warnings

import prediction
import reward
from sklearn.exceptions import ConvergenceWarning


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)  # of logits and networks that stop early
    failed = 0
    for claim in (*prediction.CLAIMS, *reward.CLAIMS):
        holds, figures = claim()
        failed += not holds
        print(f"{claim.__doc__}\n    {'holds' if holds else 'FAILS'}: {figures}", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
