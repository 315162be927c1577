"""Real Kafka and PostgreSQL for the tests of services: broker, databases, and a stranger's view of the topics."""
