"""How near do the estimates come to a known truth? ``python benchmarks/truth`` (``--quick`` for small sizes).

Tables in Markdown, a part each, with published figures where there are any. "told" is the share of data sets with
a warning, "bias / its s.e." how many standard errors of the simulation the mean is from the truth, "efficient" the
standard error of maximum likelihood with known transitions.
"""

import argparse
import sys
import time
from pathlib import Path

from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from _measure import markdown

from truth.board import PARTS, Settings


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3 data sets of small sizes")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sets", type=int, help="data sets of each part")
    args = parser.parse_args()
    for name in args.parts:
        part, n_sets = PARTS[name]
        n_sets = args.sets or (3 if args.quick else n_sets)
        print(f"\n## {part.__doc__} {n_sets} data sets.\n", flush=True)
        started = time.perf_counter()
        for line in markdown(part(Settings(n_sets, args.quick))):
            print(line, flush=True)
        print(f"\n{time.perf_counter() - started:.0f} s.", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
