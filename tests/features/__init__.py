"""OGC API Features: parameters, guards, and the programs of others as clients."""
