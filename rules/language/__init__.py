"""The rule language: fields, operators, trees, compiled closures, explanations."""
