"""Defines commands that measure, and commands that inject failures."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.common import AsJson, finish, running, say


def bench(
    name: Annotated[
        str,
        typer.Argument(
            help="claims, latency, offer, timers, live, board, pages, listeners, rules, reach, reading, recovery,"
            " restart, scale, sink or allocate."
        ),
    ],
    browser: Annotated[
        bool,
        typer.Option("--browser", help="live: in open pages of a real Chromium, not in readers of the feed."),
    ] = False,
    offers: Annotated[
        bool,
        typer.Option("--offers", help="scale: arrivals until their offers, of one org and of a hundred."),
    ] = False,
    leads: Annotated[int | None, typer.Option(min=1, help="Number of leads.")] = None,
    claims: Annotated[
        int | None, typer.Option(min=1, help="Number of claims; for listeners: claims per second.")
    ] = None,
    pages: Annotated[int | None, typer.Option(min=2, help="live --browser: number of open pages.")] = None,
    listeners: Annotated[int | None, typer.Option(min=1, help="listeners: number of open streams.")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="listeners, latency, offer, timers: length of the run.")
    ] = None,
    write_docs: Annotated[
        bool, typer.Option("--write-docs", help="Write the table to docs/benchmarks.md.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run one measurement of firstclaim and its peers in the same run. Print medians and ratios.

    Example: firstclaim bench claims --json

    Example: firstclaim bench live --browser --pages 20 --claims 200

    Example: firstclaim bench pages --leads 100000

    Example: firstclaim bench listeners --listeners 500 --claims 50 --seconds 20
    """
    from bench import BENCHES, write_table

    if name not in BENCHES:
        raise typer.BadParameter(f"there is no benchmark {name}; choose one of {', '.join(sorted(BENCHES))}")
    if browser:
        if name != "live":
            raise typer.BadParameter(f"bench {name} has no --browser; only bench live has it")
        name = "live-browser"
    if offers:
        if name != "scale":
            raise typer.BadParameter(f"bench {name} has no --offers; only bench scale has it")
        name = "scale-offers"
    options = {"leads": leads, "claims": claims, "pages": pages, "listeners": listeners, "seconds": seconds}
    sizes = {size: value for size, value in options.items() if value is not None}
    result = BENCHES[name](say=say, **sizes)
    if write_docs:
        write_table(name, result)
    finish(result, as_json=as_json)


