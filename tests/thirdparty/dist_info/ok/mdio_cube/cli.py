"""``mdio cube URL``: one command, mounted as itself."""

import typer

app = typer.Typer()


@app.command()
def head(path: str) -> None:
    """Print the header of a cube."""
    with open(path, "rb") as file:
        typer.echo(file.readline().decode().strip())
