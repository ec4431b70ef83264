"""The notebooks run from top to bottom, and show what they say they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT


def executed(path: Path, directory: Path) -> Any:
    notebook = nbformat.read(path, as_version=4)
    # The kernel of the Python that runs this test, whatever kernels a user's directory names.
    client = NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(directory)}})
    client.execute()
    return notebook


def test_quickstart(tmp_path: Path) -> None:
    notebook = executed(ROOT / "notebooks" / "quickstart.ipynb", tmp_path)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = " ".join(" ".join(output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs).split())
    assert "[(1, 'Ada', 37)]" in texts
    assert "({'status': 'done'}, {'first_name': 'Grace', 'age': '85'}" in texts
    assert "20000 rows" in texts
    assert "'state': 'running'" in texts
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
def test_notebooks_are_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
