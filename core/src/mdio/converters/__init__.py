"""Import paths of MDIO v0."""
