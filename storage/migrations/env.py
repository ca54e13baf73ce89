"""Alembic's entry: runs revisions on the connection that `upgrade` hands over. Offline mode is not used."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
