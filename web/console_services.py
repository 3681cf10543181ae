"""Creates the services that routes use. Each process creates one of each when it starts."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Engine

from board.reader import Reader
from streams.engine_client import EngineClient
from streams.settings import Settings
from web.live.acts import ActedVersions
from web.live.claims_told import ClaimsTold
from web.live.hub import Hub
from web.services.account_mails import AccountMails
from web.services.audit.recorder import Audit
from web.services.directory_edits.editor import Editor
from web.services.directory_follower import DirectoryFollower
from web.services.erasures import RunningErasures
from web.services.exports import Exports
from web.services.hash_pool import HashPool
from web.services.limits import RateLimit
from web.services.operations.operations_services import OperationsParts
from web.services.push_browsers import PushBrowsers
from web.services.short_cache import ShortCache
from web.services.uploading import Uploading
from web.settings import WebSettings
from web.store.accounts import Accounts
from web.store.attempts import Attempts
from web.store.audit import AuditIndex
from web.store.drafts import Drafts
from web.store.password_links import PasswordLinks
from web.store.preferences import Preferences
from web.store.saved_lists import SavedLists
from web.store.second_factors import SecondFactors
from web.store.sessions import Sessions
from web.store.tokens import Tokens
from web.store.vendor_keys import VendorKeys
from web.store.vendor_posts import Mappings, VendorPosts
from web.store.views import CustomViews


@dataclass(frozen=True)
class Services:
    """The services of one process. `crm`: the CRM database, read only. `store`: the console's own database."""

    settings: Settings
    web: WebSettings
    directory: DirectoryFollower
    engine_client: EngineClient
    board: Reader
    hub: Hub
    accounts: Accounts
    sessions: Sessions
    second_factors: SecondFactors
    attempts: Attempts
    audit: Audit
    audit_index: AuditIndex
    hashing: HashPool
    tokens: Tokens
    vendor_keys: VendorKeys
    mappings: Mappings
    file_mappings: Mappings
    vendor_posts: VendorPosts
    vendor_limit: RateLimit
    preferences: Preferences
    drafts: Drafts
    views: CustomViews
    saved_lists: SavedLists
    store: Engine
    crm: Engine
    exports: Exports
    operations: OperationsParts
    editor: Editor
    push_browsers: PushBrowsers
    password_links: PasswordLinks
    account_mails: AccountMails
    erasing: RunningErasures = field(default_factory=RunningErasures)
    uploading: Uploading = field(default_factory=Uploading)
    wallboards: ShortCache = field(default_factory=ShortCache)
    claims_told: ClaimsTold = field(default_factory=ClaimsTold)
    acted_versions: ActedVersions = field(default_factory=ActedVersions)
    tell_when_stored: Callable[[str, str, int], None] = lambda *_: None
    """Makes an org's pages read again when the CRM database has a lead's version."""
