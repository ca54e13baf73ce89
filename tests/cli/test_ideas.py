"""`butine ideas`: listing, showing, and taking every idea out of one database into another."""

import errno
import json
import os
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pytest
from sqlmodel import Session

from bot.operations import IMPORTED_AT_ONCE, LISTED_AT_ONCE
from bot.usecases.transfer import IdeaRecord
from storage import ideas, outbox, workspaces
from storage.tables import Idea, Status, Step
from tests.cli.conftest import Terminal, in_web, words_of
from tests.contract.storage_rows import new_idea
from tests.full import file_size_limit

REFUSED, DATABASE = 1, 4


def kept(session: Session) -> Sequence[Idea]:
    """Every idea of the web room."""
    return ideas.after(session, in_web(session), 0, 10_000)


# List and show


def test_ideas_are_listed_newest_first_with_author_status_and_supporters(filled: Terminal) -> None:
    lines = filled.succeed("ideas", "list").splitlines()
    keys = ("number", "title", "author", "status", "supporters")
    assert lines[0].split() == " ".join(filled.say(f"cli.column.{key}") for key in keys).split()
    assert [line.split()[0] for line in lines[1:] if line[0].isdigit()] == ["5", "4", "3", "2", "1"]
    last = lines[-1]
    published = {"fr": "publiée", "en": "published"}[filled.language]
    assert last.startswith("1 ")
    for word in ("Des vélos entre les sites", "Camille Martin", published, "2"):
        assert word.casefold() in last.casefold()


def test_only_ideas_of_the_status_asked_for_are_listed(filled: Terminal) -> None:
    shown = filled.succeed("ideas", "list", "--status", "refused")
    assert "Refusée" in shown
    assert "vélos" not in shown
    assert len(filled.succeed("ideas", "list", "--status", "delivered").splitlines()) == 1


def test_a_title_is_printed_as_it_was_typed(filled_english: Terminal) -> None:
    """No markup, no emoji codes: what the member wrote."""
    assert "[bold]x[/bold] :heart: [red]" in filled_english.succeed("ideas", "list")
    assert "[bold]x[/bold] :heart: [red]" in filled_english.succeed("ideas", "show", "2")


