"""Splits: which files are for training and which are held out. A file's split is its metadata ``split``."""
