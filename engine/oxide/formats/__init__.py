"""Formats of labels: one module each, behind the protocol of :mod:`oxide.formats.base`."""
