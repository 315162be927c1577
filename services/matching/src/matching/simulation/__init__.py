"""A network in virtual time on the real decisions: how an operator tries a policy before he publishes it."""
