"""For pytest: the schedule, the laboratory of each seed, and what is told at the end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from laboratory import page, record
from laboratory.laboratories import Laboratories
from laboratory.schedule import SEEDS, is_whole, schedule

RECORD = record.Record(begins_anew=is_whole())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each seed and fault; the short ones of the first seed are marked."""
    RECORD.keeps = "short" not in metafunc.config.option.markexpr
    if "fault" in metafunc.fixturenames:
        metafunc.parametrize(
            ("seed", "fault"),
            [
                pytest.param(
                    seed,
                    fault,
                    id=f"{seed}-{fault.name}",
                    marks=[pytest.mark.short] if fault.short and seed == SEEDS[0] else [],
                )
                for seed, fault in schedule()
            ],
        )


@pytest.fixture(scope="session")
async def laboratories(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Laboratories]:
    """Where faults are tried out."""
    print(f"seeds: {SEEDS}")
    found = Laboratories(tmp_path_factory.mktemp("laboratory"))
    yield found
    await found.close()


@pytest.fixture
def entries() -> record.Record:
    """What is written down of each fault."""
    return RECORD


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A run takes long: what fails is told at once."""
    if report.failed and "tests/faults/" in report.nodeid:
        print(f"\n{report.longreprtext}", flush=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How to have the same again."""
    if RECORD.seen:
        terminalreporter.write_line(
            f"faults: the same schedule again with FAULTS_SEEDS={','.join(map(str, SEEDS))}"
        )


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """The figures are the last line of a run that tried faults; all but the short set make the page anew."""
    if RECORD.seen:
        if RECORD.keeps and RECORD.adds_to_nothing:
            print("docs/reliability.md stays as it is: the rows of the run before are not here")
        elif RECORD.keeps:
            page.write(record.kept())
        print(f"figures: {json.dumps(RECORD.figures())}")
