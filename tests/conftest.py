"""What every test may ask for: programs (`need`), real servers; and a list of what did not run."""

from __future__ import annotations

pytest_plugins = [
    "tests.archives",
    "tests.care",
    "tests.doors",
    "tests.needs",
    "tests.receivers",
    "tests.servers",
    "tests.certificates",
]
