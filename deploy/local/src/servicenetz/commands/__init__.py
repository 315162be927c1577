"""One module for each command. A module has `register(app: typer.Typer) -> None`; being here is enough."""
