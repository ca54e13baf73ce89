"""Statements over the tables' own columns, compiled once: for what is done at every submission and every reaction.

On SQLite they run on the driver itself, because there SQLAlchemy's execution costs ten times what the statement does.
What is asked less often goes through the session as usual.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Enum, Select, SQLColumnExpression, UpdateBase, bindparam
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine
from sqlmodel import Session

from storage.tables import UtcDateTime

Statement = Select[*tuple[Any, ...]] | UpdateBase
Convert = Callable[[Any], Any]
Row = Sequence[Any]

_DRIVER = "driver"


class Prepared:
    """A statement that names its values by `bindparam`; calling it with them gives its rows.

    It sees what the session changed before; objects that the session has loaded do not see what it changes. Raises
    what the session's own execution would.
    """

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._native: _Native | None = None

    def __call__(self, session: Session, **values: object) -> Sequence[Row]:
        session.flush()
        driver = session.info.get(_DRIVER)
        if driver is None:
            connection = session.connection()
            if connection.dialect.name != "sqlite":
                result = connection.execute(self._statement, values)
                return result.all() if result.returns_rows else ()
            driver = session.info[_DRIVER] = connection.connection.driver_connection
        if self._native is None:
            self._native = _Native(self._statement, session.get_bind().dialect)
        return self._native.run(driver, values)


def among(column: SQLColumnExpression[Any], number: int, name: str = "key") -> ColumnElement[bool]:
    """Whether the column has one of so many values, which `listed` names."""
    return column.in_([bindparam(f"{name}{place}") for place in range(number)])


def listed(values: Iterable[object], name: str = "key") -> dict[str, object]:
    """The values for `among`, by name."""
    return {f"{name}{place}": value for place, value in enumerate(values)}


class _Native:
    """A statement as SQLite's driver takes it, with the types' own conversions."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        if compiled.insert_prefetch:
            raise TypeError(statement)  # a column's default is SQLAlchemy's to fill in: name every column that has one
        self._dialect = dialect
        self._sql = str(compiled)
        self._places = [
            (name, _inward(compiled.binds[name].type, dialect), compiled.binds[name].value)
            for name in compiled.positiontup or ()
        ]
        columns = list(statement.exported_columns)
        self._has_rows = bool(columns)
        outward = [(place, _outward(column.type, dialect)) for place, column in enumerate(columns)]
        self._outward = [(place, convert) for place, convert in outward if convert]

    def run(self, driver: Any, values: dict[str, object]) -> Sequence[Row]:  # noqa: ANN401  the driver's own connection
        given = []
        for name, convert, fixed in self._places:
            value = values.get(name, fixed)
            given.append(convert(value) if convert else value)
        try:
            cursor = driver.execute(self._sql, given)
            rows: Sequence[Row] = cursor.fetchall() if self._has_rows else ()
        except Exception as error:
            base = self._dialect.loaded_dbapi.Error
            if isinstance(error, base):
                raise DBAPIError.instance(self._sql, None, error, base, dialect=self._dialect) from error
            raise
        if self._outward and rows:
            return [self._converted(row) for row in rows]
        return rows

    def _converted(self, row: Row) -> Row:
        values = list(row)
        for place, convert in self._outward:
            values[place] = convert(values[place])
        return values


def _inward(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    """One moment is written into many columns, and there are few words: they are converted once."""
    convert = kind.dialect_impl(dialect).bind_processor(dialect)
    return lru_cache(maxsize=64)(convert) if convert and isinstance(kind, UtcDateTime | Enum) else convert


def _outward(kind: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
