"""A day in a rep's or a group's filter is the org's day, as in a queue (C1). Each test begins with published bytes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from models.facts import Facts
from models.lead import Lead, Phase
from rules.inbound.intake import accept_publication
from rules.org.directory import OrgDirectory

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
THAT_DAY = {"rules": [{"field": "created_at", "operator": "=", "value": "2026-11-25"}]}
REP = (b"default/rep/ann", {"rep_id": "ann", "filter": THAT_DAY, "time_zone": "America/Los_Angeles"})
GROUP = (b"default/group/g", {"group_id": "g", "method": "round_robin", "members": [], "filter": THAT_DAY})
SETTINGS = (b"default/settings/settings", {"time_zone": "America/Chicago"})


def directory(*objects: tuple[bytes, dict[str, Any]], together: bool) -> OrgDirectory:
    events = [
        accept_publication(key, json.dumps(value).encode(), {}, version=version)
        for version, (key, value) in enumerate(objects)
    ]
    if together:
        return OrgDirectory().publish(*events)
    org_directory = OrgDirectory()
    for event in events:
        org_directory = org_directory.publish(event)
    return org_directory


def met(org_directory: OrgDirectory, created_at: datetime) -> set[bool]:
    """Return what the rep's and the group's filter say of a lead created at this time."""
    facts = Facts(vendor="acme", last_name="Doe", created_at=created_at)
    lead = Lead(lead_id="1", facts=facts, phase=Phase.QUEUED, arrived_at=NOW, updated_at=NOW)
    filters = (org_directory.reps["ann"].filter, org_directory.groups["g"].filter)
    return {lead_filter.test(lead, NOW)[0] for lead_filter in filters if lead_filter is not None}


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("objects", [(SETTINGS, REP, GROUP), (REP, GROUP, SETTINGS)])
def test_c1_a_day_in_a_filter_is_the_orgs_day(
    objects: tuple[tuple[bytes, dict[str, Any]], ...], together: bool
) -> None:
    """Also where the settings are published after the filters."""
    org_directory = directory(*objects, together=together)
    assert met(org_directory, datetime(2026, 11, 26, 5, 59, tzinfo=UTC)) == {True}
    assert met(org_directory, datetime(2026, 11, 26, 6, 0, tzinfo=UTC)) == {False}
    assert met(org_directory, datetime(2026, 11, 25, 6, 0, tzinfo=UTC)) == {True}
    assert met(org_directory, datetime(2026, 11, 25, 5, 59, tzinfo=UTC)) == {False}


def test_c1_without_the_setting_a_day_in_a_filter_is_of_utc_again() -> None:
    removed = accept_publication(SETTINGS[0], None, {}, version=9)
    org_directory = directory(REP, GROUP, SETTINGS, together=False).publish(removed)
    assert met(org_directory, datetime(2026, 11, 26, 0, 0, tzinfo=UTC)) == {False}
    assert met(org_directory, datetime(2026, 11, 25, 0, 0, tzinfo=UTC)) == {True}
