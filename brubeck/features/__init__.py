"""OGC API Features, Part 1: the streams with positions as collections of features, to read.

>>> app = Brubeck(streams=[Quakes], features='/ogc')

A stream is a collection of it where ``bbox`` is among its ``filters``. Every read is a request to
the stream itself, so the face shows nothing that the stream would not.
"""

from brubeck.features.resources import add_features

__all__ = ["add_features"]
