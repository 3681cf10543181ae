"""The words that the source documents show on their pages, for the test that compares them with ours.

Letters are the documents': Q claimable queues, D locks and claims, R round robin, S shotgun, E exceptions.
"""

from typing import Final

CALL_QUEUE: Final = ("Call Queue", "Standard", "Custom", "Search", "Clear", "Sorted By:", "Claim this Lead")
"""Q, Claiming a Lead: the page of the rep."""
CLAIMED: Final = ("Congratulations! You have a new lead", "Return to Call Queue", "Go to Lead Details")
"""Q: the box after a claim."""
ADDED: Final = "has been added to your lead list"
LOST: Final = "Lead already claimed"
BUILDER: Final = (
    "Call Queue Builder",
    "+ Add View",
    "Edit Outcomes",
    "Unpublished Changes",
    "Column Selection",
    "None",
    "Sort Order",
    "Ascending",
    "Inclusion Rules (1)",
    "Exclusion Rules (1)",
    "+ Add Rule",
    "Claimable Leads Queue",
    "Outcomes",
    "Publish View",
)
"""Q, Building a Claimable Leads List."""
CONFIRM: Final = "Ok"
LEAD: Final = ("Claim now", "Call back")
"""D: the lead that a rep has open."""
VIEW_ONLY: Final = "View leads only"
"""D: among the preferences."""
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
MY_LEADS: Final = (
    "My Leads",
    "Export CSV",
    "+ Create Lead",
    "Application Sent",
    "Search",
    "Filter",
    "Edit Columns",
    "Reset",
    "First Name",
    "Last Name",
    "Phone",
    "Email",
    "Assigned To",
    "Contacted On",
    "Creation Date",
    "(401) 419-4247",
    "--",
)
"""S, My Leads. Three words differ: Group, because a lead is in one; Phone, which need not be a mobile; and a selection
has its actions as buttons, where the documents have a list Actions in each row."""
SELECTED: Final = "1 of 1 selected"
EXCEPTIONS: Final = (
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
)
"""E: the columns and buttons of the desk."""
IGNORE: Final = "Do you really want to ignore this lead"
OK: Final = "OK"
