"""The client, against real servers; both of its faces by the same tests."""
