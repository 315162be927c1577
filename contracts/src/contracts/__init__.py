"""The language between the services of Servicenetz: one module per topic and major version, and the catalogue."""
