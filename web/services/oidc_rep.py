"""Publishes the role and teams of a provider's claims as the rep's, so that the engine uses them too."""

from typing import Final

from application.audit.entry import Actor
from models.errors import PublicationErrors
from web.console_services import Services
from web.errors import HttpProblem, forbidden
from web.services.directory_edits.editor import current_publication
from web.services.oidc import VerifiedIdentity
from web.store.account import Account

PROVIDER: Final = "the sign-in provider"


async def take_over(parts: Services, account: Account, vouched: VerifiedIdentity) -> None:
    """Publish the account's rep with the claimed role and teams if they differ. Raises 403 if that is impossible."""
    claimed = {
        name: value for name, value in (("role", vouched.role), ("teams", vouched.teams)) if value is not None
    }
    key = ("rep", account.rep_id)
    published = current_publication(parts.directory.org(account.org), key)
    if not claimed or published is None or published.value is None:
        return
    value = {
        **published.value,
        **{name: list(claim) if isinstance(claim, tuple) else claim for name, claim in claimed.items()},
    }
    if value == published.value:
        return
    try:
        # The provider is the author: the person only signed in.
        actor = Actor(org=account.org, actor=f"{PROVIDER} of {account.rep_id}", kind="process")
        async with parts.audit.act(actor, "published", "/".join(key)) as entry:
            result = await parts.editor.edit(account.org, key, value, base=published.version, publish=True)
            entry.replace(result.changes)
    except PublicationErrors as error:
        raise forbidden(f"your company's account has invalid data: {error}") from error
    except HttpProblem as problem:
        raise forbidden(
            f"your entry in the directory changed at this moment; sign in once more: {problem.detail}"
        ) from problem
