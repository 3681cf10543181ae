"""Contains the migrations, one file per step. A released step is never changed."""
