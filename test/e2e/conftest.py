"""Fixtures: servers are started once for each test process, queues and services anew for each test."""
import pytest

from world.program import SLUICE, Sluice
from world.queues import ElasticMQ, Moto, webhook_events
from world.receiver import Receiver


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    server = Moto(tmp_path_factory.mktemp("moto"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def elasticmq(tmp_path_factory):
    server = ElasticMQ(tmp_path_factory.mktemp("elasticmq"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def events():
    return webhook_events()


@pytest.fixture
def receiver():
    """A function that starts a service; see Receiver."""
    started = []

    def start(answer=None, tls=None):
        started.append(Receiver(answer, tls))
        return started[-1]

    yield start
    for service in started:
        service.close()


@pytest.fixture
def sluice(tmp_path):
    """A function that starts sluice; what still runs at the end of the test is killed."""
    started = []

    def start(*arguments, **options):
        folder = tmp_path / f"sluice-{len(started)}"
        folder.mkdir()
        started.append(Sluice(folder, *arguments, **options))
        return started[-1]

    yield start
    for program in started:
        program.kill()


def pytest_report_header():
    return f"sluice: {SLUICE}"
