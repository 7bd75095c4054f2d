"""Oxide: version control for image and video datasets."""
