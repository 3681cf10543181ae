"""The rule builder in a real browser: what a person builds is the tree that rules take (Q1, Q2, Q6)."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from models.errors import RuleErrors
from rules.language.operators import OPERATORS, FieldType
from rules.language.tree import parse
from tests.web.conftest import CHROMIUM, CHROMIUM_FLAGS
from tests.web.running_org import PATIENCE_MS
from web.services.rule_fields import offered_fields

WEB: Final = Path(__file__).parents[2] / "web"
VENDOR: Final = WEB / "static" / "vendor"


def test_the_committed_island_is_what_its_sources_were_when_it_was_built() -> None:
    """This needs no Node: the record beside the bundle has the digest of both. `make island-check` builds it again."""
    recorded = {}
    for line in (VENDOR / "rule-builder.sha256").read_text().splitlines():
        digest, name = line.split("  ")
        recorded[name] = digest
    sources = {f"island/{path.relative_to(WEB / 'island')}" for path in (WEB / "island" / "src").iterdir()}
    assert set(recorded) == sources | {
        "island/build.mjs",
        "island/package.json",
        "island/package-lock.json",
        "static/vendor/rule-builder.css",
        "static/vendor/rule-builder.js",
        "static/vendor/rule-builder.licenses.txt",
    }
    digests = {name: hashlib.sha256((WEB / name).read_bytes()).hexdigest() for name in recorded}
    assert digests == recorded, "run make island"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Yield a new page on which no script may fail."""
    failures: list[str] = []
    with browser.new_context(timezone_id="America/New_York") as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.on("console", lambda message: failures.append(message.text) if message.type == "error" else None)
        yield page
    assert not failures


Mount = Callable[[Any], Locator]


@pytest.fixture
def mount(page: Page) -> Mount:
    """Return a function that mounts the builder with a tree and returns its output."""

    def mounted(tree: Any) -> Locator:
        page.set_content(
            "<script>window.changes = 0; addEventListener('change', "
            "(event) => { if (event.target.name === 'inclusion') window.changes += 1 })</script>"
            "<style>:root { color-scheme: light dark }</style><button>before</button>"
            "<rule-builder data-name='inclusion' data-label='Inclusion rules'></rule-builder>"
        )
        page.add_style_tag(path=VENDOR / "rule-builder.css")
        page.eval_on_selector(
            "rule-builder",
            "(element, [fields, value]) => Object.assign(element.dataset, {fields, value})",
            [json.dumps(offered_fields(("tier",))), json.dumps(tree)],
        )
        page.add_script_tag(path=VENDOR / "rule-builder.js")
        page.get_by_label("Leads meet, in Inclusion rules").wait_for()
        return page.locator("rule-builder")

    return mounted


def hidden_tree(page: Page) -> Any:
    """Return the tree in the hidden input."""
    return json.loads(page.locator("input[name=inclusion]").input_value())


def group(*rules: Any, **more: Any) -> dict[str, Any]:
    """Return a group as the builder writes it."""
    return {"combinator": "and", "not": False, "rules": [*rules], **more}


