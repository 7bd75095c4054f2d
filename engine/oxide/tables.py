"""Tables of a revision as lazy views that hand over Arrow, Polars, pandas or DuckDB."""
