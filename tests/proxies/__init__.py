"""Programs behind genuine proxies and caches, set up by the files of ``deploy/``."""
