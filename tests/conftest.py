"""What tests counted is said at the end of the run, also where they passed."""

from __future__ import annotations


def pytest_terminal_summary(terminalreporter):
    """Print the property ``counted`` of each test that recorded one."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            if name == "counted" and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid}: {value}")
