"""The earthquakes of a week, as a program that is run."""

from tests.features.program import earthquakes

app = earthquakes()
