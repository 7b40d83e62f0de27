"""From what was posted to what is asked for: a workflow, values that it takes, and who may make it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from farm_app import families, planning
from farm_app.adhoc import draft_of
from farm_app.api.entrance import Caller
from farm_app.api.errors import Fault, invalid
from farm_app.api.schemas import BaseRequest
from farm_app.comfy.exposing import why_unfit
from farm_app.comfy.workflow import check_graph
from farm_app.models import GpuNode, Priority, TemplateVersion, Work, WorkflowTemplate
from farm_app.models.jobs import NodeMode
from farm_app.models.tokens import May
from farm_app.parameters import Settled, family_of_file, settle, usual_values
from farm_app.planner import Refusal
from farm_app.seed_strategies import draw_seed
from gallery_app.models import MediaFile

PRIORITIES: Final = {one.name.lower(): one for one in Priority}
# What kind of obstacle is put right in which field.
_FIELD_OF: Final = {
    "model": "parameters.checkpoint",
    "models": "parameters",
    "resolution": "parameters.width",
    "choice": "affinity.node",
    "tags": "capabilities",
    "family": "capabilities",
}


@dataclass(frozen=True)
class Errand:
    """What is asked for, once it is sure that it can be.

    Attributes:
        version: The workflow; of a posted graph a draft that is saved when the work is placed.
        values: Its parameters but the seed.
        seed: Text; empty where the workflow takes none.
    """

    version: TemplateVersion
    family: str
    tags: tuple[str, ...]
    values: Mapping[str, Any]
    seed: str
    source: MediaFile | None
    priority: Priority
    work: str
    label: str

    @property
    def takes_seed(self) -> bool:
        """Whether another seed makes another picture."""
        return "seed" in self.version.parameters


class Reader:
    """Reads one request; ``at`` is where in the post it stands, such as ``job.``."""

    def __init__(self, posted: BaseRequest, caller: Caller, at: str = "") -> None:
        """Keep what to read."""
        self.posted = posted
        self.caller = caller
        self.at = at

    def errand(self) -> Errand:
        """Return what is asked for.

        Raises:
            Refused: Something in it is wrong; says what, at its field.
        """
        if (self.posted.template is None) == (self.posted.graph is None):
            raise self._wrong("template", "Give a template or a graph, one of them.")
        if self.posted.graph is not None:
            self.caller.require(May.GRAPHS, for_what="send graphs")
            draft, values = self._draft(self.posted.graph)
            return self._errand(draft, values, self._family_of_graph(values))
        template = self._template()
        version = template.current
        assert version is not None  # noqa: S101 - usable ones have one
        family = self._family_of(template)
        values = usual_values(template, version.parameters, family)
        return self._errand(version, values, family, work=template.work)

    def _template(self) -> WorkflowTemplate:
        usable = WorkflowTemplate.objects.usable()
        found = usable.filter(slug=self.posted.template).first()
        if found is None:
            listed = ", ".join(usable.values_list("slug", flat=True))
            raise self._wrong(
                "template", f"There is no such template; there are {listed or 'none'}."
            )
        return found

    def _draft(self, graph: Mapping[str, Any]) -> tuple[TemplateVersion, dict[str, Any]]:
        problems = check_graph(graph) or why_unfit(graph)
        if problems:
            raise invalid([Fault(f"{self.at}graph", problem) for problem in problems])
        return draft_of(graph)

    def _families(self) -> list[str]:
        asked = dict.fromkeys(one for one in self.posted.capabilities if one in families.FAMILIES)
        if len(asked) > 1:
            said = f"A picture is drawn with one model family, not with {' and '.join(asked)}."
            raise self._wrong("capabilities", said)
        return list(asked)

    def _family_of_graph(self, values: Mapping[str, Any]) -> str:
        asked = self._families()
        if asked:
            return asked[0]
        file = self.posted.parameters.get("checkpoint", values.get("checkpoint"))
        return family_of_file("checkpoints", str(file)) if file else ""

    def _family_of(self, template: WorkflowTemplate) -> str:
        """Return the family to draw with: the one that is asked for, else the only one, else the checkpoint's."""
        offered: list[str] = [one for one in template.model_families if one in families.FAMILIES]
        asked = self._families()
        if asked and asked[0] not in offered and "any" not in template.model_families:
            said = f"{template.slug} draws with {', '.join(offered) or 'no family'}."
            raise invalid([Fault(f"{self.at}capabilities", said, offered[0] if offered else "")])
        if asked or not offered:
            return asked[0] if asked else ""
        if len(offered) == 1:
            return offered[0]
        file = str(self.posted.parameters.get("checkpoint") or "")
        found = family_of_file("checkpoints", file) if file else ""
        if found not in offered:
            said = f"Name the model family to draw with: one of {', '.join(offered)}."
            raise invalid([Fault(f"{self.at}capabilities", said, offered[0])])
        return found

    def _errand(
        self,
        version: TemplateVersion,
        usual: Mapping[str, Any],
        family: str,
        *,
        work: str = Work.STANDARD,
    ) -> Errand:
        settled = settle(version.fields, {**usual, **self.posted.parameters}, family=family)
        self._require_whole(version, settled)
        values = dict(settled.values)
        seed = str(values.pop("seed", "") or "")
        if not seed and "seed" in version.parameters:
            seed = str(draw_seed())
        tags = dict.fromkeys(
            one for one in self.posted.capabilities if one not in families.FAMILIES
        )
        return Errand(
            version=version,
            family=family,
            tags=tuple(sorted(tags)),
            values=values,
            seed=seed,
            source=settled.source,
            priority=PRIORITIES[self.posted.priority],
            work=work,
            label=self.posted.label or version.template.slug,
        )

    def _require_whole(self, version: TemplateVersion, settled: Settled) -> None:
        """Refuse what is wrong, and what is missing; a graph may do without words."""
        faults = [
            Fault(self._place_of(name), str(wrong), wrong.use)
            for name, wrong in settled.wrong.items()
        ]
        for one in version.fields:
            if one.name in settled.wrong:
                continue
            lacks_picture = one.kind == "image" and settled.source is None
            words = str(settled.values.get(one.name) or "")
            lacks_words = one.kind == "prompt" and self.posted.graph is None and not words.strip()
            if lacks_picture or lacks_words:
                said = (
                    "Write what the picture shows." if lacks_words else "It starts from a picture."
                )
                faults.append(Fault(f"{self.at}parameters.{one.name}", said))
        if faults:
            raise invalid(faults)

    def _place_of(self, name: str) -> str:
        """Return where a value stands: in the parameters, or in the graph that they would change."""
        given = name in self.posted.parameters or self.posted.graph is None
        return f"{self.at}parameters.{name}" if given else f"{self.at}graph"

    def _wrong(self, field: str, said: str) -> Exception:
        return invalid([Fault(f"{self.at}{field}", said)])


