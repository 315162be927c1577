"""How this process gets another function in place of the chassis' own."""


def replace(owner: object, name: str, new: object) -> None:
    """Raises AttributeError when there is nothing of this name: the chassis has changed, and so must we."""
    getattr(owner, name)
    setattr(owner, name, new)
