"""Knows the names of an org's reps, queues and groups, for texts about decisions."""

from collections.abc import Mapping

from rules.queues.rule_book import OrgRules
from web.services.outcome_labels import outcome_labels
from web.services.reason_text import reason_text


class Names:
    """The names of an org's reps, queues and groups. `former`: kind and id of removed ones -> the last name."""

    def __init__(self, rules: OrgRules, former: Mapping[str, str] | None = None) -> None:
        self._rules = rules
        self._former = former or {}

    def rep(self, rep_id: str | None) -> str:
        """Return a rep's name, or the id if the org has published none."""
        rep = self._rules.reps.get(rep_id or "")
        return (rep.name if rep else "") or self._former.get(f"rep/{rep_id}") or rep_id or "nobody"

    def queue(self, queue_id: str) -> str:
        """Return a queue's name."""
        queue = self._rules.queues.get(queue_id)
        return (queue.queue.name if queue else "") or self._former.get(f"queue/{queue_id}") or queue_id

    def group(self, group_id: str) -> str:
        """Return a group's name."""
        published = self._rules.objects.get(("group", group_id))
        value = published.value if published else None
        return str((value or {}).get("name") or self._former.get(f"group/{group_id}") or group_id)

    def campaign(self, name: str) -> str:
        """Return a campaign's name."""
        published = self._rules.objects.get(("campaign", name))
        value = published.value if published else None
        return str((value or {}).get("name") or self._former.get(f"campaign/{name}") or name)

    def outcome(self, value: str) -> str:
        """Return the label of an outcome, or its value with spaces if the org has not listed it."""
        return outcome_labels(self._rules).get(value) or value.replace("_", " ")

    def via(self, via: str | None) -> str | None:
        """Return the way in which a lead got its owner."""
        kind, _, name = (via or "").partition("/")
        match kind:
            case "queue":
                return f"through the queue {self.queue(name)}"
            case "group":
                return f"through the group {self.group(name)}"
            case "manager" | "rep":
                return f"by {self.rep(name)}"
            case _:
                return via

    def within(self, text: str | None) -> str | None:
        """Return a reason with names and labels in place of ids, fields and values."""
        return None if text is None else reason_text(text, self._rules)
