"""Simulated dealers. They know nothing but contracts/ and a Kafka client, as a dealer's own program would."""