def rule(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    """Return a rule."""
    return {"field": field, "operator": operator, "value": value}


WHOLE: Final = group(
    rule("state", "in", ["RI", "MA"]),
    rule("created_at", "inLast", {"amount": 30, "unit": "day"}),
    group(
        rule("loan_amount", "between", [100_000, 250_000.5]),
        rule("attributes.tier", "=", "gold"),
        rule("attributes.never heard of", ">", 7),
        rule("created_at", "=", "2026-11-20T09:12:00-05:00"),
        group(rule("campaign", "null"), rule("consent", "!=", False), rule("zip", "notIn", ["02903"])),
        combinator="or",
        **{"not": True},
    ),
)


def test_q2_a_published_tree_comes_out_of_the_builder_as_it_went_in(page: Page, mount: Mount) -> None:
    """Q2: also attributes that are not listed, times with an offset, and negated groups."""
    builder = mount(WHOLE)
    assert hidden_tree(page) == WHOLE
    builder.get_by_label("Value of Created on date, amount").fill("14")
    changed = json.loads(json.dumps(WHOLE))
    changed["rules"][1]["value"]["amount"] = 14
    assert hidden_tree(page) == changed
    assert page.evaluate("window.changes") >= 1
    assert parse(hidden_tree(page)) == parse(changed)


def test_q1_rules_are_built_by_the_keyboard_alone(page: Page, mount: Mount) -> None:
    """Q1: add, choose, type, negate, remove. The focus is always at the next control."""
    mount(None)
    page.get_by_text("before").focus()
    press = page.keyboard.press
    for _ in range(3):  # the combinator, not, + Rule
        press("Tab")
    press("Enter")
    expect_focus(page, "Field of rule 1")
    page.keyboard.type("State")
    press("Tab")
    page.keyboard.type("is one")
    press("Tab")
    for state in ("ak", "RI"):
        page.keyboard.type(state)
        press("Enter")
    expect_written(page, group(rule("state", "in", ["AK", "RI"])))
    page.keyboard.type("narnia")
    press("Enter")
    expect_written(page, group(rule("state", "in", ["AK", "RI"])))
    press("Shift+Tab")
    expect_focus(page, "Remove RI")
    press("Shift+Tab")
    press("Enter")
    expect_written(page, group(rule("state", "in", ["RI"])))
    page.get_by_label("Not: turn Inclusion rules round").focus()
    press("Space")
    expect_written(page, group(rule("state", "in", ["RI"]), **{"not": True}))
    page.get_by_label("Remove rule 1").focus()
    press("Enter")
    expect_written(page, group(**{"not": True}))
    expect_focus(page, "Add a rule to Inclusion rules")


@pytest.mark.parametrize("attempt", range(8), ids=lambda attempt: f"attempt {attempt}")
def test_q1_changes_within_one_frame_all_count(page: Page, mount: Mount, attempt: int) -> None:
    """Q1: somebody who is faster than the screen loses nothing. It is chance whether a frame comes in between."""
    del attempt
    builder = mount(group(rule("state", "in", ["AK", "RI", "MA"])))
    builder.evaluate(FASTER_THAN_THE_SCREEN)
    expect_written(page, group(**{"not": True}))


FASTER_THAN_THE_SCREEN: Final = """async (builder) => {
    const nextTask = () => new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = resolve;
        port2.postMessage(null);
    });
    for (const name of ["Remove AK", "Remove MA", "Not: turn Inclusion rules round", "Remove rule 1"]) {
        builder.querySelector(`[aria-label="${name}"]`).click();
        await nextTask();
    }
}"""


def expect_focus(page: Page, label: str) -> None:
    """Wait until the control of this name has the focus."""
    page.wait_for_function("(name) => document.activeElement.getAttribute('aria-label') === name", arg=label)


def expect_written(page: Page, tree: Any) -> None:
    """Wait until this tree is in the hidden input."""
    written = json.dumps(tree, separators=(",", ":"))
    page.wait_for_function("(tree) => document.querySelector('input').value === tree", arg=written)


ONE_OF_EACH: Final = {
    FieldType.TEXT: "campaign",
    FieldType.CHOICE: "state",
    FieldType.NUMBER: "loan_amount",
    FieldType.INTEGER: "credit_score",
    FieldType.DAYS: "days_in_queue",
    FieldType.BOOLEAN: "silenced",
    FieldType.DATE: "last_contacted_at",
    FieldType.ATTRIBUTE: "attributes.tier",
}
UNFINISHED: Final = ("is empty", "expected a number", "expected a whole number")
UNFILLED: Final[tuple[Any, ...]] = ("", ["", ""], [], ["", None])
"""What an editor holds before somebody fills it; a text may stay empty."""
"""What rules say of a value nobody has typed yet."""


@pytest.mark.parametrize("kind", FieldType)
def test_q2_every_operator_has_an_editor_of_the_right_shape(
    page: Page, mount: Mount, kind: FieldType
) -> None:
    """Q2: changing operator or field never leaves a value of another shape behind."""
    builder = mount(group(rule("created_at", "inLast", {"amount": 1, "unit": "hour"})))
    builder.get_by_label("Field of rule 1").select_option(ONE_OF_EACH[kind])
    for operator in OPERATORS[kind]:
        builder.get_by_label("Operator of rule 1").select_option(operator.value)
        (condition,) = hidden_tree(page)["rules"]
        assert (condition["field"], condition["operator"]) == (ONE_OF_EACH[kind], operator.value)
        if condition["value"] in UNFILLED:
            with pytest.raises(RuleErrors) as refused:
                parse(hidden_tree(page))
            reason = refused.value.problems[0].reason
            assert reason.endswith(UNFINISHED) or "got " in reason
        else:
            parse(hidden_tree(page))


def test_q2_dates_lists_numbers_and_attributes_are_typed(page: Page, mount: Mount) -> None:
    """Q2: a time has the browser's offset at that day, a list takes values one by one, a name is free."""
    builder = mount(
        group(rule("arrived_at", ">", "2026-11-20"), rule("zip", "in", []), rule("attributes.tier", "=", "x"))
    )
    builder.get_by_label("Value of Arrived, day or time").select_option("time")
    builder.get_by_label("Value of Arrived", exact=True).fill("2026-07-01T08:30")
    for code in ("02903", "10001"):
        builder.get_by_label("Value of Zip, add").fill(code)
        page.keyboard.press("Enter")
    builder.get_by_label("Field of rule 3").select_option("attributes.")
    builder.get_by_label("Name of the attribute of rule 3").fill("plan b")
    builder.get_by_label("Value of Plan b, compared as").or_(
        builder.get_by_label("Value of plan b, compared as")
    ).select_option("number")
    builder.get_by_label("Value of plan b", exact=True).fill("12.5")
    expected = group(
        rule("arrived_at", ">", "2026-07-01T08:30:00-04:00"),
        rule("zip", "in", ["02903", "10001"]),
        rule("attributes.plan b", "=", 12.5),
    )
    expect_written(page, expected)
    parse(hidden_tree(page))


def test_q6_what_is_wrong_is_said_at_the_rule(page: Page, mount: Mount) -> None:
    """Q6: the error is shown at the path that the server names; the control is marked, and described by the reason."""
    builder = mount(group(rule("state", "=", "RI"), group(rule("zip", "=", ""))))
    refused = group(rule("state", "=", "RI"), group(rule("zip", "=", "")))
    with pytest.raises(RuleErrors) as error:
        parse(refused, "inclusion")
    problems = [{"path": problem.path, "reason": problem.reason} for problem in error.value.problems]
    problems.append({"path": "inclusion.rules[1]", "reason": "the group is odd"})
    problems.append({"path": "exclusion.rules[0]", "reason": "of another tree"})
    page.eval_on_selector(
        "rule-builder",
        "(element, detail) => element.dispatchEvent(new CustomEvent('rule-problems', {detail}))",
        problems,
    )
    value = builder.get_by_label("Value of Zip")
    assert value.get_attribute("aria-invalid") == "true"
    described = value.get_attribute("aria-describedby")
    assert page.locator(f"[id='{described}']").inner_text() == "the text is empty"
    assert builder.locator(".rule-problem").all_inner_texts() == ["the group is odd", "the text is empty"]
    value.fill("02903")
    builder.locator(".rule-problem").first.wait_for(state="detached")


def test_q1_every_control_has_a_name_and_dark_is_dark(page: Page, mount: Mount) -> None:
    """Q1: a screen reader names every control; colours follow the scheme."""
    builder = mount(WHOLE)
    for control in builder.locator("input:not([type=hidden]), select, button").all():
        assert control.get_attribute("aria-label")
    ground = "getComputedStyle(document.querySelector('rule-builder .ruleGroup')).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) != light
