"""Fields of the table's forms: what may be typed in each, and which value would do where one does not."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from farm_app.parameters import MOST_CHARACTERS

SMALLEST_PX, LARGEST_PX, GRID_PX = 64, 4096, 8


def in_range(value: float, low: float, high: float) -> None:
    """Refuse a number out of range and offer the nearest one that would do."""
    if not low <= value <= high:
        nearest = low if value < low else high
        raise ValidationError(f"Must be from {low:g} to {high:g}.", params={"use": f"{nearest:g}"})


class WordsArea(forms.Textarea):
    """A text area that undoes what browsers do to line ends."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        """Return the text as it was typed; what comes from elsewhere than a browser is left alone."""
        text = super().value_from_datadict(data, files, name)
        is_browser = isinstance(data, QueryDict) and isinstance(text, str)
        return text.replace("\r\n", "\n") if is_browser else text


class WordsField(forms.CharField):
    """A prompt: any text but NUL, kept as it is typed."""

    def __init__(self, **kwargs: Any) -> None:
        """Set the limits of a prompt."""
        super().__init__(strip=False, **kwargs)

    def validate(self, value: Any) -> None:
        """Refuse the empty, the endless and what is no text."""
        if self.required and not str(value or "").strip():
            raise ValidationError(self.error_messages["required"], code="required")
        if len(value or "") > MOST_CHARACTERS:
            said = f"{len(value):,} characters are too many; at most {MOST_CHARACTERS:,}."
            raise ValidationError(said)
        if any("\ud800" <= character <= "\udfff" for character in value or ""):
            raise ValidationError("It holds half a character, which is no text.")


def plainly_written(value: Any) -> Any:
    """Refuse digits of other scripts and underscores, which Python would read as numbers."""
    if isinstance(value, str) and not (value.isascii() and "_" not in value):
        raise ValidationError("Write the number with the digits 0 to 9.")
    return value


class CheckpointField(forms.ChoiceField):
    """A model file of this farm; for one that no node has, ``usual`` is offered."""

    usual: str = ""

    def validate(self, value: Any) -> None:
        """Refuse what no node has."""
        if value and not self.valid_value(value):
            raise ValidationError(
                f"No node has {value} for this model.", params={"use": self.usual}
            )


class RangedInteger(forms.IntegerField):
    """A whole number within limits, offering the nearest that would do."""

    def __init__(self, *, low: int, high: int, **kwargs: Any) -> None:
        """Keep the limits."""
        self.low, self.high = low, high
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> int | None:
        """Read plain digits."""
        return super().to_python(plainly_written(value))

    def validate(self, value: Any) -> None:
        """Refuse what is out of range."""
        super().validate(value)
        if value is not None:
            in_range(value, self.low, self.high)


class SizeField(RangedInteger):
    """Width or height in pixels."""

    def __init__(self, **kwargs: Any) -> None:
        """Set the limits of a picture."""
        super().__init__(low=SMALLEST_PX, high=LARGEST_PX, **kwargs)

    def validate(self, value: Any) -> None:
        """Refuse also what is no multiple of 8, and offer the nearest."""
        super().validate(value)
        if value is not None and value % GRID_PX:
            nearest = round(value / GRID_PX) * GRID_PX
            raise ValidationError(
                f"Must be a multiple of {GRID_PX}. Nearest: {nearest}.", params={"use": nearest}
            )


class RangedNumber(forms.FloatField):
    """A number within limits, offering the nearest that would do."""

    def __init__(self, *, low: float, high: float, **kwargs: Any) -> None:
        """Keep the limits."""
        self.low, self.high = low, high
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        """Read plain digits."""
        return super().to_python(plainly_written(value))

    def validate(self, value: Any) -> None:
        """Refuse what is out of range."""
        super().validate(value)
        if value is not None:
            in_range(value, self.low, self.high)


def number_widget(**attributes: Any) -> forms.TextInput:
    """Text with a number pad: a wrong value comes back as it was typed, with a sentence."""
    return forms.TextInput(attrs={"inputmode": "decimal", **attributes})
