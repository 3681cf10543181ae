"""The CRM database. One consumer of `lead-journal` writes it; everybody else only reads it."""
