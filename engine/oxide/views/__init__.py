"""Lazy views of items: steps that are put together, asked as one query, and handed to frames, datasets and training."""
