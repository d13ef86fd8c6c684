"""How long a save of a spec takes to check, and compiling and verifying it, beside the imports they cannot do without.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_front_end.py [SPEC ...]

Whole processes by the clock, median of several, each round running every kind once so that all share the same load.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SPECS = Path(__file__).parents[2] / "specs"
CHECK_BAR, COMPILE_BAR = 0.6, 2.0

# The command line as the console script starts it.
CHECK = "import sys; from symgen.cli import main; sys.argv = ['symgen', 'check', sys.argv[1]]; main()"
COMPILE = "import sys, symgen; assert symgen.compile(sys.argv[1]).verification.holds"


def seconds(code: str, *arguments: str) -> float:
    """Wall time of a fresh interpreter that runs `code`."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    taken = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return taken


def medians(rounds: int, kinds: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median of each kind; kinds alternate."""
    taken = [{name: run() for name, run in kinds.items()} for _ in range(rounds)]
    return {name: statistics.median(row[name] for row in taken) for name in kinds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("specs", nargs="*", type=Path, default=sorted(SPECS.glob("**/*.yaml")))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(
        f"{'spec':44} {'imports':>8} {'check':>7} {'ratio':>6}   {'torch':>6} {'compile':>8} {'beyond':>7} {'ratio':>6}"
    )
    late = []
    for spec in arguments.specs:
        path, name = str(spec), str(spec.relative_to(SPECS)) if spec.is_relative_to(SPECS) else str(spec)
        try:
            found = medians(
                arguments.rounds,
                {
                    "imports": lambda: seconds("import numpy, networkx, pydantic, yaml"),
                    "check": lambda path=path: seconds(CHECK, path),
                    "torch": lambda: seconds("import torch"),
                    "compile": lambda path=path: seconds(COMPILE, path),
                },
            )
        except RuntimeError as error:
            print(f"{name:44} {str(error).strip().splitlines()[-1][:90]}")
            continue
        beyond = found["compile"] - found["torch"]
        late += [f"{name}: check {found['check']:.2f} s"] * (found["check"] > CHECK_BAR)
        late += [f"{name}: compile {beyond:.2f} s"] * (beyond > COMPILE_BAR)
        print(
            f"{name:44} {found['imports']:7.2f}s {found['check']:6.2f}s {found['check'] / found['imports']:6.2f}   "
            f"{found['torch']:5.2f}s {found['compile']:7.2f}s {beyond:6.2f}s {found['compile'] / found['torch']:6.2f}"
        )
    print(f"bars: check {CHECK_BAR} s, compile and verify {COMPILE_BAR} s beyond import torch;", end=" ")
    print("all met" if not late else "missed: " + "; ".join(late))


if __name__ == "__main__":
    main()
