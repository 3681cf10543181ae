"""Schedules of crashes as data: a tuple of steps, drawn from a seed, that can be printed, shrunk and run again."""

from random import Random

from tests.rules.lead.vocabulary import ACTIONS, DESK, FACTS, QUEUES, REP_CHANGES, REPS, SETTINGS, WORK
from tests.simulation.schedule_data import ANSWERS, CAMPAIGNS, GROUPS, HANDLES, LISTED, TERMS
from tests.simulation.steps import (
    CONCERNED,
    LEADS,
    MAX_EVENTS,
    ORG_LANE,
    WORKERS,
    Act,
    Arrive,
    Commit,
    Crash,
    CrashOrgRelay,
    CrashRelay,
    Dawn,
    Deliver,
    Duplicate,
    Fire,
    Flow,
    Freeze,
    HauntOrgRelay,
    Land,
    List,
    Poison,
    Poll,
    PollOrgs,
    Publish,
    Rebalance,
    Rejoin,
    Relay,
    RelayOrg,
    Schedule,
    Step,
    SucceedOrgRelay,
    Sweep,
    Thaw,
    Tick,
)

SCENES_AT_ONCE = 3
MERGES = [
    *(("merge", {"into_lead_id": lead, "why": "the same"}) for lead in LEADS),
    *(("split", {"inquiry_id": lead, "why": "another person"}) for lead in LEADS),
]
"""A manager merges leads and takes inquiries out again (K5)."""


def schedule(seed: int, length: int) -> Schedule:
    """Return the schedule of a seed; the same seed always gives the same schedule.

    Steps are drawn one by one, and as scenes of several steps (for example, a worker is stopped with open records,
    another one takes over, and the first one resumes). Scenes are interleaved with each other and with the single
    steps.
    """
    random = Random(seed)
    # Each seed has its own failure rates: some runs are calm, in some all processes crash often.
    fault_rate = random.choice((0.3, 1.0, 2.0))
    weights = {
        _arrive: 4,
        _list: 1,
        _act: 30,
        _publish: 4,
        _deliver: 4,
        _duplicate: 3 * fault_rate,
        _poison: 0.5,
        _tick: 6,
        _due_by_one_clock: 3,
        _poll: 25,
        _poll_orgs: 8,
        _flow: 14,
        _land: 12,
        _commit: 6,
        _fire: 6,
        _sweep: 3,
        _rebalance: fault_rate,
        _relay: 8,
        _relay_org: 5,
        _crash: 1.5 * fault_rate,
        _zombie: 2 * fault_rate,
        _crash_relay: 1.5 * fault_rate,
        _crash_org_relay: fault_rate,
        _org_relay_ghost: fault_rate,
    }
    steps: list[Step] = [_publish_queue(random) for _ in range(4)]
    steps += [Publish("group", group_id, random.choice(GROUPS[group_id])) for group_id in GROUPS]
    steps += [Publish("campaign", name, {"group_id": name}) for name in GROUPS]
    steps += [Deliver(partition, MAX_EVENTS) for partition in (*range(3), ORG_LANE)]
    steps += [step for lead in LEADS[1:] for step in _arrive(random, lead)]
    steps += [Flow(MAX_EVENTS)] * 2
    scenes: list[list[Step]] = []
    while len(steps) < length:
        if scenes and (len(scenes) >= SCENES_AT_ONCE or random.random() < 0.5):
            scene = random.choice(scenes)
            steps.append(scene.pop(0))
            scenes = [scene for scene in scenes if scene]
            continue
        (draw,) = random.choices(list(weights), weights=list(weights.values()))
        scene = draw(random)
        steps.append(scene.pop(0))
        if scene:
            scenes.append(scene)
    return tuple(steps)


def _small_number(random: Random) -> int:
    return random.choice((0, 1, 1, 2, 3, 5, MAX_EVENTS))


def _small_positive_number(random: Random) -> int:
    return random.choice((1, 2, 3, 5, MAX_EVENTS))


def _partition(random: Random) -> int:
    return random.randrange(3)


def _worker(random: Random) -> int:
    return random.randrange(WORKERS)


