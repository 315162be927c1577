"""Rules of the registry, pure: no clock, no framework, no I/O."""
