"""Imports files of the directory in the page: checked as a whole, shown in sentences, then published."""
