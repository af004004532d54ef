"""What the benchmarks share: seconds, peak memory, tables, and the page that shows them."""

import argparse
import re
import resource
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "explanation" / "benchmarks.md"


def parser(doc, *, write=False):
    """The options that benchmarks have in common; ``write`` of those that the page shows."""
    options = argparse.ArgumentParser(description=doc.partition("\n")[0])
    options.add_argument("--quick", action="store_true", help="small sizes")
    if write:
        options.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    return options


def timed(run, budget=1.0, most=15, clock=time.perf_counter):
    """A call's outcome, its seconds, and those of later calls: one or more, until they take ``budget`` seconds."""
    seconds: list[float] = []
    while len(seconds) < 2 or (sum(seconds[1:]) < budget and len(seconds) <= most):
        started = clock()
        outcome = run()
        seconds.append(clock() - started)
    return outcome, seconds[0], seconds[1:]


def peak_megabytes():
    """The most memory that this process has had so far, imports included."""
    status = Path("/proc/self/status")
    if status.exists():  # where ru_maxrss counts what the parent had before this process was another program
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def cell(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def markdown(rows):
    """Lines of a table of rows that have the same keys, as they come."""
    for place, row in enumerate(rows):
        if place == 0:
            yield "| " + " | ".join(row) + " |"
            yield "| " + " | ".join("---" for _ in row) + " |"
        yield "| " + " | ".join(map(cell, row.values())) + " |"


def publish(name, rows, notes, write):
    """Print a table as its rows come, and what is to be said below it; with ``write`` put both into the page.

    There they stand between the comments ``<!-- name -->`` and ``<!-- end of name -->``.
    """
    lines = []
    for line in markdown(rows):
        lines.append(line)
        print(line, flush=True)
    below = ["", *notes()]
    print("\n".join(below), flush=True)
    if write:
        text = PAGE.read_text(encoding="utf-8")
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->")
        if not (begin and end):
            raise ValueError(f"{PAGE} must have the comments <!-- {name} --> and <!-- end of {name} -->.")
        PAGE.write_text(before + begin + "\n".join([*lines, *below]) + "\n" + end + after, encoding="utf-8")
