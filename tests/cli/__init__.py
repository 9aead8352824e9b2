"""The command ``brubeck``."""
