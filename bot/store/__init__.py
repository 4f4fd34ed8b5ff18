"""What is kept: tables, sessions, queries and the audit chain. SQLite by default, PostgreSQL by `DATABASE_URL`."""
