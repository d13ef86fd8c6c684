"""Settings of the whole suite."""

import os

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before torch is imported: two threads are slower on small networks

import pytest
from hypothesis import settings

# The same examples every time, and no deadline: a busy machine is no failure.
settings.register_profile("symgen", deadline=None, derandomize=True)
settings.load_profile("symgen")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """Solved bases are shared by the tests of one session, and by nothing else."""
    before = os.environ.get("SYMGEN_CACHE")
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # its own folder lies in that of all workers
        folder = folder.parent
    os.environ["SYMGEN_CACHE"] = before or str(folder / "cache")
    yield
    if before is None:
        del os.environ["SYMGEN_CACHE"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, `slow(minutes=5)`: side by side, nobody waits for one in the end."""

    def minutes(item: pytest.Item) -> float:
        marker = item.get_closest_marker("slow")
        return marker.kwargs.get("minutes", 0) if marker else 0

    items.sort(key=minutes, reverse=True)
