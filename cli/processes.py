"""Defines commands that run each part as its own process, and `up`, which runs all parts."""

from typing import Annotated

import typer

from cli.common import Instance, Port, say
from streams import compiled_core
from streams.ports import check_port
from streams.settings import Settings


def worker(port: Port = 0, instance_id: Instance = None) -> None:
    """Run a worker: intake, leads and orgs. Start more workers for more throughput; Kafka assigns the partitions.

    Example: firstclaim worker --port 8801 --instance-id worker-1
    """
    check_port(port, "--port")
    compiled_core.use()
    from agents import worker as process
    from streams.topics import WORKER_GROUP

    process.run(
        Settings.read(),
        group=WORKER_GROUP,
        stages=process.worker_stages,
        port=port,
        instance_id=instance_id,
    )


def relay(port: Port = 0, instance_id: Instance = None) -> None:
    """Run a relay: it publishes the decisions of the journal.

    Example: firstclaim relay --port 8802
    """
    check_port(port, "--port")
    compiled_core.use()
    from agents import worker as process
    from streams.topics import RELAY_GROUP

    process.run(
        Settings.read(),
        group=RELAY_GROUP,
        stages=process.relay_stages,
        port=port,
        instance_id=instance_id,
    )


def sink(port: Port = 0, instance_id: Instance = None) -> None:
    """Run a sink: it writes the journal into the CRM database.

    Example: DATABASE_URL=postgresql://crm@db/crm firstclaim sink --port 8803
    """
    check_port(port, "--port")
    from sink import service

    service.run(Settings.read(), port=port, instance_id=instance_id)


def courier(
    channel: Annotated[str, typer.Option("--channel", help="The channel, such as mail.")],
    port: Port = 0,
    instance_id: Instance = None,
) -> None:
    """Run a courier: it carries out the requests of one channel and records what became of them.

    Example: firstclaim courier --channel mail --port 8805
    """
    check_port(port, "--port")
    from couriers import process

    process.run(Settings.read(), channel=channel, port=port, instance_id=instance_id)


def up(
    workers: Annotated[int, typer.Option(min=1, help="Number of workers.")] = 1,
    console_port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port of the web console; 0 takes any free one.")
    ] = 8000,
    secure: Annotated[
        bool,
        typer.Option(
            "--secure",
            help="Run Kafka with a user and ACLs for each process. A state folder keeps the mode it began with.",
        ),
    ] = False,
) -> None:
    """Run all parts on this machine: Kafka and Valkey unless the settings name others, and each process. ^C stops them.

    Example: firstclaim up --workers 2

    Example: firstclaim up --secure
    """
    from assurance.demo.sign_ins import close_left_over
    from runtime.sign_in_instructions import how_to_sign_in
    from runtime.up import everything
    from web.settings import WebSettings

    with everything(
        workers=workers, state_dir=None, say=say, console_port=console_port, secure=secure
    ) as stack:
        close_left_over(WebSettings.read().console_database_url)
        for line in how_to_sign_in(stack.settings, stack.first_account_url):
            say(line)
        stack.wait_for_interrupt()


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(up)
    app.command()(worker)
    app.command()(relay)
    app.command()(sink)
    app.command()(courier)
    board = typer.Typer(help="The live queue lists in Valkey.", invoke_without_command=True)
    board.callback()(board_run)
    board.command("rebuild")(board_rebuild)
    app.add_typer(board, name="board")


def board_run(context: typer.Context, port: Port = 0) -> None:
    """Run the board: queue lists and the live feed in Valkey. `board rebuild` rebuilds them.

    Example: firstclaim board --port 8804
    """
    if context.invoked_subcommand is not None:
        return
    check_port(port, "--port")
    from board import process

    process.run(Settings.read(), port=port)


def board_rebuild() -> None:
    """Rebuild the queue lists from the journal. This is safe while everything runs.

    Example: firstclaim board rebuild
    """
    import asyncio

    from board.process import rebuild
    from cli.common import running

    asyncio.run(rebuild(running(), say=say))
