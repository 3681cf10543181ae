"""Runs workers, their consumer group, the relays and senders step by step, and finally brings everything to rest."""

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from models.codec import encode_event, encode_org_event
from models.events import ActionRequested, DirectoryPublished
from models.facts import Facts
from models.lead import LeadRow
from models.org_events import PersonArrived
from rules.inbound.do_not_contact import accept_listing
from rules.org.directory import published_for
from streams.topics import DO_NOT_CONTACT, LEAD_LOG, ORG_LOG
from tests.simulation import steps
from tests.simulation.broker import PARTITIONS, Broker, partition_of
from tests.simulation.org_processes import ALL, OrgRelay
from tests.simulation.processes import Relay, Worker, datetime_of
from tests.simulation.steps import ORG_LANE, WORKERS, Schedule, Step

START = datetime(2026, 11, 20, 14, 12, tzinfo=UTC)
CLOCKS = (0.0, 1.5, -2.0)
"""The clock error of each worker, in seconds."""
ROUNDS = 2_000
"""No schedule needs so many rounds at the end. If this many are used, something never comes to rest."""
MONTH_SECONDS = 30 * 86_400.0
"""Longer than any relative date in the rules."""
ORG = "default"
ORG_PARTITION = partition_of(ORG.encode())
CREW: dict[str, dict[str, Any]] = {
    "rep-3": {"teams": ["east"], "max_per_day": 2},
    "rep-7": {"teams": ["west"], "max_open": 2, "max_per_day": 2},
    "rep-9": {"teams": ["west"], "max_open": 1, "max_per_day": 1},
    "mia": {"role": "manager"},
    "ada": {"role": "admin"},
}


