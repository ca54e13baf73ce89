"""The schema's versions, through Alembic. A revision never imports live code: it must stay what it was.

Alembic itself is imported only where there is something to migrate, because a start should not wait for it.
"""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0003"
"""The newest revision; a test holds it against the scripts."""

MIGRATION_LOCK = 0x62757469
"""PostgreSQL's advisory locks are numbers that programs agree on; this one is ours."""


def revision_of(connection: Connection) -> str | None:
    """The schema's revision as the database tells it, None where it has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def has_tables(connection: Connection) -> bool:
    """Whether anything is kept in there already."""
    return bool(inspect(connection).get_table_names())


def known_revisions() -> list[str]:
    """Every revision that this version of Butine knows, newest first."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  see above

    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Run the missing revisions in one transaction."""
    from alembic import command  # noqa: PLC0415  see above

    config = _config()
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":  # processes that start at once take turns; SQLite's always do
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415  see above

    config = Config()
    config.set_main_option("script_location", "storage:migrations")
    config.set_main_option("path_separator", "os")
    return config
