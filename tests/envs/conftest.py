"""What the tests of environments share."""

import pytest

from tests.envs.opened import close_all


@pytest.fixture(scope="package", autouse=True)
def _closed():
    """Environments of examples are closed when all is done."""
    yield
    close_all()
