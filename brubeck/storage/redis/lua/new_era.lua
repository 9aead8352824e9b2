-- ARGV: the new era. Begins it, whatever the server's life.
enter(ARGV[1], true)
redis.call('HSET', HEAD, 'era', ARGV[1])
return 1