def test_on_a_terminal_the_list_keeps_to_its_width(filled_english: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere each idea is one line, for programs."""
    monkeypatch.setenv("COLUMNS", "40")
    assert filled_english.succeed("ideas", "list").count("\n") == 1 + 5
    monkeypatch.setenv("FORCE_COLOR", "1")  # what Rich takes for a terminal
    folded = click.unstyle(filled_english.succeed("ideas", "list")).split("\n")
    assert len(folded) > 2 + 5
    assert max(map(len, folded)) <= 40


def test_however_many_ideas_there_are_all_are_listed(english: Terminal) -> None:
    def add(session: Session) -> None:
        workspace_id = in_web(session)
        for _ in range(LISTED_AT_ONCE + 1):
            ideas.add(session, new_idea(workspace_id))

    english.write(add)
    lines = english.succeed("ideas", "list").splitlines()
    assert [line.split()[0] for line in lines[1:]] == [str(n) for n in range(LISTED_AT_ONCE + 1, 0, -1)]


def test_an_idea_is_shown_with_its_texts_and_history(filled: Terminal) -> None:
    shown = filled.succeed("ideas", "show", "1")
    for word in ("Des vélos entre les sites", "Douze minutes contre vingt-cinq", "En acheter dix", "Du temps"):
        assert word in shown
    assert "Camille Martin" in shown
    assert "Nadia Roy" in shown, "who approved it"


def test_the_operator_sees_what_is_not_published(filled: Terminal) -> None:
    assert "Déjà faite" in filled.succeed("ideas", "show", "4")


def test_an_unknown_number_is_told(filled: Terminal) -> None:
    filled.fail(REFUSED, filled.say("cli.error.no_idea", number=99), "ideas", "show", "99")


# Export and import


def exported(terminal: Terminal, file: str = "ideas.jsonl") -> list[dict[str, Any]]:
    """The records of a fresh export."""
    terminal.succeed("ideas", "export", file)
    return [json.loads(line) for line in Path(file).read_text(encoding="utf-8").split("\n") if line]


def test_an_export_holds_every_idea_whole(filled: Terminal) -> None:
    shown = filled.succeed("ideas", "export", "ideas.jsonl")
    assert shown == filled.say.plural("cli.exported", 5, file="ideas.jsonl") + "\n"
    first = json.loads(Path("ideas.jsonl").read_text(encoding="utf-8").split("\n")[0])
    assert (first["number"], first["author"], first["author_name"]) == (1, "camille", "Camille Martin")
    assert (first["title"], first["need"]) == ("Des vélos entre les sites", "Douze minutes contre vingt-cinq")
    assert (first["status"], first["supporters"]) == ("published", ["nadia", "sam"])
    assert [line["step"] for line in first["history"]] == ["submitted", "approved"]


def test_others_on_the_machine_may_not_read_an_export(filled_english: Terminal) -> None:
    exported(filled_english)
    assert Path("ideas.jsonl").stat().st_mode & 0o007 == 0


def empty(terminal: Terminal) -> None:
    """Begin anew with an empty database."""
    for path in terminal.folder.glob("butine.db*"):
        path.unlink()
    terminal.write(in_web)


def test_what_is_exported_can_be_imported_elsewhere_and_is_the_same(filled: Terminal) -> None:
    before = exported(filled)
    empty(filled)
    shown = filled.succeed("ideas", "import", "ideas.jsonl")
    assert shown == filled.say.plural("cli.imported", 5) + "\n"
    assert exported(filled, "again.jsonl") == before
    counted = {idea.number: idea.supporters for idea in filled.read(kept)}
    assert counted == {1: 2, 2: 0, 3: 0, 4: 0, 5: 0}


def test_a_second_import_adds_nothing(filled: Terminal) -> None:
    before = exported(filled)
    for _ in range(2):
        shown = filled.succeed("ideas", "import", "ideas.jsonl")
        assert shown.strip() == filled.say.plural("cli.imported", 0)
    assert exported(filled, "again.jsonl") == before


def test_what_is_imported_will_be_shown_in_chat(filled_english: Terminal) -> None:
    """Pending ones to the moderators, public ones to everybody, and the others to nobody."""
    exported(filled_english)
    empty(filled_english)
    filled_english.succeed("ideas", "import", "ideas.jsonl")

    def waiting(session: Session) -> set[str]:
        names = [f"card:{number}:{channel}" for number in range(1, 6) for channel in ("ideas", "review")]
        return {name for name in names if outbox.by_key(session, in_web(session), name)}

    assert filled_english.write(waiting) == {"card:1:ideas", "card:2:ideas", "card:3:review"}


def test_title_and_author_are_enough(english: Terminal) -> None:
    english.write(in_web)
    Path("ideas.jsonl").write_text('\n{"title": "Un vélo", "author": "camille"}\r\n\n', encoding="utf-8-sig")
    english.succeed("ideas", "import", "ideas.jsonl")
    english.succeed("ideas", "import", "ideas.jsonl")
    (idea,) = english.read(kept)
    assert (idea.number, idea.title, idea.status) == (1, "Un vélo", "pending")
    history = english.read(lambda s: ideas.history(s, idea.id or 0))
    assert [(line.step, line.member_id) for line in history] == [(Step.SUBMITTED, "camille")]


def test_what_an_import_brings_obeys_no_terminal(english: Terminal) -> None:
    """Nor is a line of the file divided where the text in it is."""
    english.write(in_web)
    record = {
        "title": "Un \x1b[31mvélo",
        "need": "A\u2028B\x85C",
        "author": "ca\x1bmille",
        "author_name": "\x9bCamille",
    }
    record |= {"status": "refused", "reason": "\x1b]0;x\x07"}
    history = [{"at": "2026-11-24T09:00:00Z", "step": "questioned", "member": "na\x1bdia", "detail": "Où\x1b ?"}]
    line = json.dumps(record | {"history": history}, ensure_ascii=False)
    Path("ideas.jsonl").write_text(line, encoding="utf-8")
    english.succeed("ideas", "import", "ideas.jsonl")
    shown = [english.succeed("ideas", "show", "1"), english.succeed("ideas", "list")]
    assert all("\ufffd" in text and not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028]", text) for text in shown)
    (kept_record,) = exported(english, "again.jsonl")
    assert kept_record["need"] == "A\nB\nC"
    assert "\\u00" not in Path("again.jsonl").read_text(encoding="utf-8")


def test_many_ideas_are_imported(english: Terminal) -> None:
    english.write(in_web)
    lines = [json.dumps({"title": f"Idée {n}", "author": "camille"}) for n in range(120)]
    Path("ideas.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert english.succeed("ideas", "import", "ideas.jsonl").strip() == "120 ideas added."
    assert [idea.title for idea in english.read(kept)] == [f"Idée {n}" for n in range(120)]


def test_where_the_database_fails_in_the_middle_it_is_said_what_is_added_and_the_same_import_goes_on(
    terminal: Terminal,
) -> None:
    terminal.write(in_web)
    lines = [json.dumps({"title": f"Idée {n}", "author": "camille"}) for n in range(1, 301)]
    Path("ideas.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with closing(sqlite3.connect(terminal.database, isolation_level=None)) as connection:
        connection.execute(
            "CREATE TRIGGER fail BEFORE INSERT ON idea WHEN NEW.number > 250 BEGIN SELECT json(NEW.title); END"
        )
        sentence = terminal.say.plural("cli.error.import_stopped", 200, reason="malformed JSON")
        terminal.fail(DATABASE, sentence, "ideas", "import", "ideas.jsonl")
        assert len(terminal.read(kept)) == 200
        terminal.fail(
            DATABASE, terminal.say("cli.error.not_saved", reason="malformed JSON"), "ideas", "import", "ideas.jsonl"
        )
        connection.execute("DROP TRIGGER fail")
    assert terminal.succeed("ideas", "import", "ideas.jsonl").strip() == terminal.say.plural("cli.imported", 100)
    assert [idea.title for idea in terminal.read(kept)] == [f"Idée {n}" for n in range(1, 301)]


def test_an_idea_that_is_here_under_another_title_is_told_and_not_added(terminal: Terminal) -> None:
    terminal.write(in_web)
    record = {"title": "Un velo", "author": "camille", "submitted_at": "2026-11-24T09:30:00Z"}
    Path("ideas.jsonl").write_text(json.dumps(record))
    terminal.succeed("ideas", "import", "ideas.jsonl")
    Path("ideas.jsonl").write_text(json.dumps({**record, "title": "Un vélo"}))
    told = terminal.succeed("ideas", "import", "ideas.jsonl").strip().splitlines()
    said = terminal.say("cli.import_retitled", title="Un vélo", number=1, kept="Un velo")
    assert told == [terminal.say.plural("cli.imported", 0), said]
    assert [idea.title for idea in terminal.read(kept)] == ["Un velo"]


def test_of_a_list_that_has_only_days_every_idea_is_imported(english: Terminal) -> None:
    """Also where two of the same author and day are not added at once."""
    english.write(in_web)
    record = {"author": "camille", "submitted_at": "2026-11-24T00:00:00+01:00"}
    lines = [json.dumps({**record, "title": f"Idée {n}"}) for n in range(IMPORTED_AT_ONCE + 1)]
    Path("ideas.jsonl").write_text("\n".join(lines), encoding="utf-8")
    for number in (IMPORTED_AT_ONCE + 1, 0):
        said = english.say.plural("cli.imported", number)
        assert english.succeed("ideas", "import", "ideas.jsonl").strip() == said


GOOD = '{"title": "Un vélo", "author": "camille"}'


MOMENT = "2026-11-24T09:30:00+01:00"


@pytest.mark.parametrize(
    "line, key, field, allowed",
    [
        ("nonsense", "cli.error.bad_line", "", ""),
        ("[]", "cli.error.bad_line", "", ""),
        ("{}", "cli.error.bad_line_lacks", "title", ""),
        ('{"title": "Un vélo"}', "cli.error.bad_line_lacks", "author", ""),
        ('{"title": 3, "author": "c"}', "cli.error.bad_line_value", "title", '"…"'),
        ('{"title": "A", "author": "c", "status": "lost"}', "cli.error.bad_line_value", "status", ", ".join(Status)),
        ('{"title": "A", "author": "c", "colour": "blue"}', "cli.error.bad_line_unknown", "colour", ""),
        ('{"title": "A", "author": "c", "supporters": [3]}', "cli.error.bad_line_value", "supporters.0", '["…"]'),
        (
            '{"title": "A", "author": "c", "submitted_at": "2026-11-24T09:00:00"}',
            "cli.error.bad_line_value",
            "submitted_at",
            MOMENT,
        ),
        (
            '{"title": "A", "author": "c", "submitted_at": "9999-12-31T23:59:59-05:00"}',
            "cli.error.bad_line_value",
            "submitted_at",
            MOMENT,
        ),
        (
            '{"title": "A", "author": "c", "history": [{"at": "2026-11-24T09:00Z", "step": "lost"}]}',
            "cli.error.bad_line_value",
            "history.0.step",
            ", ".join(Step),
        ),
        (
            '{"title": "A", "author": "c", "history": [{"at": "2026-11-24T09:00Z", "step": "status_set"}]}',
            "cli.error.bad_line_value",
            "history.0",
            f'[{{"at": "{MOMENT}", "step": "status_set", "detail": "retained"}}]',
        ),
    ],
)
def test_of_a_file_with_a_wrong_line_nothing_is_imported(
    terminal: Terminal, line: str, key: str, field: str, allowed: str
) -> None:
    """What is wrong is said in the operator's language."""
    terminal.write(in_web)
    Path("ideas.jsonl").write_text(f"{GOOD}\n\n{line}\n", encoding="utf-8")
    names = ", ".join(IdeaRecord.model_fields)
    sentence = terminal.say(key, line=3, file="ideas.jsonl", field=field, allowed=allowed, names=names)
    terminal.fail(REFUSED, sentence, "ideas", "import", "ideas.jsonl")
    assert terminal.read(kept) == []


@pytest.mark.parametrize("field, limit", [("title", 120), ("need", 3000), ("proposal", 3000), ("benefit", 3000)])
def test_a_text_that_is_too_long_is_told_by_line_and_field(terminal: Terminal, field: str, limit: int) -> None:
    terminal.write(in_web)
    record = {"title": "Un vélo", "author": "camille", field: "x" * (limit + 1)}
    Path("ideas.jsonl").write_text(f"{GOOD}\n{json.dumps(record)}", encoding="utf-8")
    sentence = terminal.say("cli.error.bad_text", line=2, file="ideas.jsonl", field=field, limit=limit)
    terminal.fail(REFUSED, sentence, "ideas", "import", "ideas.jsonl")
    assert terminal.read(kept) == []


def test_an_empty_title_is_told(terminal: Terminal) -> None:
    terminal.write(in_web)
    Path("ideas.jsonl").write_text('{"title": " ", "author": "camille"}')
    sentence = terminal.say("cli.error.bad_text", line=1, file="ideas.jsonl", field="title", limit=120)
    terminal.fail(REFUSED, sentence, "ideas", "import", "ideas.jsonl")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"], ids=["missing", "not UTF-8"])
def test_a_file_that_cannot_be_read_is_told(terminal: Terminal, content: bytes | None) -> None:
    terminal.write(in_web)
    if content:
        Path("ideas.jsonl").write_bytes(content)
    result = terminal.run("ideas", "import", "ideas.jsonl")
    assert result.exit_code == REFUSED
    assert result.stderr.startswith(terminal.say("cli.error.cannot_read", file="ideas.jsonl", reason="|").split("|")[0])
    assert result.stderr.count("\n") == 1


def test_an_export_overwrites_nothing(filled: Terminal) -> None:
    Path("ideas.jsonl").write_text("precious")
    filled.fail(REFUSED, filled.say("cli.error.file_exists", file="ideas.jsonl"), "ideas", "export", "ideas.jsonl")
    assert Path("ideas.jsonl").read_text() == "precious"


def test_an_export_that_cannot_be_written_is_told(filled: Terminal) -> None:
    result = filled.run("ideas", "export", "missing/ideas.jsonl")
    start = filled.say("cli.error.cannot_write", file="missing/ideas.jsonl", reason="|").split("|")[0]
    assert result.stderr.startswith(start)
    assert (result.exit_code, result.stderr.count("\n")) == (REFUSED, 1)


def test_an_export_for_which_there_is_no_room_leaves_nothing_that_looks_like_a_whole_one(terminal: Terminal) -> None:
    def add(session: Session) -> None:
        workspace_id = in_web(session)
        for number in range(100):
            ideas.add(session, new_idea(workspace_id, f"Idée {number}", need="x" * 3_000))

    terminal.write(add)
    before = sorted(terminal.folder.iterdir())
    sentence = terminal.say("cli.error.cannot_write", file="ideas.jsonl", reason=os.strerror(errno.EFBIG))
    with file_size_limit(100_000):
        terminal.fail(REFUSED, sentence, "ideas", "export", "ideas.jsonl")
    assert sorted(terminal.folder.iterdir()) == before
    assert len(exported(terminal)) == 100, "the next try is not in its way"


def test_ideas_go_from_one_workspace_to_another(filled_english: Terminal) -> None:
    """As when an organisation leaves one chat for the other."""
    slack = filled_english.write(lambda s: workspaces.ensure(s, "slack", "T1"))
    filled_english.succeed("ideas", "export", "--workspace", "web", "ideas.jsonl")
    filled_english.succeed("ideas", "import", "--workspace", "slack", "ideas.jsonl")
    found = filled_english.read(lambda s: ideas.after(s, slack, 0, 100))
    assert [idea.title for idea in found] == [idea.title for idea in filled_english.read(kept)]


@pytest.mark.postgresql
def test_ideas_go_from_sqlite_to_postgresql(filled_english: Terminal, postgresql_url: str) -> None:
    before = exported(filled_english)
    filled_english.configure(f'[storage]\nurl = "{postgresql_url}"')
    filled_english.write(in_web, postgresql_url)
    filled_english.succeed("ideas", "import", "ideas.jsonl")
    assert exported(filled_english, "again.jsonl") == before
    assert "Des vélos" in words_of(filled_english.succeed("ideas", "show", "1"))
