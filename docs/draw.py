"""Run an example and save its last picture: ``python docs/draw.py examples/labs/mice.py docs/images/mice.png``."""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

example, picture = map(Path, sys.argv[1:])
sys.path.insert(0, str(example.parent))  # as where Python runs a script: examples import what lies beside them
runpy.run_path(str(example), run_name="__main__")
picture.parent.mkdir(parents=True, exist_ok=True)
plt.savefig(picture, dpi=110)
print(f"\nPicture: {picture}")
