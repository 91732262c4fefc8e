"""The end-to-end tests' world: queues, a service, sluice as a process."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "e2e"))

import pytest  # noqa: E402

from world.program import Sluice  # noqa: E402
from world.queues import Moto  # noqa: E402


@pytest.fixture(scope="session")
def moto(tmp_path_factory):
    server = Moto(tmp_path_factory.mktemp("moto"))
    yield server
    server.close()


@pytest.fixture
def sluice(tmp_path):
    started = []

    def start(*arguments, **options):
        started.append(Sluice(tmp_path, *arguments, **options))
        return started[-1]

    yield start
    for program in started:
        program.kill()
