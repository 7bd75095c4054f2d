"""Questions about every version: the JSON language, its text form, and what they find.

``tree`` is what every form becomes; ``reading``, ``envelopes`` and ``text`` make it, ``planning`` turns it into SQL and
``running`` asks. Importing this package imports neither DuckDB nor pyarrow.
"""
