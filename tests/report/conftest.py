"""Studies that tests share: written once."""

import pytest

from symgen.report.contents import contents_of
from symgen.report.html import page
from tests.report.folders import write_study


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """The folder of a study of ten seeds with an effect."""
    return write_study(tmp_path_factory.mktemp("effect"))


@pytest.fixture(scope="session")
def contents(study):
    return contents_of([study])


@pytest.fixture(scope="session")
def html(contents):
    return page(contents)
