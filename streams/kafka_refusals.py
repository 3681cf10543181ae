"""Distinguishes a refusal by Kafka from an outage. A wrong setting or a missing ACL does not go away by waiting.

aiokafka raises the same error for a wrong password as for a broker that is down. A caller that could not connect
therefore calls this module, which connects once more and returns the cause.
"""

from typing import Final

from aiokafka import errors as kafka
from aiokafka.conn import create_conn

from models.errors import ConfigError, FirstclaimError, RetryableError
from streams.settings import Settings

ACLS: Final = "Kafka ACLs"
"""The field that a `ConfigError` names when Kafka denies an operation."""
_DENIED: Final = (
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
    kafka.TransactionalIdAuthorizationFailed,
)
_SIGN_IN: Final = (
    kafka.SaslAuthenticationFailed,
    kafka.AuthenticationFailedError,
    kafka.AuthenticationMethodNotSupported,
    kafka.UnsupportedSaslMechanismError,
    kafka.IllegalSaslStateError,
)
_ANSWER_MS: Final = 5_000
"""How long a broker may take to accept or refuse a connection."""
_MAX_CAUSES: Final = 20


def denial_of(error: BaseException | None) -> str | None:
    """Return what Kafka did not allow, in its words; None if neither the error nor its causes are a denial."""
    for _ in range(_MAX_CAUSES):
        if error is None:
            return None
        if isinstance(error, _DENIED):
            return f"{type(error).__name__.removesuffix('Error')}: {_about(error)}"
        error = error.__cause__ or error.__context__
    return None


def refusal_of(settings: Settings | None, error: BaseException | None) -> ConfigError | None:
    """Return the error that ends a process for which an ACL is missing; None if none is missing."""
    denial = denial_of(error)
    if denial is None:
        return None
    username = settings.kafka_sasl_username if settings else None
    user = f"User:{username}" if username else "this client"
    return ConfigError(
        ACLS,
        f"{user} is not allowed what it needs ({denial}); `firstclaim acls` prints what each principal needs, "
        "and `firstclaim doctor` compares that with the cluster",
    )


async def failure(settings: Settings, error: BaseException, reason: str) -> FirstclaimError:
    """Return the error to raise after Kafka failed: `ConfigError` for a refusal, else `RetryableError`."""
    return await refusal(settings, error) or RetryableError("Kafka", reason)


async def refusal(settings: Settings, error: BaseException) -> ConfigError | None:
    """Return the error that ends a process which Kafka refuses; None if Kafka is only unreachable."""
    access_error = refusal_of(settings, error)
    if access_error is None and isinstance(error, kafka.KafkaConnectionError):
        access_error = await not_let_in(settings)
    return access_error


async def not_let_in(settings: Settings) -> ConfigError | None:
    """Return why no broker accepts the connection; None if one accepts it, or if no reachable broker gives a reason.

    Each address is tried once, for at most five seconds.
    """
    if settings.kafka_sasl_password is None:
        return None
    options = settings.aiokafka_options()
    access_error: ConfigError | None = None
    for address in options.pop("bootstrap_servers"):
        host, _, port = address.rpartition(":")
        try:
            connection = await create_conn(
                host.strip("[]"), int(port), request_timeout_ms=_ANSWER_MS, **options
            )
        except _SIGN_IN as error:
            access_error = ConfigError(
                "KAFKA_SASL_PASSWORD",
                f"{address} does not let user {settings.kafka_sasl_username!r} in with "
                f"{settings.kafka_sasl_mechanism}: {error}",
            )
        except (OSError, kafka.KafkaError, TimeoutError):
            continue
        else:
            connection.close()
            return None
    return access_error


def _about(error: BaseException) -> str:
    """Return the topics or the group that a refusal names."""
    first = error.args[0] if error.args else None
    if isinstance(first, set | frozenset | list | tuple):
        return ", ".join(sorted(map(str, first)))
    return first if isinstance(first, str) else str(error)