def chaos(
    seconds: Annotated[float, typer.Option(min=10, help="Length of load and kills, in seconds.")] = 180,
    workers: Annotated[int, typer.Option(min=1)] = 2,
    seed: Annotated[int, typer.Option(help="The same seed gives the same order of kills.")] = 1,
    secure: Annotated[
        bool,
        typer.Option(
            "--secure",
            help="Run Kafka with a user and ACLs for each process. A state folder keeps the mode it began with.",
        ),
    ] = False,
    erase: Annotated[
        int | None,
        typer.Option(
            "--erase",
            min=1,
            help="Instead: erase this many persons meanwhile, then search everything for them.",
        ),
    ] = None,
    brokers: Annotated[
        int,
        typer.Option(
            "--brokers",
            min=1,
            max=3,
            help="1, or 3: a cluster whose brokers are killed, paused, restarted and relieved of their partitions.",
        ),
    ] = 1,
    telephone: Annotated[
        bool,
        typer.Option(
            "--telephone",
            help="Also ring telephones by a real Asterisk (make telephony), and kill their courier.",
        ),
    ] = False,
    consumer: Annotated[
        list[str] | None,
        typer.Option(
            "--consumer",
            help="Also run this CRM consumer, kill it twice, and compare what it kept with the CRM database;"
            " {bootstrap} and {database} are filled in. See docs/crm.md. May be repeated.",
        ),
    ] = None,
    events: Annotated[
        int | None,
        typer.Option(
            "--events",
            min=1_000,
            max=10_000_000,
            help="Adapt the load to make so many events; it may go on for a quarter of the time longer.",
        ),
    ] = None,
    faults: Annotated[
        int | None,
        typer.Option(
            "--faults", min=1, max=10_000, help="Number of faults. Without it, one every five to ten seconds."
        ),
    ] = None,
    histories: Annotated[
        Path | None,
        typer.Option(
            "--histories",
            file_okay=False,
            help="A folder for the history of the run, for the checkers Porcupine and Elle.",
        ),
    ] = None,
    clock_jumps: Annotated[
        bool,
        typer.Option(
            "--clock-jumps",
            help="Workers' clocks also jump by 70 minutes, ahead and back (needs a C compiler).",
        ),
    ] = False,
    failover: Annotated[
        bool,
        typer.Option(
            "--failover",
            help="Valkey has a replica and sentinels, and Postgres a standby; both are killed, paused and promoted.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run load while workers, sink and broker are killed, stopped and resumed, then verify. Exit 1 if a promise broke.

    Example: firstclaim chaos --seconds 180 --workers 2 --seed 7

    Example: firstclaim chaos --brokers 3

    Example: firstclaim chaos --failover

    Example: firstclaim chaos --seconds 3600 --events 1000000 --faults 200

    Example: firstclaim chaos --erase 1000

    Example: firstclaim chaos --seconds 60 --consumer "python consumer.py {bootstrap} {database}"
    """
    if erase is not None:
        from assurance.erasure_run import run_erasure

        erased = asyncio.run(run_erasure(persons=erase, workers=workers, say=say))
        finish(erased, as_json=as_json, ok=erased["ok"])
        return
    from assurance.chaos import chaos as run

    result = asyncio.run(
        run(
            seconds=seconds,
            workers=workers,
            seed=seed,
            say=say,
            secure=secure,
            brokers=brokers,
            telephone=telephone,
            consumers=consumer or (),
            events=events,
            faults=faults,
            histories=histories,
            clock_jumps=clock_jumps,
            failover=failover,
        )
    )
    finish(result, as_json=as_json, ok=result["ok"])


def storm(
    leads: Annotated[
        int | None,
        typer.Option(min=1, help="Number of leads. Default: 2,000; with --ring 500, with --fair 10,000."),
    ] = None,
    reps: Annotated[
        int | None, typer.Option(min=2, help="Number of reps. Default: 5; with --ring 50, with --fair 12.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1)] = 2,
    ring: Annotated[
        bool, typer.Option("--ring", help="Each lead rings with all reps, who press 1 within 20 ms.")
    ] = False,
    fair: Annotated[
        bool,
        typer.Option("--fair", help="Leads take turns; people come and go, a worker is killed every 5 s."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let every rep claim every lead at the same moment, on a separate stack, then verify.

    Example: firstclaim storm --leads 2000 --reps 5 --workers 2
    """
    from assurance import storm_run as storms

    if ring and fair:
        raise typer.BadParameter("--ring and --fair cannot be combined")
    run, most, crowd = (storms.storm, 2_000, 5)
    if ring:
        run, most, crowd = (storms.ring, 500, 50)
    elif fair:
        run, most, crowd = (storms.fair, 10_000, 12)
    result = asyncio.run(run(leads=leads or most, reps=reps or crowd, workers=workers, say=say))
    finish(result, as_json=as_json, ok=result["ok"])


def race(
    reps: Annotated[int, typer.Option(min=1, help="Number of reps: rep-1, rep-2 …")] = 12,
    org: Annotated[str, typer.Option()] = "default",
    as_json: AsJson = False,
) -> None:
    """Let reps claim what the board shows until every claimable queue is empty, on a running system.

    Example: firstclaim race --reps 12
    """
    import msgspec

    from assurance.load import race as run

    result = asyncio.run(run(running(), reps=reps, org=org))
    typer.echo(
        f"Won: {result.won:,}. Lost: {result.lost:,}. Refused: {result.refused:,}. Time: {result.seconds:.1f} s."
    )
    for rep_id, count in result.winners.items():
        typer.echo(f"  {count:6,d}  {rep_id}")
    finish(msgspec.to_builtins(result), as_json=as_json, ok=result.unknown == 0)


def demo(
    seconds: Annotated[
        float | None,
        typer.Option(help="End after this many seconds and verify. Without it, ^C ends the demo."),
    ] = None,
    leads: Annotated[
        Path | None, typer.Option(exists=True, help="A file of leads to use instead of the sample.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(exists=True, help="The mapping of the file's columns (YAML).")
    ] = None,
    hours: Annotated[
        bool, typer.Option("--hours", help="Keep the lender's hours, pauses, windows and caps.")
    ] = False,
    console_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            help="Port of the web console. Default: 8000, or any free port if that is taken.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="The seed of the sample. The same seed gives the same leads; the default gives new ones.",
        ),
    ] = None,
    secure: Annotated[
        bool,
        typer.Option(
            "--secure",
            help="Run Kafka with a user and ACLs for each process. A state folder keeps the mode it began with.",
        ),
    ] = False,
) -> None:
    """Start all parts, publish a lender's directory, send 2,000 leads, let its loan officers work, and show it live.

    The command prints the console's address and the accounts that may sign in.

    Example: firstclaim demo --seconds 60
    """
    from assurance.demo import run

    ok = run(
        seconds=seconds,
        leads=leads,
        mapping=mapping,
        say=say,
        hours=hours,
        console_port=console_port,
        seed=seed,
        secure=secure,
    )
    finish({"ok": ok}, as_json=False, ok=ok)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(bench)
    app.command()(chaos)
    app.command()(storm)
    app.command()(race)
    app.command()(demo)
