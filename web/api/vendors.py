"""Admins make and revoke the keys with which vendors post leads, and say how a vendor's posts are read."""

import asyncio
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from application.importing.mapping import Mapping
from models.audit import AuditDifference
from web.auth import ADMINS, Access, PartsOf, Person
from web.errors import DOCUMENTED, not_found
from web.schemas import Model
from web.store.vendor_keys import LONGEST_SIGNING_SECRET, SHORTEST_SIGNING_SECRET, VendorKey, vendor_of

router = APIRouter(prefix="/api/v1/vendors", tags=["vendors"], responses=DOCUMENTED)
Reads = Annotated[Person, Depends(Access("vendors:read", ADMINS))]
Writes = Annotated[Person, Depends(Access("vendors:write", ADMINS))]
Proved = Annotated[Person, Depends(Access("vendors:write", ADMINS, proved=True))]


class VendorKeyInfo(Model):
    """A vendor's key, without its secret. `signs`: its posts must be signed. `accepted`, `refused`: leads so far."""

    key_id: str
    vendor: str
    name: str
    signs: bool
    created_by: str
    created_at: datetime
    used_at: datetime | None
    accepted: int
    refused: int


class NewVendorKey(Model):
    """A key to create. `signing_secret`: with it, each post must have the HMAC-SHA256 of its body in a header."""

    vendor: str = Field(min_length=1, max_length=200)
    name: str = Field(min_length=1, max_length=200)
    signing_secret: str | None = Field(
        default=None, min_length=SHORTEST_SIGNING_SECRET, max_length=LONGEST_SIGNING_SECRET
    )


class IssuedVendorKey(VendorKeyInfo):
    """A key with its secret. The secret is shown only this once."""

    secret: str


class NewMapping(Model):
    """How a vendor's posts are read: a mapping as a mapping file has it, as JSON."""

    mapping: dict[str, Any]


class VendorMapping(NewMapping):
    """The mapping of a vendor."""

    vendor: str


@router.get("/keys")
async def keys(person: Reads, parts: PartsOf) -> list[VendorKeyInfo]:
    """List the org's keys that work."""
    return [_info(key) for key in await asyncio.to_thread(parts.vendor_keys.all, person.org)]


@router.post("/keys", status_code=HTTPStatus.CREATED)
async def issue(person: Proved, parts: PartsOf, body: NewVendorKey) -> IssuedVendorKey:
    """Create a key of one vendor name. It posts that vendor's leads to this org, and can do nothing else."""
    vendor = vendor_of(body.vendor)
    differences = [
        AuditDifference("vendor", None, vendor),
        AuditDifference("name", None, body.name),
        AuditDifference("signs", None, body.signing_secret is not None),
    ]
    async with parts.audit.act(person.as_actor, "vendor_key_made", "vendor-key", differences) as entry:
        secret, key = await asyncio.to_thread(
            lambda: parts.vendor_keys.issue(
                person.org, vendor, body.name, by=person.rep_id, signing_secret=body.signing_secret
            )
        )
        entry.object = f"vendor-key/{key.key_id}"
    return IssuedVendorKey(**_info(key).model_dump(), secret=secret)


@router.delete("/keys/{key_id}", status_code=HTTPStatus.NO_CONTENT)
async def revoke(person: Writes, parts: PartsOf, key_id: str) -> None:
    """Revoke a key. It stops working with its next post."""
    async with parts.audit.act(person.as_actor, "vendor_key_revoked", f"vendor-key/{key_id[:100]}") as entry:
        key = await asyncio.to_thread(parts.vendor_keys.revoke, person.org, key_id)
        if key is None:
            raise not_found(f"key {key_id}")
        entry.add("vendor", None, key.vendor)
        entry.add("name", None, key.name)


@router.get("/mappings")
async def mappings(person: Reads, parts: PartsOf) -> list[VendorMapping]:
    """List the mappings of the org's vendors."""
    by_vendor = await asyncio.to_thread(parts.mappings.all, person.org)
    return [VendorMapping(vendor=vendor, mapping=value) for vendor, value in sorted(by_vendor.items())]


@router.put("/mappings/{vendor}")
async def put_mapping(person: Writes, parts: PartsOf, vendor: str, body: NewMapping) -> VendorMapping:
    """Say how a vendor's posts are read from now on. Each mistake is named by key and reason."""
    name = vendor_of(vendor)
    Mapping(body.mapping)
    async with parts.audit.act(
        person.as_actor,
        "vendor_mapping_changed",
        f"vendor-mapping/{name[:100]}",
        [AuditDifference("mapping", None, body.mapping)],
    ):
        await asyncio.to_thread(lambda: parts.mappings.put(person.org, name, body.mapping, by=person.rep_id))
    return VendorMapping(vendor=name, mapping=body.mapping)


@router.delete("/mappings/{vendor}", status_code=HTTPStatus.NO_CONTENT)
async def remove_mapping(person: Writes, parts: PartsOf, vendor: str) -> None:
    """Remove a vendor's mapping. Its posts are read by the names of their fields."""
    name = vendor_of(vendor)
    async with parts.audit.act(person.as_actor, "vendor_mapping_changed", f"vendor-mapping/{name[:100]}"):
        if not await asyncio.to_thread(parts.mappings.remove, person.org, name):
            raise not_found(f"mapping of {name}")


def _info(key: VendorKey) -> VendorKeyInfo:
    return VendorKeyInfo.model_validate(key)
