"""What `servicenetz demo` shows: one job told step by step, then a few hundred, then the sum of it."""
