"""The list of holes is complete, and the tests that it names are there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.holes import ELSEWHERE, NOT_YET, NUMBERS

ROOT = Path(__file__).resolve().parents[2]


def test_every_hole_has_a_test_or_a_reason() -> None:
    texts = [path.read_text() for path in (ROOT / "tests").rglob("test_*.py")]
    named = {int(number) for text in texts for number in re.findall(r"^def test_hole_(\d\d)_", text, re.MULTILINE)}
    assert named <= set(NUMBERS)
    assert set(ELSEWHERE) | set(NOT_YET) <= set(NUMBERS)
    assert sorted(named | set(ELSEWHERE) | set(NOT_YET)) == list(NUMBERS)


def test_the_tests_that_are_named_are_collected() -> None:
    tests = sorted({test for tests in ELSEWHERE.values() for test in tests})
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *tests], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stdout + found.stderr
    for test in tests:
        assert re.search(rf"^{re.escape(test)}\b", found.stdout, re.MULTILINE), test
