"""Alembic's scripts: how the database's schema came to be."""
