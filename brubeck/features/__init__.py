"""OGC API Features, Part 1: the streams with positions as collections of features, to read.

``Brubeck(streams=[Quakes], features='/ogc')`` serves those with ``bbox`` among their filters. Every
read is a request to the stream itself, so the features show nothing that the stream would not.
"""

from brubeck.features.resources import add_features

__all__ = ["add_features"]
