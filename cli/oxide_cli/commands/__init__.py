"""One module a verb, imported only when the verb runs. Each exposes ``command``."""
