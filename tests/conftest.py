"""The order of files, and what tests counted, which is said at the end of the run, also where they passed."""

from __future__ import annotations

LONGEST = ("test_state_machine.py",)
"""Few tests that take long: begun last, they would keep one process busy while the others have nothing to do."""


def pytest_collection_modifyitems(items):
    """Begin with the longest files, then those with the most tests."""
    tests = {}
    for item in items:
        tests[item.path] = tests.get(item.path, 0) + 1
    items.sort(key=lambda item: (item.path.name not in LONGEST, -tests[item.path], str(item.path)))


def pytest_terminal_summary(terminalreporter):
    """Print the property ``counted`` of each test that recorded one."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            if name == "counted" and report.when == "call":
                terminalreporter.write_line(f"{report.nodeid}: {value}")
