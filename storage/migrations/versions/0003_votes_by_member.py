"""An index: who has ever voted is told without reading every vote."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index("gesture_by_member", "gesture", ["workspace_id", "member_id"], unique=False)
