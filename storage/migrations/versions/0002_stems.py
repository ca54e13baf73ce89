"""The stems of public ideas, and indexes: what is looked up takes the same time however many ideas there are."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

BIG_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ROWS_AT_ONCE = 500


def upgrade() -> None:
    op.create_index("outbox_by_idea", "outbox", ["workspace_id", "idea_id", "view"], unique=False)
    newest_first = sa.text("number DESC")
    op.create_index("idea_by_showing", "idea", ["workspace_id", "status", "shown", newest_first], unique=False)
    op.create_table(
        "stem",
        sa.Column("id", BIG_KEY, nullable=False),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("ideas", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "term"),
    )
    op.create_table(
        "stem_of_idea",
        sa.Column("stem_id", sa.BigInteger(), nullable=False),
        sa.Column("idea_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["stem_id"], ["stem.id"]),
        sa.ForeignKeyConstraint(["idea_id"], ["idea.id"]),
        sa.PrimaryKeyConstraint("stem_id", "idea_id"),
        sqlite_with_rowid=False,
    )
    _take_in_what_is_public()


def _take_in_what_is_public() -> None:
    """The full-text index has the stems already."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        terms = "idea_search.title || ' ' || idea_search.body"
        source = "idea JOIN idea_search ON idea_search.rowid = idea.id"
    else:
        terms = "array_to_string(tsvector_to_array(idea_search.terms), ' ')"
        source = "idea JOIN idea_search ON idea_search.idea_id = idea.id"
    query = sa.text(
        f"SELECT idea.workspace_id, idea.id, {terms} FROM {source}"  # noqa: S608  the pieces stand above
        " WHERE idea.status NOT IN ('pending', 'refused', 'withdrawn') ORDER BY idea.id"
    )
    stems: dict[tuple[int, str], int] = {}
    holders: dict[int, list[int]] = {}
    for workspace_id, idea_id, text in connection.execute(query):
        for term in sorted(set(text.split())):
            stem_id = stems.setdefault((workspace_id, term), len(stems) + 1)
            holders.setdefault(stem_id, []).append(idea_id)
    _insert(
        "INSERT INTO stem (id, workspace_id, term, ideas) VALUES (:id, :workspace_id, :term, :ideas)",
        [
            {"id": stem_id, "workspace_id": workspace_id, "term": term, "ideas": len(holders[stem_id])}
            for (workspace_id, term), stem_id in stems.items()
        ],
    )
    _insert(
        "INSERT INTO stem_of_idea (stem_id, idea_id) VALUES (:stem_id, :idea_id)",
        [{"stem_id": stem_id, "idea_id": idea_id} for stem_id, ideas in holders.items() for idea_id in ideas],
    )
    if connection.dialect.name == "postgresql" and stems:
        connection.execute(sa.text("SELECT setval(pg_get_serial_sequence('stem', 'id'), :last)"), {"last": len(stems)})


def _insert(statement: str, rows: list[dict[str, object]]) -> None:
    for start in range(0, len(rows), ROWS_AT_ONCE):
        op.get_bind().execute(sa.text(statement), rows[start : start + ROWS_AT_ONCE])
