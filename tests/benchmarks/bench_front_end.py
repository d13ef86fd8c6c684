"""How long a save of a spec takes to check, and compiling and verifying it, beside the imports they
cannot do without.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_front_end.py [SPEC ...]

Whole processes by the clock. Every round runs every kind once, so that all share the machine's
load: seconds are the best of the rounds, ratios the median.
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
CHECK = (
    "import sys; from symgen.cli import main; sys.argv = ['symgen', 'check', sys.argv[1]]; main()"
)
COMPILE = "import sys, symgen; assert symgen.compile(sys.argv[1]).verification.holds"


def seconds(code: str, *arguments: str) -> float:
    """Wall time of a fresh interpreter that runs `code`."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    taken = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return taken


def alternating(rounds: int, kinds: dict[str, Callable[[], float]]) -> list[dict[str, float]]:
    """Seconds of each kind, in every round."""
    return [{name: run() for name, run in kinds.items()} for _ in range(rounds)]


def ratio(found: list[dict[str, float]], one: str, other: str) -> float:
    """The median over rounds."""
    return statistics.median(row[one] / row[other] for row in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("specs", nargs="*", type=Path, default=sorted(SPECS.glob("**/*.yaml")))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(
        f"{'spec':44} {'imports':>8} {'check':>7} {'ratio':>6}   {'torch':>6} {'compile':>8} "
        f"{'beyond':>7} {'ratio':>6}"
    )
    late = []
    for spec in arguments.specs:
        path, name = (
            str(spec),
            str(spec.relative_to(SPECS)) if spec.is_relative_to(SPECS) else str(spec),
        )
        try:
            found = alternating(
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
        best = {kind: min(row[kind] for row in found) for kind in found[0]}
        beyond = best["compile"] - best["torch"]
        late += [f"{name}: check {best['check']:.2f} s"] * (best["check"] > CHECK_BAR)
        late += [f"{name}: compile {beyond:.2f} s"] * (beyond > COMPILE_BAR)
        print(
            f"{name:44} {best['imports']:7.2f}s {best['check']:6.2f}s "
            f"{ratio(found, 'check', 'imports'):6.2f}   "
            f"{best['torch']:5.2f}s {best['compile']:7.2f}s {beyond:6.2f}s "
            f"{ratio(found, 'compile', 'torch'):6.2f}"
        )
    print(
        f"bars: check {CHECK_BAR} s, compile and verify {COMPILE_BAR} s beyond import torch;",
        end=" ",
    )
    print("all met" if not late else "missed: " + "; ".join(late))


if __name__ == "__main__":
    main()
