"""Lists over the CRM database that people page through: the lists, their columns and their queries."""