class Cluster:
    """Three workers, three partitions, and a relay for each direction. `members`: the workers in the consumer group."""

    def __init__(self) -> None:
        self.broker = Broker(START.timestamp())
        self.workers = [Worker(self.broker, skew) for skew in CLOCKS[:WORKERS]]
        self.members: set[int] = set(range(WORKERS))
        self.relay = Relay(self.broker)
        self.org_relay = OrgRelay(self.broker)
        self.pending: list[deque[bytes]] = [deque() for _ in range(PARTITIONS + 1)]
        self.intake: list[list[tuple[bytes, bytes]]] = [[] for _ in range(PARTITIONS + 1)]
        self.versions = 0
        self.actions = 0
        self.listed = 0
        self.arrived: set[str] = set()
        for rep_id, value in CREW.items():
            self.take(steps.Publish("rep", rep_id, value))
        self.take(steps.Rebalance(0))

    def run(self, schedule: Schedule) -> None:
        """Take every step, then bring the cluster to rest."""
        for step in schedule:
            self.take(step)
        self.rest()

    def take(self, step: Step) -> None:
        """Take one step. A step that makes no sense now (such as thawing a dead worker) does nothing."""
        match step:
            case steps.Tick() | steps.Dawn():
                self._pass(step)
            case steps.Flow(most):
                self._flow(most)
            case steps.Relay() | steps.CrashRelay():
                self._relay(step)
            case steps.RelayOrg() | steps.CrashOrgRelay() | steps.SucceedOrgRelay() | steps.HauntOrgRelay():
                self._relay_org(step)
            case steps.Arrive():
                self._arrive(step)
            case steps.Act():
                self._act(step)
            case steps.Publish():
                self._publish(step)
            case steps.List(handle, reason):
                self._list(handle, reason)
            case steps.Deliver(partition, most):
                self._deliver(partition, most)
            case steps.Duplicate(partition, back):
                if sent := self.intake[partition]:
                    self._append(partition, *sent[max(0, len(sent) - back)])
            case steps.Poison(lead, value):
                key = lead.encode()
                self.broker.append(LEAD_LOG, partition_of(key), key, value)
            case steps.Poll(worker, partition, most):
                target = self.workers[worker]
                if not target.frozen and partition in target.owned:
                    target.poll(partition, most)
            case steps.PollOrgs(worker, most):
                target = self.workers[worker]
                if not target.frozen and ORG_PARTITION in target.owned:
                    target.orgs.poll(ORG_PARTITION, most)
            case steps.Rebalance(shift):
                self._rebalance(shift)
            case _:
                self._one_worker(step)

    def _one_worker(self, step: Step) -> None:
        number: int = getattr(step, "worker")  # noqa: B009  # the remaining steps all have one
        worker = self.workers[number]
        match step:
            case steps.Thaw():
                worker.frozen = False
            case steps.Crash(_, landed):
                worker.crash(landed)
                self.members.discard(number)
            case _ if worker.frozen:
                return
            case steps.Land(_, most):
                worker.outbox.land(most)
            case steps.Commit():
                if number in self.members:
                    worker.commit()
            case steps.Fire():
                worker.fire()
            case steps.Sweep():
                worker.sweep()
            case steps.Freeze():
                worker.frozen = True
            case steps.Rejoin():
                if number not in self.members:
                    worker.let_go()

    def _relay(self, step: steps.Relay | steps.CrashRelay) -> None:
        relay = self.relay
        if isinstance(step, steps.CrashRelay):
            relay.crash(step.landed)
            return
        relay.poll(step.partition, step.read)
        relay.outbox.land(step.land)
        if step.commit:
            relay.commit()

    def _relay_org(
        self, step: steps.RelayOrg | steps.CrashOrgRelay | steps.SucceedOrgRelay | steps.HauntOrgRelay
    ) -> None:
        relay = self.org_relay
        match step:
            case steps.RelayOrg(read, land, commit):
                relay.poll(ORG_PARTITION, read)
                relay.outbox.land(land)
                if commit:
                    relay.commit()
            case steps.CrashOrgRelay(landed):
                relay.crash(landed)
            case steps.SucceedOrgRelay():
                relay.succeed()
            case steps.HauntOrgRelay(landed):
                relay.ghost.land(landed, acknowledged=False)

    def _pass(self, step: steps.Tick | steps.Dawn) -> None:
        if isinstance(step, steps.Tick):
            self.broker.now += step.seconds
            self.broker.skew[step.partition] = step.skew
            return
        due = [at for worker in self.workers if (at := worker.orgs.next_due()) is not None]
        self.broker.now = max(self.broker.now, min(due, default=0.0) - step.seconds)

    # -- what people send ---------------------------------------------------------------------------------------

    def _arrive(self, step: steps.Arrive) -> None:
        facts = Facts(
            **{
                "vendor": "acme",
                "last_name": step.lead,
                "created_at": datetime_of(self.broker.now),
                **step.facts,
            }
        )
        event = PersonArrived(lead_id=step.lead, cause=f"arrival/{step.lead}", facts=facts)
        self.arrived.add(step.lead)
        self._send_org(encode_org_event(event))

    def _list(self, handle: str, reason: str | None) -> None:
        value = None if reason is None else msgspec.json.encode({"reason": reason})
        self.broker.append(DO_NOT_CONTACT, 0, f"{ORG}/{handle}".encode(), value)
        self._read_list()

    def _read_list(self) -> int:
        """Send what is new on the do-not-contact list to the org, as intake does; return how many there were."""
        new = self.broker.logs[DO_NOT_CONTACT, 0][self.listed :]
        for record in new:
            event = accept_listing(
                record.key,
                record.value,
                dict(record.headers),
                version=self.listed,
                at=datetime_of(record.timestamp),
            )
            self.listed += 1
            self._send_org(encode_org_event(event))
        return len(new)

    def _send_org(self, value: bytes) -> None:
        self.intake[ORG_LANE].append((ORG.encode(), value))
        self._append(ORG_LANE, ORG.encode(), value)

    def _act(self, step: steps.Act) -> None:
        self.actions += 1
        at = None
        if step.call_in is not None:
            at = datetime_of(self.broker.now) + timedelta(seconds=step.call_in)
        event = ActionRequested(
            lead_id=step.lead,
            cause=f"action/{self.actions}",
            action=step.action,
            rep_id=self._person(step),
            at=at,
            **step.fields,
        )
        self._send(step.lead, encode_event(event))

    def _person(self, step: steps.Act) -> str:
        """Return the acting person. For one of CONCERNED, the worker in charge of the lead says who that is."""
        key = step.lead.encode()
        partition = partition_of(key)
        for worker in self.workers:
            row = worker.rows.of(partition).rows.get(key) if partition in worker.owned else None
            if step.rep_id in steps.CONCERNED and isinstance(row, LeadRow) and (lead := row.lead) is not None:
                rep_of = {
                    "holder": lead.lock.rep_id if lead.lock else None,
                    "owner": lead.owner,
                    "offered": lead.open_distribution.reps[-1]
                    if lead.open_distribution and lead.open_distribution.reps
                    else None,
                }
                return rep_of.get(step.rep_id, lead.lapsed) or "rep-9"
        return "rep-9" if step.rep_id in steps.CONCERNED else step.rep_id

    def _send(self, lead: str, value: bytes) -> None:
        key = lead.encode()
        partition = partition_of(key)
        self.intake[partition].append((key, value))
        self.broker.append(LEAD_LOG, partition, key, value)

    def _publish(self, step: steps.Publish) -> None:
        event = DirectoryPublished(
            lead_id="",
            cause=f"directory/{ORG}/{step.kind}/{step.object_id}/{self.versions}",
            org=ORG,
            kind=step.kind,
            object_id=step.object_id,
            version=self.versions,
            value=step.value,
        )
        self.versions += 1
        for partition in range(PARTITIONS):
            self.pending[partition].append(encode_event(event))
        if published_for(event):
            self.pending[ORG_LANE].append(encode_org_event(event))

    def _deliver(self, partition: int, most: int) -> None:
        waiting = self.pending[partition]
        for _ in range(min(most, len(waiting))):
            event = (ORG.encode() if partition == ORG_LANE else b"", waiting.popleft())
            self.intake[partition].append(event)
            self._append(partition, *event)

    def _append(self, partition: int, key: bytes, value: bytes) -> None:
        if partition == ORG_LANE:
            self.broker.append(ORG_LOG, ORG_PARTITION, key, value)
        else:
            self.broker.append(LEAD_LOG, partition, key, value)

    def _flow(self, most: int) -> None:
        for number, worker in enumerate(self.workers):
            if worker.frozen:
                continue
            for partition in worker.owned:
                worker.poll(partition, most)
                worker.orgs.poll(partition, most)
            worker.outbox.land(most)
            if number in self.members:
                worker.commit()
        for partition in range(PARTITIONS):
            self.relay.poll(partition, most)
        self.relay.outbox.land(most)
        self._read_list()
        self.org_relay.poll(ORG_PARTITION, most)
        self.org_relay.outbox.land(most)

    # -- the group ----------------------------------------------------------------------------------------------

    def _rebalance(self, shift: int) -> None:
        alive = [number for number, worker in enumerate(self.workers) if not worker.frozen]
        for number in alive:
            worker = self.workers[number]
            if number in self.members:
                worker.outbox.land(ALL)
                worker.commit()
            worker.let_go()
        self.members = set(alive)
        shares: dict[int, set[int]] = {number: set() for number in alive}
        for partition in range(PARTITIONS):
            if alive:
                shares[alive[(partition + shift) % len(alive)]].add(partition)
        for number, share in shares.items():
            self.workers[number].take(share)

    # -- the end ------------------------------------------------------------------------------------------------

    def rest(self) -> None:
        """Run everything that is still pending, including all timers; raise if this never ends."""
        for worker in self.workers:
            worker.frozen = False
            worker.clock_skew = 0.0
        self.broker.skew.clear()
        for partition in range(PARTITIONS + 1):
            self._deliver(partition, ALL)
        self.org_relay.ghost.land(ALL, acknowledged=False)
        if self.members != set(range(WORKERS)):
            self._rebalance(0)  # only now: a recovery would restore what the timers had lost
        for _ in range(ROUNDS):
            if self._settle():
                continue
            due = [at for worker in self.workers if (at := worker.next_due()) is not None]
            if not due:
                # A lead that waits for an instant without a timer would now be in the wrong place.
                self.broker.now += MONTH_SECONDS
                return
            self.broker.now = max(self.broker.now, min(due)) + 0.001
        raise AssertionError("the cluster does not come to rest")

    def _settle(self) -> bool:
        """Do everything that can be done at this instant; return whether there was anything to do."""
        moved = False
        for worker in self.workers:
            moved |= worker.fire() > 0
            moved |= worker.sweep() > 0
            worker.outbox.land(ALL)
            for partition in worker.owned:
                moved |= worker.poll(partition, ALL) > 0
                moved |= worker.orgs.poll(partition, ALL) > 0
            worker.outbox.land(ALL)
            worker.commit()
        for partition in range(PARTITIONS):
            moved |= self.relay.poll(partition, ALL) > 0
            self.relay.outbox.land(ALL)
            moved |= self.org_relay.poll(partition, ALL) > 0
            self.org_relay.outbox.land(ALL)
        moved |= self._read_list() > 0
        self.relay.commit()
        self.org_relay.commit()
        return moved
