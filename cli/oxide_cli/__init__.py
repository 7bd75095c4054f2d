"""The command line of Oxide: thin over :class:`oxide.repository.Repository`."""
