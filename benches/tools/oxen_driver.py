"""Calls Oxen's Python package: `oxen_driver.py TREE VERB [ARGUMENT]`. Prints the seconds of the calls.

Runs in the environment that has the package, so it imports nothing of this project.
"""

from __future__ import annotations

import sys
import time

import oxen
import oxen.user

tree, verb, *arguments = sys.argv[1:]
if verb == "init":
    oxen.user.config_user("Bench", "bench@example.org")

start = time.perf_counter()
repository = oxen.Repo(tree)
if verb == "init":
    repository.init()
elif verb == "add":
    repository.add(arguments[0])
elif verb == "commit":
    repository.commit("bench")
elif verb == "status":
    repository.status()
elif verb == "restore":
    repository.restore(arguments[0])
elif verb == "branch":
    repository.checkout(arguments[0], create=True)
elif verb == "switch":
    repository.checkout(arguments[0])
else:
    sys.exit(f"no such verb: {verb}")
print(time.perf_counter() - start)
