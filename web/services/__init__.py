"""What the console's API and pages share below the routes."""
