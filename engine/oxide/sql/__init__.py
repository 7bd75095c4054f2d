"""SELECT over every version: sandboxed DuckDB over immutable files.

``statement`` decides what a query may say, ``sources`` what its names mean, ``connection`` how it runs, ``result``
what it gives. Importing this package imports neither DuckDB nor pyarrow.
"""

from oxide.sql.catalogue import query
from oxide.sql.result import SqlResult

__all__ = ["SqlResult", "query"]
