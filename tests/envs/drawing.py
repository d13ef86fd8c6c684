"""Whether this machine can draw the DeepMind control suite."""

import importlib.util
import subprocess
import sys
from functools import cache

REASON = "needs EGL or OSMesa to draw"
CODE = (
    "from symgen.envs import dm_control as d; d.make(d.Options(domain='pendulum', task='swingup', "
    "observe='pixels', size=8), 1, 0)"
)


@cache
def drawable() -> bool:
    """Found out in a process of its own: a library that fails may end it."""
    if importlib.util.find_spec("dm_control") is None:
        return False
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, check=False)
    return done.returncode == 0
