"""The language between the services of Servicenetz: a module per topic and major version, the catalogue."""
