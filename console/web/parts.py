"""What the routes work with: one of each for a process, made at its start, handed to every request."""

from dataclasses import dataclass

from sqlalchemy import Engine

from console.board.reader import Reader
from console.web.asker import Asker
from console.web.edits.editor import Editor
from console.web.follow import DirectoryFollower
from console.web.live.hub import Hub
from console.web.operations.parts import Operations
from console.web.settings import WebSettings
from console.web.store.accounts import Accounts
from console.web.store.drafts import Drafts
from console.web.store.preferences import Preferences
from console.web.store.tokens import Tokens
from console.web.store.views import CustomViews
from streams.settings import Settings


@dataclass(frozen=True)
class Parts:
    """The parts. `crm`: the CRM database, read only. `store`: the console's own."""

    settings: Settings
    web: WebSettings
    directory: DirectoryFollower
    asker: Asker
    board: Reader
    hub: Hub
    accounts: Accounts
    tokens: Tokens
    preferences: Preferences
    drafts: Drafts
    views: CustomViews
    store: Engine
    crm: Engine
    operations: Operations
    editor: Editor
