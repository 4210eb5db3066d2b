"""NumPy .npz cubes for mdio."""
