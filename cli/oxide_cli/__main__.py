"""``python -m oxide_cli``."""

from oxide_cli.main import main

main()
