"""Lists over the CRM database as people page through them: what there is to see, and how it is asked."""
