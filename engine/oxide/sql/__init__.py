"""SELECT over every version: sandboxed DuckDB over immutable files."""