def _arrive(random: Random, lead: str | None = None) -> list[Step]:
    facts = {"campaign": random.choice(CAMPAIGNS), **random.choice(FACTS), **random.choice(HANDLES)}
    return [Arrive(lead or random.choice(LEADS), facts)]


def _list(random: Random) -> list[Step]:
    return [List(random.choice(LISTED), random.choice(("asked us not to", None)))]


def _act(random: Random) -> list[Step]:
    claim = [("claim", {"queue_id": queue_id}) for queue_id in ("new", "aged", None)]
    kinds, people = random.choice(
        (
            (MERGES, ("mia", "ada")),
            (ACTIONS, (*REPS, *CONCERNED)),
            (WORK, CONCERNED),
            (WORK, CONCERNED),
            (DESK, ("mia", "ada")),
            ([("view", {})], (*REPS, *CONCERNED)),
            ([("view", {})], REPS),
            (claim, REPS),
            (claim, (*REPS, *CONCERNED)),
            (ANSWERS, ("offered",)),
            (ANSWERS, ("offered",)),
            (ANSWERS, ("offered",)),
            (ANSWERS, ("offered",)),
            (ANSWERS, (*REPS, *CONCERNED)),
        )
    )
    action, fields = random.choice(kinds)
    fields = dict(fields)
    length = fields.pop("in", None)
    call_in = None if length is None else length.total_seconds()
    return [Act(random.choice(LEADS), random.choice(people), action, fields, call_in)]


def _publish_queue(random: Random) -> Step:
    queue_id = random.choice(sorted(QUEUES))
    return Publish("queue", queue_id, random.choice(QUEUES[queue_id]))


def _publish(random: Random) -> list[Step]:
    if random.random() < 0.5:
        return [_publish_queue(random)]
    if random.random() < 0.3:
        return [Publish("settings", "settings", random.choice(SETTINGS))]
    if random.random() < 0.3:
        group_id = random.choice(sorted(GROUPS))
        return [Publish("group", group_id, random.choice(GROUPS[group_id]))]
    rep_id, value = random.choice([*REP_CHANGES, *TERMS, *TERMS])
    lanes = random.sample((*range(3), ORG_LANE, ORG_LANE), 3)
    return [Publish("rep", rep_id, value), *(Deliver(lane, MAX_EVENTS) for lane in lanes)]


def _deliver(random: Random) -> list[Step]:
    return [Deliver(random.randrange(ORG_LANE + 1), random.choice((1, 1, 2, MAX_EVENTS)))]


def _duplicate(random: Random) -> list[Step]:
    return [Duplicate(random.randrange(ORG_LANE + 1), random.choice((1, 1, 2, 3, 8)))]


def _poison(random: Random) -> list[Step]:
    return [Poison(random.choice(LEADS), random.choice((b"", b"{", b"{}", b'{"type":"dance"}', b"\xff")))]


def _tick(random: Random) -> list[Step]:
    """Let time pass, often to just before something is due by the broker's clock and just after by another clock."""
    seconds = random.choice(
        (
            0.001,
            1.0,
            *(30.0, 60.0) * 4,
            299.0,
            299.0,
            300.0,
            1_799.0,
            1_800.0,
            3_599.0,
            3_599.0,
            3_600.0,
            86_399.0,
            86_400.0,
            1_209_600.0,
        )
    )
    skew = random.choice((0.0, 0.0, 0.05, -0.05, 2.0))
    return [Tick(seconds, _partition(random), skew), *(Fire(worker) for worker in range(WORKERS))]


def _due_by_one_clock(random: Random) -> list[Step]:
    """Let something of the org be due by one clock and not yet by another."""
    return [
        *[Flow(MAX_EVENTS)] * 3,
        Dawn(random.choice((-0.5, 0.0, 0.5, 1.0))),
        *(Fire(worker) for worker in range(WORKERS)),
        Flow(MAX_EVENTS),
    ]


def _poll(random: Random) -> list[Step]:
    return [Poll(worker, _partition(random), _small_positive_number(random)) for worker in range(WORKERS)]


