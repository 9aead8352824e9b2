-- ARGV: a fresh era. Returns position, era, horizon, floor and version of the set of indexes.
return enter(ARGV[1])
