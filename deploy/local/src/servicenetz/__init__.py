"""The local stack of Servicenetz and the command `servicenetz`.

from servicenetz.stack import Stack

with Stack(folder) as stack:            # or: async with
    stack.kafka_bootstrap, stack.database_url("billing")
"""
