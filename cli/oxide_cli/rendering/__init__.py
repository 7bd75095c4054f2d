"""Results of the engine as text and as JSON objects: pure functions over :mod:`oxide.types`."""
