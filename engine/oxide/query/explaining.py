"""How a query is answered, for whoever wants to know."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from oxide.query.tree import Query


class Explanation(NamedTuple):
    """``scans``: name in the statement, table, segments of the table, segments that are opened."""

    query: Query
    statement: str
    parameters: dict[str, Any]
    scans: list[tuple[str, str, int, int]]

    @property
    def filter_text(self) -> str:
        """The query in the JSON language."""
        from oxide.query.writing import query_json

        return json.dumps(query_json(self.query), ensure_ascii=False)

    def as_record(self) -> dict[str, Any]:
        """All of it as JSON."""
        from oxide.query.writing import query_json

        return {
            "query": query_json(self.query),
            "sql": self.statement,
            "parameters": {
                name: value.hex() if isinstance(value, bytes) else value for name, value in self.parameters.items()
            },
            "scans": [
                {"name": name, "table": table, "segments": there, "opened": opened}
                for name, table, there, opened in self.scans
            ],
        }

    @property
    def opened(self) -> int:
        """Segments that are opened, in all."""
        return sum(scan[3] for scan in self.scans)
