"""``python -m oxide_cli``."""

from oxide_cli.start import main

main()
