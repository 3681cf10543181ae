"""The CRM database: one consumer of `lead-journal` writes it, everybody else reads it."""
