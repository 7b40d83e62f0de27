"""`manage.py cinema prompt|options|validate|matrix`: the cinema engine from the command line."""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError

from sessions_app import own_cinema
from sessions_app.cinema import engine, plain
from sessions_app.cinema.config import BadValue, Configuration, LiveAction, read_config
from sessions_app.cinema.matrix import matrix
from sessions_app.cinema.presets import apply_preset
from sessions_app.cinema.prompt import compile_prompt
from sessions_app.cinema.targets import Target, UnknownTarget, find_target
from sessions_app.cinema.vocabulary import UnknownTerm

LARGEST_BYTES = 1 << 20


class Command(BaseCommand):
    """Compile, look up and check."""

    help = (
        "`prompt` writes a prompt from a preset, a scene and choices; `options` lists what a field could be, and why "
        "not; `validate` checks a configuration in a YAML file; `matrix` writes every preset for every target."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the four verbs."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        prompt = verbs.add_parser("prompt", help="Write a prompt.")
        prompt.add_argument("--scene", default="", help="What happens, in your words.")
        prompt.add_argument("--target", default="flux.1", help="The model that it is for.")
        prompt.add_argument("--without", action="append", default=[], metavar="PANEL_OR_FIELD")
        prompt.add_argument("--json", action="store_true")
        options = verbs.add_parser("options", help="List what a field could be.")
        options.add_argument("field")
        options.add_argument("--json", action="store_true")
        for one in (prompt, options):
            one.add_argument(
                "--preset", help="A film, a look or a preset of your own to begin with."
            )
            one.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE")
        validate = verbs.add_parser("validate", help="Check a configuration.")
        validate.add_argument("file", help="YAML; - reads from the terminal.")
        validate.add_argument("--target", help="Also say what this model cannot use.")
        validate.add_argument("--json", action="store_true")
        table = verbs.add_parser("matrix", help="Every preset for every target.")
        table.add_argument("--json", action="store_true", help="One object a line.")
        table.add_argument("--scene", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says; what is unknown ends with 2, what does not fit with 1."""
        own_cinema.bring_up_to_date()
        try:
            getattr(self, f"_{options['verb']}")(options)
        except (BadValue, UnknownTerm, UnknownTarget) as fault:
            raise CommandError(str(fault), returncode=2) from fault

    def _prompt(self, options: dict[str, Any]) -> None:
        config, target = _config(options), find_target(options["target"])
        made = compile_prompt(target, config, options["scene"], without=options["without"])
        if options["json"]:
            messages = [plain.finding(one) for one in engine.validate(config)]
            self._write({**plain.prompt(made), "messages": messages})
            return
        self.stdout.write(made.text)
        if made.negative:
            self.stdout.write(f"\nNegative: {made.negative}")
        if made.size:
            self.stdout.write(f"\nSize: {made.size[0]} × {made.size[1]}")
        for line in (*_findings(config, target), *made.notes):
            self.stderr.write(line)

    def _options(self, options: dict[str, Any]) -> None:
        config = _config(options)
        field = plain.field_called(config, options["field"])
        for one in engine.options(field.name, config):
            if options["json"]:
                self._write(plain.option(one, config))
                continue
            mark = "*" if one.is_chosen else " " if one.is_allowed else "-"
            way = f" {one.repair.label}." if one.repair else ""
            self.stdout.write(f"{mark} {one.value:28} {one.reason or one.line}{way}")

    def _validate(self, options: dict[str, Any]) -> None:
        config = read_config(_read(options["file"]))
        target = find_target(options["target"]) if options["target"] else None
        is_still = target is not None and target.is_still
        found = engine.validate(config, is_still=is_still)
        for one in found:
            ways = engine.repairs(one, config)
            if options["json"]:
                told = [plain.repair(way, config) for way in ways]
                self._write({**plain.finding(one), "repairs": told})
                continue
            self.stdout.write(f"{one.severity:8} {one.field:12} {one.reason} [{one.rule}]")
            for way in ways:
                self.stdout.write(f"{'':21} {way.label}.")
        if any(one.severity == "hard" for one in found):
            raise SystemExit(1)
        if not found and not options["json"]:
            self.stdout.write("Everything fits.")

    def _matrix(self, options: dict[str, Any]) -> None:
        for row in matrix(options["scene"]):
            line = json.dumps(row, ensure_ascii=False)
            self.stdout.write(
                line if options["json"] else f"{row['preset']} {row['target']}\n{row['prompt']}\n"
            )

    def _write(self, found: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(found, ensure_ascii=False))


def _config(options: dict[str, Any]) -> Configuration:
    changes = dict(_pairs(options["set"]))
    return (
        apply_preset(options["preset"], changes)
        if options["preset"]
        else LiveAction().with_told(changes)
    )


def _pairs(told: list[str]) -> Iterator[tuple[str, Any]]:
    for one in told:
        name, equals, value = one.partition("=")
        if not equals:
            raise CommandError(f"--set takes FIELD=VALUE, not {one}.", returncode=2)
        words = [word.strip() for word in value.split(",") if word.strip()]
        yield name.strip(), words if len(words) > 1 else value.strip()


def _read(name: str) -> dict[str, Any]:
    try:
        text = sys.stdin.read(LARGEST_BYTES) if name == "-" else Path(name).read_text("utf-8")
        found = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as fault:
        raise CommandError(f"{name} cannot be read: {fault}", returncode=2) from fault
    if not isinstance(found, dict):
        raise CommandError(
            f"{name} holds no configuration: fields and values are wanted.", returncode=2
        )
    return found


def _findings(config: Configuration, target: Target) -> Iterator[str]:
    yield from (
        f"{one.severity}: {one.reason}"
        for one in engine.validate(config)
        if not (target.is_still and one.field == "movement" and one.severity != "hard")
    )
