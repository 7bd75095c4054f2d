"""What every test run shares: a closing list of what was skipped and why, which `OXIDE_NO_SKIP=1` makes a failure."""

from __future__ import annotations

import os
import signal
from collections import defaultdict

import hypothesis
import pytest

# How long a machine takes says nothing about the code.
hypothesis.settings.register_profile("oxide", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("oxide")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # So it is where a shell started the run in the background, and every process that a test starts would take it over.
    signal.signal(signal.SIGINT, signal.default_int_handler)

REMEDIES = {
    "chromium": "the browser chromium (`apt install chromium`)",
    "git-lfs": "git-lfs (`apt install git-lfs`)",
    "postgres": "PostgreSQL (`apt install postgresql`)",
    "polars": "the extra `frames` (`pip install -e '.[frames]'`)",
    "pandas": "the extra `frames` (`pip install -e '.[frames]'`)",
    "git": "git (`apt install git`)",
    "cargo": "cargo (https://rustup.rs)",
}
"""Words in a skip's reason, the more specific first, and what to install for it."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each reason once, with how many tests it cost and what would bring them back."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for report in terminalreporter.stats.get("skipped", []):
        reasons[_reason(report)].append(report.nodeid)
    if not reasons:
        terminalreporter.write_line("Nothing was skipped.")
        return
    terminalreporter.section("skipped, and why")
    for reason, tests in sorted(reasons.items()):
        terminalreporter.write_line(f"{len(tests):4} skipped: {reason}{_remedy(reason)}")
        for test in tests[:3]:
            terminalreporter.write_line(f"       {test}")
        if len(tests) > 3:
            terminalreporter.write_line(f"       and {len(tests) - 3} more")
    if _no_skip():
        terminalreporter.write_line("OXIDE_NO_SKIP=1: a skip is a failure.", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turn a run that would pass into a failure when it skipped something and nothing may be skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if _no_skip() and exitstatus == pytest.ExitCode.OK and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _no_skip() -> bool:
    return os.environ.get("OXIDE_NO_SKIP", "") not in ("", "0")


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return str(getattr(report, "wasxfail", "") or report.longrepr)


def _remedy(reason: str) -> str:
    for word, remedy in REMEDIES.items():
        if word in reason.lower():
            return f" -> install {remedy}"
    return ""
