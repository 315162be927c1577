"""Simulated dealers. They know nothing but contracts/ and a Kafka client, as any dealer's own program would."""
