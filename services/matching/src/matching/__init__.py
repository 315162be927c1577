"""Who does a job: hard gate, ranking, offers one after the other, reservations of capacity."""
