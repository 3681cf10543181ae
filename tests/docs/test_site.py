"""The site of docs/ builds strictly, and every command that guides and operations show is run by a test."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.repository import DOCS, ROOT, files, read
from tests.docs.shown_commands import blocks

PAGES = [
    path.relative_to(DOCS).with_suffix("").as_posix()
    for folder in ("guides", "operations")
    for path in sorted((DOCS / folder).glob("*.md"))
]
ROLES = {"vendor", "crm", "rep", "manager", "admin", "on-call"}


def test_the_site_builds_and_every_link_of_it_leads_somewhere(tmp_path: Path) -> None:
    built = subprocess.run(
        [Path(sys.executable).parent / "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path],
        cwd=ROOT,
        env={"NO_MKDOCS_2_WARNING": "1", "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    for role in ROLES:
        page = (tmp_path / "guides" / role / "index.html").read_text()
        assert '<img alt="' in page or role == "crm"  # it has no pages
        assert not re.search(r'(src|href)="https?://[^"]*\.(?:js|css)"', page), "nothing comes from elsewhere"


def test_there_is_a_guide_for_each_role() -> None:
    assert {page.removeprefix("guides/") for page in PAGES if page.startswith("guides/")} == ROLES


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_commands_has_a_name_and_a_test_that_runs_it(page: str) -> None:
    names = [name for name, _ in blocks(DOCS / f"{page}.md")]
    assert read(DOCS / f"{page}.md").count("```sh") == len(names)
    assert "" not in names
    assert len(set(names)) == len(names)
    folder, _, short = page.partition("/")
    tests = "".join(read(path) for path in files() if (ROOT / "tests" / "operations") in path.parents)
    ran = [
        name
        for name in names
        if f'run_{folder}("{short}", "{name}"' in tests or f'restored("{name}"' in tests
    ]
    assert ran == names
