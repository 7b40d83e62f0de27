"""The farm of real demo nodes, and poisonous lines to them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from farm_app.models import GpuNode
from tests.farm.conftest import copies, data, farm, stable
from tests.farm.rig import Farm, NodeProcess
from tests.faults.nursery import Nursery
from tests.faults.toxic import ToxicProxy

__all__ = ["copies", "data", "farm", "stable"]

Lines = Callable[[NodeProcess], ToxicProxy]


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Give the process that Eliot's own processes are forked from."""
    found = Nursery(tmp_path_factory.mktemp("nursery"))
    yield found
    found.close()


@pytest.fixture
def line(farm: Farm) -> Iterator[Lines]:
    """Put a line of its own between Eliot and a node."""
    with ExitStack() as stack:

        def between(process: NodeProcess) -> ToxicProxy:
            proxy = stack.enter_context(ToxicProxy(process.port))
            GpuNode.objects.filter(slug=process.name).update(port=proxy.port)
            return proxy

        yield between
