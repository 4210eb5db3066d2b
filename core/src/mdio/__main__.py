"""``python -m mdio`` is the command ``mdio``."""

from mdio.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
