"""How long the triangle tables take, against the obvious loop over pairs: python -m
tests.benchmarks.bench_triangles
"""

import time
from collections.abc import Callable

from symgen.algebra.base import parse
from symgen.algebra.catalogue import group
from symgen.algebra.triangles import triangle_tables
from tests.algebra.slow_triangles import slow_triangles


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Best of some repeats."""
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    """One line per grid."""
    print("grid     tables ms  loop ms   ratio")
    for n in (4, 8, 14):
        base = parse(group("C4"), f"grid {n}x{n}")
        fast = seconds(lambda base=base: triangle_tables(base), 20)
        slow = seconds(lambda n=n: slow_triangles(n, n), 1)
        print(f"{n:2}x{n:<5} {fast * 1e3:9.2f} {slow * 1e3:8.0f} {slow / fast:7.0f}")


if __name__ == "__main__":
    main()
