"""Statements that are worded once: what every picture asks and says again and again, without the price of new SQL.

Django words each statement anew, which takes several times as long as running it, and with several nodes that end
together that time is what their next jobs wait for. Here a queryset is worded at its first use; what changes from
call to call are the values that are ``Given``.
"""

import copy
import threading
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from types import SimpleNamespace
from typing import Any, Generic, TypeVar, cast

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Expression, Field, Model, QuerySet
from django.db.models.constants import OnConflict
from django.db.models.sql import UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

Row = TypeVar("Row")


class Given(Expression):
    """The place of a value that a statement gets each time it is put."""

    def __init__(self, name: str, field: Any) -> None:
        """Name it; ``field`` says how the value is written for the database."""
        super().__init__(output_field=field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any, **_: Any) -> tuple[str, Any]:
        """Stand in for the value itself."""
        return "%s", (self,)

    def written(self, values: dict[str, Any], connection: Any) -> Any:
        """Return the value as the database takes it."""
        value, field = values[self.name], self.output_field
        if hasattr(value, "prepare_database_save"):
            value = value.prepare_database_save(field)
        return field.get_db_prep_save(value, connection)


def _filled(params: tuple[Any, ...], values: dict[str, Any], connection: Any) -> tuple[Any, ...]:
    return tuple(
        one.written(values, connection) if isinstance(one, Given) else one for one in params
    )


class _Kept(threading.local):
    """A thread's own copy of a compiler: it holds the thread's connection and how that one reads columns."""

    compiler: Any = None
    converters: Any = None


_known: "list[Question[Any] | Change]" = []


def word_all() -> None:
    """Word what is known by now, so that the first picture does not wait for it."""
    for one in _known:
        one._worded  # noqa: B018 - kept by looking at it


class Question(Generic[Row]):
    """A query that is worded once."""

    def __init__(self, ask: Callable[[], QuerySet[Any, Row]]) -> None:
        """Take what builds the queryset; it is called at the first question, when all models are known."""
        self._ask = ask
        self._own = _Kept()
        _known.append(self)

    def __call__(self, **values: Any) -> list[Row]:
        """Put it with these values, and return the rows."""
        return list(self._rows(values))

    def first(self, **values: Any) -> Row | None:
        """Put it, and return the first row if there is one."""
        return next(self._rows(values), None)

    @cached_property
    def _worded(self) -> tuple[QuerySet[Any, Row], Any, str, tuple[Any, ...]]:
        queryset = self._ask()
        compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, params = compiler.as_sql()
        return queryset, compiler, sql, tuple(params)

    def _rows(self, values: dict[str, Any]) -> Iterator[Row]:
        queryset: Any
        queryset, _, sql, params = self._worded
        compiler = self._compiler()
        statement = sql, _filled(params, values, compiler.connection)
        compiler.as_sql = lambda *_, **__: statement
        query = copy.copy(queryset.query)
        query.get_compiler = lambda *_, **__: compiler
        # Django's own way from rows to models or tuples; all that it wants of a queryset.
        worded = SimpleNamespace(
            db=DEFAULT_DB_ALIAS,
            query=query,
            model=queryset.model,
            _known_related_objects={},
            _fields=queryset._fields,
        )
        return iter(queryset._iterable_class(worded))

    def _compiler(self) -> Any:
        own, connection = self._own, connections[DEFAULT_DB_ALIAS]
        if own.compiler is None or own.compiler.connection is not connection:
            compiler: SQLCompiler = copy.copy(self._worded[1])
            compiler.connection = connection
            read: Any = compiler.get_converters
            selected = [column[0] for column in cast("Any", compiler).select]
            own.converters = read(selected[: cast("Any", compiler).col_count])
            cast("Any", compiler).get_converters = lambda _: own.converters
            own.compiler = compiler
        return own.compiler


class Change:
    """An update that is worded once. Whose turn it is to write is the caller's affair."""

    def __init__(self, rows: Callable[[], QuerySet[Any]], *names: str, **facts: Any) -> None:
        """Take what builds the queryset, the fields whose values are given, and those that never differ."""
        self._rows = rows
        self._names = names
        self._facts = facts
        _known.append(self)

    @cached_property
    def _worded(self) -> tuple[str, tuple[Any, ...]] | None:
        """The statement; None where it can meet no row."""
        queryset = self._rows()
        given = {name: Given(name, _field(queryset.model, name)) for name in self._names}
        query: Any = queryset.query.chain(UpdateQuery)
        query.add_update_values({**self._facts, **given})
        try:
            sql, params = query.get_compiler(using=DEFAULT_DB_ALIAS).as_sql()
        except EmptyResultSet:
            return None
        return sql, tuple(params)

    def __call__(self, **values: Any) -> int:
        """Make it with these values, and return how many rows it met."""
        return _run(*self._worded, values) if self._worded else 0


def insert(row: Model, *, over: tuple[str, ...] = ()) -> None:
    """Insert a new row. Unlike ``save`` it sends no signals and does not read back a key that the database makes.

    Args:
        row: Its defaults are those of its fields.
        over: Where a row of this key is there already, these fields of it are replaced.

    Raises:
        IntegrityError: The table has one like it.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    fields, sql = _insertion(type(row), row.pk is not None, over)
    params = tuple(
        field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields
    )
    _run(sql, params, {})
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


@cache
def _insertion(
    model: type[Model], has_key: bool, over: tuple[str, ...]
) -> tuple[tuple[Any, ...], str]:
    ops, columns = connections[DEFAULT_DB_ALIAS].ops, model._meta.local_concrete_fields
    fields = tuple(one for one in columns if has_key or not one.primary_key)
    names = ", ".join(ops.quote_name(str(field.column)) for field in fields)
    places = ", ".join("%s" for _ in fields)
    sql = f"INSERT INTO {ops.quote_name(model._meta.db_table)} ({names}) VALUES ({places})"  # noqa: S608 - names of ours
    if over:
        replaced, key = [_field(model, name).column for name in over], [model._meta.pk.column]
        sql += f" {ops.on_conflict_suffix_sql(fields, OnConflict.UPDATE, replaced, key)}"
    return fields, sql


def _run(sql: str, params: tuple[Any, ...], values: dict[str, Any]) -> int:
    connection = connections[DEFAULT_DB_ALIAS]
    with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), connection.cursor() as cursor:
        cursor.execute(sql, _filled(params, values, connection))
        return int(cursor.rowcount)


def _field(model: type[Model], name: str) -> "Field[Any, Any]":
    return cast("Field[Any, Any]", model._meta.get_field(name))
