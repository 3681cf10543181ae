"""What people and programs touch: API, pages, live feed, command line, files in and out."""
