"""job-exchange: the jobs of the service-partner community, from posting to completion."""
