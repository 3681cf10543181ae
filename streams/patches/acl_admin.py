"""Extends aiokafka's admin client: it can read, add and remove ACLs with the raw codes of Kafka's protocol."""

from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

_ANY: Final = 1

AclCodes = tuple[int, str, int, str, str, int]
"""Resource type, name, pattern type, principal, host and operation."""


class AclClient(AIOKafkaAdminClient):
    """Sends requests about ACLs and returns aiokafka's responses, which the caller checks for errors."""

    async def describe_acls(self) -> Any:
        """Ask for all ACLs of the cluster. Raises KafkaError."""
        return await self._send_request(DescribeAclsRequest(_ANY, None, _ANY, None, None, _ANY, _ANY))

    async def create_acl(self, codes: AclCodes, permission: int) -> Any:
        """Add one ACL. Raises KafkaError."""
        return await self._send_to_controller(CreateAclsRequest(*codes, permission))

    async def delete_acl(self, codes: AclCodes, permission: int) -> Any:
        """Remove one ACL. Raises KafkaError."""
        return await self._send_to_controller(DeleteAclsRequest(*codes, permission))