def _flow(random: Random) -> list[Step]:
    return [Flow(random.choice((1, 3, MAX_EVENTS, MAX_EVENTS)))]


def _poll_orgs(random: Random) -> list[Step]:
    return [PollOrgs(worker, _small_positive_number(random)) for worker in range(WORKERS)]


def _land(random: Random) -> list[Step]:
    return [Land(_worker(random), _small_number(random))]


def _commit(random: Random) -> list[Step]:
    return [Commit(_worker(random))]


def _fire(random: Random) -> list[Step]:
    return [Fire(_worker(random))]


def _sweep(random: Random) -> list[Step]:
    return [Sweep(_worker(random))]


def _rebalance(random: Random) -> list[Step]:
    return [Rebalance(_worker(random))]


def _relay(random: Random) -> list[Step]:
    return [
        Relay(
            _partition(random),
            random.choice((1, 3, 10, MAX_EVENTS)),
            _small_number(random),
            random.random() < 0.5,
        )
    ]


def _relay_org(random: Random) -> list[Step]:
    return [RelayOrg(random.choice((1, 3, 10, MAX_EVENTS)), _small_number(random), random.random() < 0.5)]


def _crash(random: Random) -> list[Step]:
    """Kill a worker with open records. Later the group rebalances."""
    worker = _worker(random)
    return [
        *(Poll(worker, partition, _small_positive_number(random)) for partition in range(3)),
        Land(worker, _small_number(random)),
        Commit(worker),
        *(Poll(worker, partition, _small_positive_number(random)) for partition in range(3)),
        PollOrgs(worker, _small_positive_number(random)),
        Crash(worker, _small_number(random)),
        Rebalance(_worker(random)),
    ]


def _zombie(random: Random) -> list[Step]:
    """Stop a worker with open records. Others take over; it resumes, and learns late that it lost its partitions."""
    worker = _worker(random)
    others = [other for other in range(WORKERS) if other != worker]
    polls: list[Step] = [
        Poll(other, partition, _small_positive_number(random)) for other in others for partition in range(3)
    ]
    polls += [PollOrgs(other, _small_positive_number(random)) for other in others]
    lands: list[Step] = [Land(other, _small_number(random)) for other in others]
    haunts: list[Step] = random.choices(
        [
            Land(worker, 1),
            Land(worker, 3),
            Commit(worker),
            Fire(worker),
            Sweep(worker),
            PollOrgs(worker, _small_positive_number(random)),
            *(Poll(worker, partition, _small_positive_number(random)) for partition in range(3)),
        ],
        k=random.randrange(6),
    )
    return [
        *(Poll(worker, partition, _small_positive_number(random)) for partition in range(3)),
        PollOrgs(worker, _small_positive_number(random)),
        Freeze(worker),
        Rebalance(_worker(random)),
        *polls,
        *lands,
        Thaw(worker),
        *haunts,
        random.choice((Rejoin(worker), Crash(worker, _small_number(random)), Rebalance(_worker(random)))),
        Rebalance(_worker(random)),
    ]


def _crash_relay(random: Random) -> list[Step]:
    """Kill the relay while it has unsent messages."""
    return [
        *_relay(random),
        Relay(_partition(random), MAX_EVENTS, _small_number(random), random.random() < 0.5),
        CrashRelay(_small_number(random)),
    ]


def _crash_org_relay(random: Random) -> list[Step]:
    """Kill the org relay while it has unsent answers."""
    return [
        *_relay_org(random),
        RelayOrg(MAX_EVENTS, _small_number(random), random.random() < 0.5),
        CrashOrgRelay(_small_number(random)),
    ]


def _org_relay_ghost(random: Random) -> list[Step]:
    """Replace the org relay while it has unsent answers. They land among those of its successor."""
    return [
        RelayOrg(MAX_EVENTS, _small_number(random), random.random() < 0.5),
        SucceedOrgRelay(),
        RelayOrg(_small_positive_number(random), _small_number(random), random.random() < 0.5),
        HauntOrgRelay(_small_number(random)),
        RelayOrg(MAX_EVENTS, MAX_EVENTS, random.random() < 0.5),
        HauntOrgRelay(MAX_EVENTS),
    ]
