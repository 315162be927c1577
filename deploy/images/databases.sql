-- A database and a role for each service; none can see another's. Passwords are for this machine only.
CREATE ROLE partner_registry LOGIN PASSWORD 'partner-registry';
CREATE DATABASE partner_registry OWNER partner_registry;
CREATE ROLE job_exchange LOGIN PASSWORD 'job-exchange';
CREATE DATABASE job_exchange OWNER job_exchange;
CREATE ROLE matching LOGIN PASSWORD 'matching';
CREATE DATABASE matching OWNER matching;
-- The books are append-only for the service itself: its tables belong to another role, which only `prepare` uses.
CREATE ROLE billing_owner LOGIN PASSWORD 'billing-owner';
CREATE ROLE billing LOGIN PASSWORD 'billing';
CREATE DATABASE billing OWNER billing_owner;
REVOKE CONNECT ON DATABASE partner_registry, job_exchange, matching, billing FROM PUBLIC;
GRANT CONNECT ON DATABASE billing TO billing;