def require_possible(
    errand: Errand, *, node_mode: str, node: GpuNode | None, at: str, node_field: str
) -> None:
    """Refuse what no node of this farm could ever make, before it is placed.

    Raises:
        Refused: None could; says why, and the nearest fix.
    """
    refusal = planning.refuse_beforehand(
        errand.family,
        errand.version,
        errand.values,
        node_mode=node_mode,
        node=node,
        tags=errand.tags,
    )
    if refusal is None:
        return
    name = _FIELD_OF.get(refusal.code, "graph" if errand.version.pk is None else "template")
    is_choice = refusal.code == "choice" or node_mode == NodeMode.ONLY
    use = ""
    if refusal.code == "resolution":
        width, height = (int(errand.values.get(side) or 0) for side in ("width", "height"))
        name = "parameters.width" if width >= height else "parameters.height"
        use = str(_most_pixels(refusal) or "")
    place = node_field if is_choice else f"{at}{name}"
    raise invalid([Fault(place, f"{refusal.sentence} {refusal.fix}".strip(), use)])


def _most_pixels(refusal: Refusal) -> int | None:
    """Return the longest side that the nearest node takes."""
    nearest = GpuNode.objects.filter(pk=refusal.nearest or 0)
    return nearest.values_list("max_resolution", flat=True).first()


def nodes_called(slugs: Iterable[str], at: str) -> list[GpuNode]:
    """Return these nodes, in order.

    Raises:
        Refused: There is no such node, or one is named twice.
    """
    asked = list(slugs)
    rows = {one.slug: one for one in GpuNode.objects.without_lists().filter(slug__in=asked)}
    unknown = [slug for slug in asked if slug not in rows]
    there = _names() if unknown else ""
    faults = [Fault(at, f"There is no node {slug[:60]}; there are {there}.") for slug in unknown]
    twice = sorted(slug for slug, times in Counter(asked).items() if times > 1)
    faults += [Fault(at, f"{slug} is named twice.") for slug in twice if slug in rows]
    if faults:
        raise invalid(faults[:20])
    return [rows[slug] for slug in asked]


def _names() -> str:
    return ", ".join(GpuNode.objects.enabled().values_list("slug", flat=True)) or "none"
