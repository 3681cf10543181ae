"""Reads and changes the ACLs of a cluster by Kafka's protocol."""

from collections.abc import Iterable, Sequence
from typing import Final

from aiokafka.errors import KafkaError, for_code

from application.kafka_access.access_table import Principal
from application.kafka_access.acls import ANY_HOST, Acl, AclOperation, HeldAcl, Pattern, Permission, Resource
from models.errors import RuntimeFailure
from streams import clients
from streams.patches.acl_admin import AclClient, AclCodes
from streams.settings import Settings

_NO_AUTHORIZER: Final = 54
"""Kafka's error code `SECURITY_DISABLED`: every client may do everything."""


class NoAuthorizer(RuntimeFailure):
    """The cluster has no authorizer. It has no ACLs, and every client may do everything."""

    def __init__(self) -> None:
        super().__init__("Kafka", "it has no authorizer, so every client may do everything")


class AclAdmin(AclClient):
    """Kafka's admin client with ACLs. Reading them needs `Describe` on the cluster, changing them `Alter`."""

    async def held(self) -> list[HeldAcl]:
        """Return all ACLs of the cluster, sorted. ACLs of types unknown to this version are left out.

        Raises `NoAuthorizer` and KafkaError.
        """
        response = await self.describe_acls()
        _check(response.error_code, response.error_message)
        acls_held = []
        for resource, name, pattern, acls in response.resources:
            for principal, host, operation, permission in acls:
                try:
                    acl = Acl(Resource(resource), name, Pattern(pattern), AclOperation(operation))
                except ValueError:
                    continue
                acls_held.append(HeldAcl(principal, host, Permission(permission), acl))
        return sorted(acls_held)

    async def allow(self, principals: Iterable[Principal]) -> int:
        """Give principals the ACLs of the table. Return how many ACLs those are. Existing ones are not added twice."""
        count = 0
        for principal in principals:
            codes = [_codes(acl, principal) for acl in principal.acls]
            response = await self.create_acls(codes, Permission.ALLOW)
            for code, message in response.creation_responses:
                _check(code, message)
            count += len(codes)
        return count

    async def take(self, principal: Principal, acls: Sequence[Acl]) -> None:
        """Remove ACLs from a principal."""
        for acl in acls:
            response = await self.delete_acl(_codes(acl, principal), Permission.ALLOW)
            for code, message, _ in response.filter_responses:
                _check(code, message)


async def held_acls(settings: Settings) -> list[HeldAcl]:
    """Return all ACLs of the cluster. Raises `NoAuthorizer`, and `RuntimeFailure` where they cannot be read."""
    admin: AclAdmin = clients.admin(settings, AclAdmin)
    try:
        await admin.start()
        return await admin.held()
    except KafkaError as error:
        raise RuntimeFailure("Kafka", f"its ACLs could not be read: {error!r}") from error
    finally:
        await admin.close()


async def allow(settings: Settings, principals: Iterable[Principal]) -> int:
    """Give principals the ACLs of the table, as an administrator of the cluster. Raises `RuntimeFailure`."""
    admin: AclAdmin = clients.admin(settings, AclAdmin)
    try:
        await admin.start()
        return await admin.allow(principals)
    except KafkaError as error:
        raise RuntimeFailure("Kafka", f"ACLs could not be made: {error!r}") from error
    finally:
        await admin.close()


def _codes(acl: Acl, principal: Principal) -> AclCodes:
    return (acl.resource, acl.name, acl.pattern, f"User:{principal.name}", ANY_HOST, acl.operation)


def _check(code: int, message: str | None) -> None:
    if code == _NO_AUTHORIZER:
        raise NoAuthorizer
    if code:
        raise for_code(code)(message)
