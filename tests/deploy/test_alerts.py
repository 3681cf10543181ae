"""Every alert fires on the series that should fire it, and has a page that says what to do."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from tests.deploy.prometheus import DEPLOY, REPOSITORY, promtool

RUNBOOK = REPOSITORY / "docs" / "runbook"
TESTS = Path(__file__).with_name("alerts.test.yml")
RULES = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"][0]["rules"]


def test_promtool_finds_nothing_in_the_rules() -> None:
    assert f"SUCCESS: {len(RULES)} rules found" in promtool("check", "rules", str(DEPLOY / "alerts.yml"))


def test_each_alert_fires_on_its_series(tmp_path: Path) -> None:
    for file in (DEPLOY / "alerts.yml", TESTS):
        shutil.copy(file, tmp_path)
    assert "SUCCESS" in promtool("test", "rules", TESTS.name, folder=tmp_path)
    fired = {
        case["alertname"]
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert fired == {rule["alert"] for rule in RULES}


def test_each_alert_has_a_page_and_each_page_an_alert() -> None:
    pages = {Path(rule["annotations"]["runbook_url"]) for rule in RULES}
    written = {path.relative_to(REPOSITORY) for path in RUNBOOK.glob("*.md")}
    without_alert = {Path("docs/runbook/README.md"), Path("docs/runbook/exit-codes.md")}
    assert {page for page in written - without_alert if not page.name.startswith("exit-")} == pages
    overview = (RUNBOOK / "README.md").read_text()
    for rule in RULES:
        page = Path(rule["annotations"]["runbook_url"])
        title = (REPOSITORY / page).read_text().splitlines()[0].removeprefix("# ")
        assert f"| `{rule['alert']}` | [{title}]({page.name}) |" in overview
