"""Where a database is: addresses that can be used, and what is said, and not said, of those that can't."""

import socket
import traceback

import psycopg
import pytest

from storage.database import Database
from storage.errors import CannotOpen
from storage.opening import parse_url, shown

pytest_plugins = ["tests.contract.storage_fixtures"]


def refusal(url: str) -> CannotOpen:
    """Why a database is not opened."""
    with pytest.raises(CannotOpen) as raised:
        Database.open(url)
    return raised.value


def closed_port() -> int:
    """A port where nothing answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://butine:s3cret@127.0.0.1:{port}/butine",
        "postgresql://butine@127.0.0.1:{port}/butine?password=s3cret",
        "postgresql://butine@127.0.0.1:{port}/butine?sslpassword=s3cret",
        "postgresql+asyncpg://butine:s3cret@127.0.0.1:{port}/butine",
    ],
)
def test_an_unreachable_server_is_told_without_the_password(url: str) -> None:
    port = closed_port()
    error = refusal(url.format(port=port))
    assert error.code == CannotOpen.UNREACHABLE
    assert str(port) in error.url
    assert "refused" in error.reason
    assert "s3cret" not in error.url + error.reason + shown(parse_url(url.format(port=port)))


@pytest.mark.parametrize(
    "url",
    [
        "mysql://butine:s3cret@localhost/butine",
        "nonsense://butine:s3cret@localhost/butine",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
    ],
)
def test_what_names_no_database_is_refused_without_the_password(url: str) -> None:
    error = refusal(url)
    assert error.code == CannotOpen.UNREACHABLE
    assert "s3cret" not in error.url + error.reason


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "/var/lib/butine.db",
        "no URL://butine:s3cret@localhost/butine",
        "postgresql://butine:s3cret@localhost:port/butine",
        "postgresql://butine:s3cret/butine",
        # The "@" of a password, written as it is.
        "postgresql://butine:Tr0ub4@dor-s3cret@localhost/butine",
        "postgresql://butine:p@ss:word-s3cret@localhost/butine",
        "postgresql://butine:p@ss/word-s3cret@localhost/butine",
        "postgresql://butine:p@ss?word-s3cret@localhost/butine",
    ],
)
def test_of_an_address_that_cannot_be_told_apart_nothing_is_said(url: str) -> None:
    """A password may stand anywhere in it; --debug shows what an exception says and its cause, too."""
    error = refusal(url)
    assert error.code == CannotOpen.MISWRITTEN
    assert "s3cret" not in "".join(traceback.format_exception(error))
    assert error.url == ""


def test_an_at_sign_is_written_as_40_in_a_password_and_as_it_is_in_a_file() -> None:
    assert parse_url("postgresql://butine:Tr0ub4%40dor@localhost/butine").password == "Tr0ub4@dor"
    assert parse_url("sqlite:///butine@home@work.db").database == "butine@home@work.db"


@pytest.mark.postgresql
def test_an_account_without_the_rights_is_no_damage(postgresql_url: str) -> None:
    """Since PostgreSQL 15 nobody but the owner may make tables in the schema `public`."""
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("CREATE ROLE visitor LOGIN")
    error = refusal(postgresql_url.replace("postgres@", "visitor@"))
    assert error.code == CannotOpen.UNREACHABLE
    assert "permission denied" in error.reason


@pytest.mark.postgresql
def test_a_database_that_the_server_does_not_have_is_unreachable(postgresql_url: str) -> None:
    error = refusal(postgresql_url + "_missing")
    assert error.code == CannotOpen.UNREACHABLE
    assert "does not exist" in error.reason
