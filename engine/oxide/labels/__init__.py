"""Labels and metadata: rows that belong to items, versioned with the files that they describe."""
