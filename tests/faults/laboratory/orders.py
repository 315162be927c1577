"""Orders from the test to a service process: a file each, so that they outlive any death and need no connection."""

from pathlib import Path

STRUCK = ".struck"


class Orders:
    """The orders of one process, given by the test and read by `launcher.py` inside the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    # -- the test's side

    def give(self, name: str, text: str = "") -> None:
        """Put an order there. A point strikes once; a standing order holds until it is withdrawn."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / f"{name}{STRUCK}").unlink(missing_ok=True)
        partial = self._folder / f"{name}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.rename(self._folder / name)

    def withdraw(self, name: str) -> None:
        """Take it back, whether or not it was carried out."""
        (self._folder / name).unlink(missing_ok=True)

    def was_struck(self, name: str) -> bool:
        """Whether the process took the order."""
        return (self._folder / f"{name}{STRUCK}").exists()

    # -- the process's side

    def standing(self, name: str) -> str | None:
        """The order's text while it stands."""
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def take(self, name: str) -> str | None:
        """The order's text, once: of several that look at the same time one gets it."""
        try:
            text = (self._folder / name).read_text(encoding="utf-8")
            (self._folder / name).rename(self._folder / f"{name}{STRUCK}")
        except FileNotFoundError:
            return None
        return text
