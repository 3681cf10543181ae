"""Lists the distribution methods, one small file each. Add a new one here and to the directory's model."""

from collections.abc import Mapping
from typing import Final

from rules.org.choice import Method
from rules.org.methods.everyone import DISTRIBUTE_ALL, RING_ALL
from rules.org.methods.queue import QUEUE
from rules.org.methods.roster import ROSTER
from rules.org.methods.round_robin import ROUND_ROBIN

METHODS: Final[Mapping[str, Method]] = {
    method.name: method for method in (ROUND_ROBIN, ROSTER, RING_ALL, DISTRIBUTE_ALL, QUEUE)
}
