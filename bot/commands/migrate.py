"""`oncall-agent migrate`."""

import asyncio

import click


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date. `run` does this by itself at start."""
    from bot.settings import DatabaseSettings, load_group
    from bot.store.database import Database
    from bot.store.migrate import migrate as run_migrations
    from bot.store.migrate import revisions

    settings = load_group(DatabaseSettings)

    async def work() -> None:
        database = Database(settings.url)
        try:
            await run_migrations(database)
        finally:
            await database.close()

    asyncio.run(work())
    present, newest = revisions(settings.url)
    click.echo(f"The database is at revision {present}; the newest is {newest}.")
