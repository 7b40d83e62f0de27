"""The one shape in which the API says no: a code, a sentence, and each field that is wrong."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from ninja.errors import ValidationError
from pydantic import BaseModel, Field


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field.

    Attributes:
        field: Its path in what was posted, such as ``parameters.steps``; empty for all of it.
        use: A value that would do; empty when none is known.
    """

    field: str
    message: str
    use: str = ""
    is_nameless: bool = False
    """The message says nothing of which field it is about."""

    @property
    def sentence(self) -> str:
        """The message as it stands among others: with its field, if it does not name that itself."""
        named = self.is_nameless and self.field
        return f"{self.field}: {self.message}" if named else self.message


class Refused(Exception):
    """The request is not carried out, and nothing has changed."""

    def __init__(self, status: int, code: str, message: str, faults: Iterable[Fault] = ()) -> None:
        """Keep what the answer will say."""
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.faults = tuple(faults)


def invalid(faults: Sequence[Fault]) -> Refused:
    """Return the refusal of fields that are wrong."""
    return Refused(422, "invalid", " ".join(one.sentence for one in faults[:3]), faults)


class FaultSaid(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="Path in what was posted; empty for all of it.")
    message: str
    use: str = Field(description="A value that would do; empty when none is known.")


class ErrorSaid(BaseModel):
    """Why not."""

    code: str = Field(
        description=(
            "invalid, unreadable, refused, no_token, not_allowed, not_found, method, conflict, too_large, type, "
            "busy or fault"
        )
    )
    message: str
    fields: list[FaultSaid]


class ErrorAnswer(BaseModel):
    """Every answer of 400 and above."""

    error: ErrorSaid


def answer(
    status: int, code: str, message: str, faults: Iterable[Fault] = (), **headers: str
) -> HttpResponse:
    """Return a refusal as HTTP."""
    fields = [{"field": one.field, "message": one.message, "use": one.use} for one in faults]
    said = {"error": {"code": code, "message": message, "fields": fields}}
    response = HttpResponse(json.dumps(said), status=status, content_type="application/json")
    for name, value in headers.items():
        response[name.replace("_", "-")] = value
    return response


def answer_refused(request: HttpRequest, refused: Refused) -> HttpResponse:
    """Answer what our own code refused."""
    headers = {"WWW_Authenticate": "Bearer"} if refused.status == 401 else {}
    return answer(refused.status, refused.code, refused.message, refused.faults, **headers)


def answer_misshapen(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Answer what does not have the form that the API describes."""
    faults = [
        Fault(_path(one["loc"]), _sentence(one), is_nameless=True) for one in error.errors[:50]
    ]
    return answer_refused(request, invalid(faults))


def _path(loc: Sequence[Any]) -> str:
    """Return the path of a field without the parts that only this program knows."""
    parts = [str(part) for part in loc[1:]]
    return ".".join(part for part in parts if part not in _OURS and "[" not in part)


# Names of function arguments, and what pydantic calls the branches of a choice.
_OURS = frozenset({"posted", "filters", "literal['any']"})


_SENTENCES: Final = {
    "missing": "This is needed.",
    "extra_forbidden": "There is no such field.",
    "string_type": "It must be text.",
    "int_type": "It must be a whole number.",
    "bool_type": "It must be true or false.",
    "float_type": "It must be a number.",
    "list_type": "It must be a list.",
    "dict_type": "It must be an object.",
    "model_type": "It must be an object.",
    "model_attributes_type": "It must be an object.",
}


def _sentence(error: Any) -> str:
    said = str(error["msg"]).replace("Input should", "It must").rstrip(".")
    return _SENTENCES.get(error["type"], f"{said}.")


def require_known(given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse what is asked under names that do not exist, which would otherwise be passed over in silence.

    Raises:
        Refused: There are such.
    """
    if strange := sorted(set(given) - set(known)):
        said = _SENTENCES["extra_forbidden"]
        raise invalid([Fault(name[:60], said, is_nameless=True) for name in strange[:20]])
