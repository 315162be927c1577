"""The message path, once for all services: consume, decide, save, publish. No word of the business stands here."""
