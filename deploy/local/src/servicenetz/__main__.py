"""`python -m servicenetz` is `servicenetz`."""

from servicenetz.cli import main

main()
