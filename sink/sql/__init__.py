"""Translates the rule language to SQL: fields, filters, order and comparison keys."""
