"""No edit is lost: a draft or a view is saved only over the version that its writer saw (Q1, Q6)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from models.errors import InvalidInput, PublicationErrors
from rules.queues.rule_book import NewestPublication, OrgRules
from sink.database_engine import connect
from tests.fixtures.servers import empty_database
from tests.fixtures.waiting import PATIENCE_SECONDS
from web.services.queue_editing import drafted_value, publishable, state_of
from web.store.drafts import DraftConflictError, Drafts
from web.store.migrate import upgrade
from web.store.tables import Base
from web.store.views import MAX_VIEWS, CustomViews, TooManyViewsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from web.store.drafts import Draft


@pytest.fixture(params=["sqlite", "postgres"])
def drafts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Drafts]:
    """Yield the drafts of a new database."""
    with empty_database(request, tmp_path, "drafts") as url:
        upgrade(url)
        engine = connect(url)
        yield Drafts(engine)
        engine.dispose()


def test_the_migrations_and_the_tables_agree(drafts: Drafts) -> None:
    """The migrated tables are those that the code uses."""
    with drafts._engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "version_table": "console_alembic_version"}
        )
        assert compare_metadata(context, Base.metadata) == []


def save(drafts: Drafts, revision: str | None, by: str = "mia", **value: Any) -> Draft:
    """Save a draft of queue `q`."""
    return drafts.save("default", "q", value, based_on=None, by=by, revision=revision)


def test_q6_a_lost_edit_is_told_what_is_there_now(drafts: Drafts) -> None:
    """Q6: of two who saw the same version, the second is refused and sees the first one's edit."""
    first = save(drafts, None, name="a")
    second = save(drafts, first.revision, by="ada", name="b")
    with pytest.raises(DraftConflictError) as overtaken:
        save(drafts, first.revision, name="c")
    assert overtaken.value.now == second == drafts.find("default", "q")
    with pytest.raises(DraftConflictError):
        save(drafts, None, name="d")
    with pytest.raises(DraftConflictError):
        drafts.discard("default", "q", first.revision)
    assert drafts.find("other", "q") is None
    assert drafts.all("default") == {"q": second}
    drafts.discard("default", "q", second.revision)
    assert drafts.find("default", "q") is None
    with pytest.raises(DraftConflictError) as conflict:
        save(drafts, second.revision, name="e")
    assert conflict.value.now is None


