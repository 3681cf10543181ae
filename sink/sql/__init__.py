"""The rule language in SQL: fields, filters, order and comparison keys."""
