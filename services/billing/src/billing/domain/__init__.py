"""Who owes whom how much, and why. Pure: no clock, no I/O, no framework."""
