"""Every step keeps the guarantees in any order of events: one owner, one phase, the right queues.

Every event of every run is checked with `check_step`. The checks of `leads_live` span events or leads.
"""

from hypothesis import HealthCheck, settings

from tests.rules.lead.leads_live import LeadsLive

CI = settings(
    max_examples=250, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
"""This takes about five seconds. Run ten times the examples once after a change of the machine."""


LeadsLive.TestCase.settings = CI


TestQ8Q10X3X4X7LeadsLive = LeadsLive.TestCase
