"""Contains one file per change of the schema. None is edited after a release."""
