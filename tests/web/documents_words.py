"""The words that the source documents show on their pages, for the test that compares them with ours.

Letters name the documents: Q claimable queues, D locks and claims, R round robin, E exceptions, S shotgun distribution.
Capital letters are not compared, because headings of one document differ from those of another.
"""

from typing import Final

MAIL: Final = (
    "New Lead was Distributed to You",
    "You have been assigned a lead:",
    "View and engage with your leads by clicking the button below.",
    "View My Leads",
)
"""S: the mail to the rep: subject, opening, closing and button."""
CALL: Final = (
    "You have an available lead {name}. Press 1 to accept or hang up to decline.",
    "You have been assigned {name}, press 1 again to be connected or hang up if you plan to reach out later.",
)
"""S: what the first rep to press 1 is told, in order."""
GONE: Final = "We're sorry, but that lead is no longer available."
NEW_LEAD: Final = "New Lead"
QUEUE_LIST: Final = (
    "Call Queue",
    "Standard",
    "Custom",
    "Search",
    "Clear",
    "Sorted By",
    "Claim this Lead",
)
"""Q: the list of a claimable queue, as an end user sees it."""
CLAIM_BOX: Final = (
    "Congratulations! You have a new lead",
    "{name} has been added to your lead list.",
    "Return to Call Queue",
    "Go to Lead Details",
)
"""Q: the box after a claim."""
CLAIMED: Final = "Lead already claimed"
"""Q: the line at the top of the page for everybody else who clicked."""
BUILDER_LIST: Final = ("Call Queue Builder", "+ Add View", "Edit Outcomes")
"""Q: the builder before a queue is chosen."""
BUILDER: Final = (
    "Column Selection",
    "None",
    "Sort Order",
    "Ascending",
    "Inclusion Rules (1)",
    "Created on date",
    "is in the last",
    "Exclusion Rules (1)",
    "Silenced Communication",
    "+ Add Rule",
    "Claimable Leads Queue",
    "Outcomes",
    "Unpublished Changes",
    "Publish View",
)
"""Q: a queue in the builder, with one rule of each kind, after an edit."""
PUBLISH: Final = ("Publish View", "Ok")
"""Q: the confirmation box."""
LEAD: Final = ("Call Back", "Claim now")
"""D: the page of an opened lead."""
PREFERENCES: Final = ("View leads only",)
"""D: the preferences of supervisors and admins."""
SETTINGS: Final = ("Settings", "Claiming", "Round Robin", "number one")
"""D and R: the org's settings."""
EXCEPTIONS: Final = (
    "Exception",
    "Prospect name",
    "Campaign",
    "Description",
    "Distribution",
    "Lead provider",
    "Loan purpose type",
    "Loan amount",
    "State",
    "Failure reason",
    "Create date",
    "Assign",
    "Ignore",
    "Show Ignored",
    "No available agents",
)
"""E: the page of exceptions."""
FAILURES: Final = {
    "ring_all": "No agents answered the call",
    "distribute_all": "No agents clicked the New Lead button",
}
"""E: why nobody has a lead, by the group's method. The documents' second one is `No agents click New Lead button`."""
ASSIGN: Final = "Assign"
"""E: the button of the box in which a rep is chosen."""
IGNORE: Final = ("Do you really want to ignore this lead", "OK")
"""E: the question before a lead is hidden."""
UNASSIGNED: Final = ("Unassigned Leads",)
"""E: the section for those who do not assign."""
MY_LEADS: Final = (
    "My Leads",
    "Export CSV",
    "+ Create Lead",
    "Search leads",
    "Filter",
    "Edit Columns",
    "Reset",
    "First Name",
    "Last Name",
    "Phone",
    "Email",
    "Assigned To",
    "Group",
    "Contacted On",
    "Creation Date",
    "(401) 419-4247",
    "--",
)
"""S: the list of a person's leads. The documents' `Phone Cell` and `Groups` are `Phone` and `Group`: a lead has one."""
SELECTED: Final = "1 of 1 selected"
"""S: how many rows are chosen."""
