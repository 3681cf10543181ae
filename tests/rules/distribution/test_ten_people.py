"""Ten people with pairs of shared handles and names are joined exactly where the K rules say (K1-K3, K6).

A second, naive reading of the rules keeps every arrival in a list and searches it. The org must agree with it.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rules.distribution.sales_floor import SalesFloor

PHONES: Final = (None, "+14014190001", "+14014190002", "+18004194247")
MAILS: Final = (None, "one@x.org", "two@x.org", "none@none.com")
NAMES: Final = (None, "Doe", "Roe", "Poe", "Moe")
EXTENSIONS: Final = (None, None, None, "12")
DUMMIES: Final = frozenset({"+18004194247", "none@none.com"})
FILLED: Final = ("first_name", "last_name", "email", "phone", "phone_extension", "zip")

Sent = dict[str, Any]


@dataclass
class Known:
    """One lead of the naive reading: its arrivals, in order."""

    name: str
    arrivals: list[Sent] = field(default_factory=list)

    def names(self) -> set[str]:
        """Return its last names."""
        return {sent["last_name"] for sent in self.arrivals if sent["last_name"]}

    def has(self, handle: tuple[str, ...]) -> bool:
        """Say whether one of its arrivals has a handle."""
        return any(handle in handles(sent) for sent in self.arrivals)

    def phones(self) -> set[tuple[str, ...]]:
        """Return its phones that tell people apart."""
        return {handle for sent in self.arrivals for handle in handles(sent) if handle[0] == "phone"}


def handles(sent: Sent) -> list[tuple[str, ...]]:
    """Return the handles of an arrival that are on no list, the phone first."""
    pairs = [("phone", sent["phone"], sent["phone_extension"] or ""), ("email", sent["email"])]
    return [handle for handle in pairs if handle[1] and handle[1] not in DUMMIES]


class Reading:
    """The naive reading of the rules."""

    def __init__(self) -> None:
        self.leads: list[Known] = []
        self.first_sent: list[Sent] = []
        """Every arrival that was no resend."""

    def takes(self, sent: Sent) -> str:
        """Return the lead of an arrival with an id of its own."""
        names = {handle: self._names(handle) for handle in handles(sent)}
        joining = [
            handle
            for handle in handles(sent)
            if len(names[handle]) < 3 and len(names[handle] | ({sent["last_name"]} - {None})) < 3
        ]
        self.first_sent.append(sent)
        phone = next((handle for handle in joining if handle[0] == "phone"), None)
        for handle in joining:
            agreed = [
                lead
                for lead in self._holders(handle)
                if not (handle[0] == "email" and self._contradicts(sent, phone, lead))
            ]
            if agreed:
                namesakes = [lead for lead in agreed if sent["last_name"] in lead.names()]
                lead = (namesakes or agreed)[0]
                lead.arrivals.append(sent)
                return lead.name
        self.leads.append(Known(sent["id"], [sent]))
        return str(sent["id"])

    def _holders(self, handle: tuple[str, ...]) -> list[Known]:
        """Return the leads with a handle: the one that had it first, then the others by id."""
        holders = [lead for lead in self.leads if lead.has(handle)]
        first = next((sent["id"] for sent in self.first_sent if handle in handles(sent)), None)
        return sorted(holders, key=lambda lead: all(sent["id"] != first for sent in lead.arrivals))

    def _names(self, handle: tuple[str, ...]) -> set[str]:
        return {
            sent["last_name"] for sent in self.first_sent if handle in handles(sent) and sent["last_name"]
        }

    def _contradicts(self, sent: Sent, phone: tuple[str, ...] | None, lead: Known) -> bool:
        if phone is None or sent["last_name"] is None or not lead.names():
            return False
        return bool(lead.phones()) and phone not in lead.phones() and sent["last_name"] not in lead.names()


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(PHONES), st.sampled_from(MAILS), st.sampled_from(NAMES), st.sampled_from(EXTENSIONS)
    ),
    min_size=2,
    max_size=10,
)


@settings(deadline=None)
@given(PEOPLE, st.lists(st.integers(0, 9), max_size=4))
def test_k1_k2_k3_ten_people_are_joined_exactly_where_the_rules_say(
    people: list[tuple[str | None, ...]], repeats: list[int]
) -> None:
    sales_floor, reading, expected = SalesFloor("ann").group("west", "ann"), Reading(), {}
    sent: dict[str, Sent] = {}
    for n, (phone, mail, last_name, extension) in enumerate(people):
        facts: dict[str, Any] = {
            "phone": phone,
            "email": mail,
            "last_name": last_name,
            "first_name": f"first-{n}",
            "phone_extension": extension if phone else None,
            "zip": f"029{n:02}",
        }
        name = f"L{n:02}"
        sent[name] = {**facts, "id": name}
        expected[name] = reading.takes(sent[name])
        sales_floor.comes(name, **facts)
    for n in repeats:
        if (name := f"L{n:02}") in sent:
            sales_floor.comes(name, **{key: value for key, value in sent[name].items() if key != "id"})
    persons = sales_floor.state.persons
    assert {name: persons.lead_of(name) for name in sent} == expected
    for lead in reading.leads:
        kept_facts = sales_floor.lead_of(lead.name).facts
        own = [
            arrival
            for arrival in lead.arrivals
            if kept_facts.last_name is None or arrival["last_name"] in (None, kept_facts.last_name)
        ]
        for key in FILLED:
            assert getattr(kept_facts, key) in {None, *(arrival[key] for arrival in own)}, (
                "nothing of a stranger"
            )
    sales_floor.restart_org(compacted=True)
    sales_floor.agree()


@settings(deadline=None)
@given(PEOPLE, st.data())
def test_k5_k3_a_split_undoes_a_merge_and_leaves_nothing_of_a_stranger(
    people: list[tuple[str | None, ...]], data: st.DataObject
) -> None:
    """Merge and split leave every lead as it was. What is taken out takes along what only it had given."""
    sales_floor, sent = SalesFloor("ann").group("west", "ann"), dict[str, Sent]()
    for n, (phone, mail, last_name, extension) in enumerate(people):
        name = f"L{n:02}"
        sent[name] = {
            "phone": phone,
            "email": mail,
            "last_name": last_name,
            "first_name": f"first-{n}",
            "phone_extension": extension if phone else None,
            "zip": f"029{n:02}",
        }
        sales_floor.comes(name, **sent[name])
    persons = sales_floor.state.persons
    before = {name: persons.lead_of(name) for name in sent}
    leads = sorted({name for name in before.values() if name})
    facts = {name: sales_floor.lead_of(name).facts for name in leads}
    if len(leads) > 1:
        merged, into = data.draw(st.permutations(leads))[:2]
        sales_floor.of(merged).asks("merge", "mia", into_lead_id=into)
        assert persons.lead_of(merged) == into
        sales_floor.of(into).asks("split", "mia", inquiry_id=merged)
        assert {name: persons.lead_of(name) for name in sent} == before
        assert {name: sales_floor.lead_of(name).facts for name in leads} == facts
    if inquiries := [(name, inquiry) for name in leads for inquiry in sales_floor.lead_of(name).joined]:
        lead, taken_out = data.draw(st.sampled_from(inquiries))
        sales_floor.of(lead).asks("split", "mia", inquiry_id=taken_out)
        assert (persons.lead_of(taken_out), persons.lead_of(lead)) == (taken_out, lead)
        remaining = [sent[name] for name, joined in before.items() if joined == lead and name != taken_out]
        for key in FILLED:
            assert getattr(sales_floor.lead_of(taken_out).facts, key) == sent[taken_out][key]
            assert getattr(sales_floor.lead_of(lead).facts, key) in {
                None,
                *(arrival[key] for arrival in remaining),
            }
    sales_floor.restart_org(compacted=True)
    sales_floor.agree()