def test_q6_of_many_who_save_at_once_one_is_kept(drafts: Drafts) -> None:
    """Q6: whatever the timing."""
    revision = save(drafts, None, name="a").revision
    saved: list[Draft] = []
    overtaken: list[DraftConflictError] = []

    def edit(name: str) -> None:
        try:
            saved.append(save(drafts, revision, by=name, name=name))
        except DraftConflictError as error:
            overtaken.append(error)

    threads = [threading.Thread(target=edit, args=(f"rep-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert len(saved) == 1
    assert len(overtaken) == 7
    assert drafts.find("default", "q") == saved[0]


def test_q6_what_is_published_is_remembered_and_a_later_edit_stays(drafts: Drafts) -> None:
    """Q6: the published draft is gone; one that was saved meanwhile is not."""
    first = save(drafts, None, name="a")
    drafts.published("default", "q", 4, {"name": "a"}, by="mia", revision=first.revision)
    assert drafts.find("default", "q") is None
    second = save(drafts, None, name="b")
    third = save(drafts, second.revision, name="c")
    drafts.published("default", "q", 7, {"name": "b"}, by="ada", revision=second.revision)
    drafts.published("default", "q", 9, None, by="mia", revision=None)
    assert drafts.find("default", "q") == third
    versions = [
        (entry.version, entry.value, entry.published_by, entry.draft)
        for entry in drafts.history("default", "q")
    ]
    assert versions == [
        (9, None, "mia", None),
        (7, {"name": "b"}, "ada", second.revision),
        (4, {"name": "a"}, "mia", first.revision),
    ]
    assert drafts.history("other", "q") == []


def test_q6_unpublished_changes_are_what_differs(drafts: Drafts) -> None:
    """Q6: path by path. A draft equal to the published queue has none; another publication is noticed."""
    value = {"queue_id": "q", "name": "a", "columns": ["state"]}
    rules = OrgRules("default", objects={("queue", "q"): NewestPublication(3, value)})
    untouched = state_of(rules, "q", None)
    assert untouched is not None
    assert (untouched.tag, untouched.unpublished, untouched.value) == ("v3", (), value)
    draft = drafts.save(
        "default", "q", {**value, "name": "b", "columns": []}, based_on=3, by="mia", revision=None
    )
    state = state_of(rules, "q", draft)
    assert state is not None
    assert [(change.path, change.old, change.new) for change in state.unpublished] == [
        ("name", "a", "b"),
        ("columns", ["state"], []),
    ]
    assert not state.overtaken
    newer = state_of(OrgRules("default", objects={("queue", "q"): NewestPublication(5, value)}), "q", draft)
    assert newer is not None
    assert newer.overtaken
    assert state_of(OrgRules("default"), "other", None) is None


def test_q5_a_claimable_draft_has_no_outcomes() -> None:
    """Q5: they are cleared when it is saved, so that unchecking does not bring them back."""
    value = {"claimable": True, "outcomes": ["left_message"], "name": None}
    assert drafted_value("q", value) == {"claimable": True, "outcomes": [], "queue_id": "q"}
    assert drafted_value("q", {**value, "claimable": False})["outcomes"] == ["left_message"]
    assert drafted_value("q", {"name": "a\0b", "more": float("nan")}) == {"name": "ab", "queue_id": "q"}


@pytest.mark.parametrize(
    ("queue_id", "value", "expected"),
    [
        ("q", {"name": "\ud800"}, "cannot be written as JSON"),
        ("q", {"name": "x" * 300_000}, "longer than"),
        ("a\nb", {}, "queue_id: contains control"),
        ("", {}, "queue_id: is empty"),
    ],
    ids=["no text", "too long", "an id with a line break", "no id"],
)
def test_q6_what_no_draft_can_hold_is_refused(queue_id: str, value: dict[str, Any], expected: str) -> None:
    """Q6: with the reason."""
    with pytest.raises(InvalidInput, match=expected):
        drafted_value(queue_id, value)


def test_q6_only_a_valid_draft_is_published() -> None:
    """Q6: an invalid draft is refused with every field and reason; an accepted one is what the engine will have."""
    with pytest.raises(PublicationErrors) as refused:
        publishable("default", "q", {"columns": ["nope"], "sort": {"field": "state", "direction": "up"}})
    assert {problem.path for problem in refused.value.problems} == {"columns[0]", "sort.direction"}
    assert publishable("default", "q", {"name": "Q"}) == {"queue_id": "q", "name": "Q"}


def test_q1_a_view_is_its_owners_and_is_saved_over_the_one_that_was_seen(drafts: Drafts) -> None:
    """Q1: a view belongs to an org and a rep. Another rep's view with the same id is another view."""
    views = CustomViews(drafts._engine)
    first = views.add("org", "rep-1", "v", {"name": "b", "columns": ["state"]})
    assert views.add("org", "rep-1", "v", {"name": "again"}) == first  # the same request, sent twice
    other_view = views.add("org", "rep-1", "w", {"name": "A"})
    assert views.all("org", "rep-1") == [other_view, first]
    for org, rep_id in (("org", "rep-2"), ("other", "rep-1")):
        assert views.all(org, rep_id) == []
        assert views.find(org, rep_id, "v") is None
        assert views.save(org, rep_id, "v", {"name": "theirs"}, revision=first.revision) is None
        assert not views.discard(org, rep_id, "v", revision=first.revision)
    second = views.save("org", "rep-1", "v", {"name": "c"}, revision=first.revision)
    assert second is not None
    assert views.save("org", "rep-1", "v", {"name": "d"}, revision=first.revision) is None
    assert not views.discard("org", "rep-1", "v", revision=first.revision)
    assert views.find("org", "rep-1", "v") == second
    assert views.discard("org", "rep-1", "v", revision=second.revision)
    assert views.all("org", "rep-1") == [other_view]


def test_q1_nobody_has_more_views_than_a_list_can_show(drafts: Drafts) -> None:
    """Q1: one more is refused, and may be made after another is deleted."""
    views = CustomViews(drafts._engine)
    added = [views.add("org", "rep-1", f"v{n}", {"name": f"{n}"}) for n in range(MAX_VIEWS)]
    with pytest.raises(TooManyViewsError, match="delete one first"):
        views.add("org", "rep-1", "more", {"name": "more"})
    assert views.discard("org", "rep-1", "v0", revision=added[0].revision)
    views.add("org", "rep-1", "more", {"name": "more"})
    assert len(views.all("org", "rep-1")) == MAX_VIEWS
