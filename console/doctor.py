"""All that `firstclaim doctor` looks at: what the streams room knows of, and the tables of the CRM database."""

from models.errors import ConfigError, Later
from sink.schema import schema_of
from streams.local.checks import Check
from streams.local.doctor import examine
from streams.local.stack import find_running
from streams.settings import Settings


def examine_all(settings: Settings | None = None) -> list[Check]:
    """Return every check's result; raises for nothing it finds. Without `settings` the environment is read."""
    checks = examine(settings)
    reached = any(check.name == "CRM database" and check.ok for check in checks)
    if not reached:
        return checks
    try:
        return [*checks, tables(find_running(Settings.read() if settings is None else settings))]
    except ConfigError:
        return checks  # among the checks already


def tables(settings: Settings) -> Check:
    """Look whether the CRM database has the tables of this version; none at all are made by the first sink."""
    name = "CRM database tables"
    try:
        schema = schema_of(settings.database_url)
    except Later as error:
        return Check(name, ok=False, detail=error.reason, hint="name another in DATABASE_URL")
    if not schema.is_made:
        return Check(name, ok=True, detail="none yet; the sink makes them when it starts")
    if schema.problem:
        wrong, _, way_out = schema.problem.partition(": ")
        return Check(name, ok=False, detail=wrong, hint=way_out)
    return Check(name, ok=True, detail=f"revision {schema.revision}")
