"""One demo node in a process of its own, for tests and for trying things out."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, get_args

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from farm_app.demo.farm import run
from farm_app.demo.spec import FAMILIES, NodeSpec, Pack, Profile, SpecError, parse_seconds


class Command(BaseCommand):
    """Serves until SIGTERM or ctrl-C; exits 1 if the port is busy."""

    help = "Run one ComfyUI-compatible node without a GPU."
    requires_system_checks = ()
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Describe the node; what is left out is a 12 GB card's."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8188, help="0 takes any free port")
        parser.add_argument("--name", default="demo")
        parser.add_argument("--tier", default="standard")
        parser.add_argument("--vram-gb", type=float, default=12.0)
        parser.add_argument("--families", default="sd15", help=f"of {', '.join(FAMILIES)}")
        parser.add_argument("--seconds", default="", help="per picture: sd15=1.0,sdxl=10")
        parser.add_argument("--load", default="", help="to load a checkpoint: sd15=4")
        parser.add_argument("--speed", type=float, default=1.0, help="divides all seconds")
        parser.add_argument("--profile", choices=get_args(Profile), default="jobs")
        parser.add_argument(
            "--monitor",
            choices=get_args(Pack),
            default="",
            help="the node pack that tells of the GPU",
        )
        parser.add_argument("--folder", type=Path, help="default: demo/<name> in ELIOT_DATA")
        parser.add_argument("--rules", type=Path, help="fault rules, YAML or JSON")
        parser.add_argument("--ledger", type=Path, help="record of what was asked and done")
        parser.add_argument("--no-previews", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve the node."""
        try:
            spec = node_spec(options)
        except SpecError as error:
            raise CommandError(str(error), returncode=2) from None
        code = run([spec])
        if code:
            sys.exit(code)


def node_spec(options: dict[str, Any]) -> NodeSpec:
    """Return the node that the options describe.

    Raises:
        SpecError: an option makes no sense.
    """
    folder = options["folder"] or Path(settings.ELIOT_DATA) / "demo" / options["name"]
    spec = NodeSpec(
        name=options["name"],
        tier=options["tier"],
        vram_gb=options["vram_gb"],
        host=options["host"],
        port=options["port"],
        families=tuple(filter(None, options["families"].split(","))),
        seconds=parse_seconds(options["seconds"]),
        load_s=parse_seconds(options["load"]),
        profile=options["profile"],
        previews=not options["no_previews"],
        monitor=options["monitor"],
        folder=folder,
        rules=options["rules"],
        ledger=options["ledger"],
    )
    return spec.faster(options["speed"])
