"""Fixtures, and the figures of each test in the summary."""
import shutil

import pytest

from rig import FULL, PROXY, SLUICE, new_seed


@pytest.fixture
def seed(figure):
    seed = new_seed()
    figure(f"TOXICS_SEED={seed}")
    return seed


@pytest.fixture
def figure(record_property):
    """A function that takes a line for the summary."""
    def add(text):
        record_property("figure", text)
        print(text)
    return add


@pytest.fixture
def running():
    """A function that takes what has a `stop`, and stops it at the end, the last one first."""
    started = []

    def add(thing):
        started.append(thing)
        return thing

    yield add
    for thing in reversed(started):
        thing.stop() if hasattr(thing, "stop") else thing.kill()


def pytest_terminal_summary(terminalreporter):
    for reports in terminalreporter.stats.values():
        for report in reports:
            figures = [text for name, text in getattr(report, "user_properties", []) if name == "figure"]
            if getattr(report, "when", None) == "call" and (len(figures) > 1 or report.failed):
                terminalreporter.section(report.nodeid.split("::")[-1], "-")
                terminalreporter.write_line("\n".join(figures))


def pytest_report_header():
    assert shutil.which(PROXY), f"{PROXY}: test/toxics/run builds it"
    return f"sluice: {SLUICE}, {'all' if FULL else 'a part: CI=true runs all'}"
