"""Programs that run as they are and show one thing each."""
