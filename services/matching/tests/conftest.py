"""Properties are counted in examples, not in milliseconds: the machine may be busy."""

from hypothesis import settings

settings.register_profile("matching", deadline=None)
settings.load_profile("matching")
