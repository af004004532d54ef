"""Time of ``import sklearn_iqlearn`` beside ``import sklearn.linear_model``: ``python benchmarks/imports.py``.

Fresh processes by turns, medians of 10 (``--quick``: of 1): processor time from the start of the interpreter to
its end, less that of an interpreter that imports nothing. Below the table stand the package's modules that take
the longest by themselves. Ends with status 1 where the ratio is above 1.2.
"""

import re
import resource
import subprocess
import sys

import numpy as np
from _measure import parser, publish

LIMIT = 1.2
PEER, OURS = "sklearn.linear_model", "sklearn_iqlearn"


def run(code, *options):
    return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, check=True)


def seconds(code):
    """Processor time of a new interpreter that runs the code."""

    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    run(code)
    return spent() - before


def slowest(module, n):
    """The package's own modules that take the longest, without what they import, in milliseconds."""
    lines = run(f"import {module}", "-X", "importtime").stderr.splitlines()
    found = [re.match(rf"import time:\s*(\d+) \|\s*\d+ \|\s*({OURS}\S*)", line) for line in lines]
    own = sorted(((int(match[1]) / 1e3, match[2]) for match in found if match), reverse=True)
    return own[:n]


def main():
    arguments = parser(__doc__, write=True).parse_args()
    repeats = 1 if arguments.quick else 10
    codes = {"nothing": "pass"} | {name: f"import {name}" for name in (PEER, OURS)}
    taken = {name: np.zeros(repeats) for name in codes}
    for turn in range(repeats):
        for name, code in codes.items():
            taken[name][turn] = seconds(code)
    of_peer, of_ours = (np.median(taken[name] - taken["nothing"]) for name in (PEER, OURS))

    def rows():
        for name, median in ((PEER, of_peer), (OURS, of_ours)):
            yield {"import": name, "s": f"{median:.2g}", "times": f"{median / of_peer:.2f}"}

    def notes():
        modules = ", ".join(f"{name} {own:.1f}" for own, name in slowest(OURS, 5))
        yield f"The most of its own, in ms: {modules}."

    publish("imports", rows(), notes, arguments.write)
    sys.exit(int(of_ours > LIMIT * of_peer))


if __name__ == "__main__":
    main()
