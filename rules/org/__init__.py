"""Who gets a lead: whose turn it is, who may, who has room. Pure; `machine.step_org` is the whole of it."""
