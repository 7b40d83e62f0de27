"""Graphs that programs post: each structure is a template of its own, so that its speed is learned and faults counted.

No form offers them: they are marked, name no family and have no current version.
"""

from collections.abc import Mapping
from typing import Any

from farm_app.comfy.exposing import expose
from farm_app.models import TemplateVersion, WorkflowTemplate


def draft_of(graph: Mapping[str, Any]) -> tuple[TemplateVersion, dict[str, Any]]:
    """Return a version for a sound graph, not saved yet, and the values that stood in the graph."""
    found = expose(graph)
    template = WorkflowTemplate(
        slug=f"api-{found.structure}",
        description="Posted by a program.",
        is_adhoc=True,
        supports_img2img="image" in found.parameters,
    )
    version = TemplateVersion(
        template=template, graph=found.graph, parameters=found.parameters, number=1
    )
    return version, found.values


def kept(draft: TemplateVersion) -> TemplateVersion:
    """Return the saved version of a draft, the same one for equal graphs; one that is saved already as it is."""
    if draft.pk is not None:
        return draft
    asked: WorkflowTemplate = draft.template
    template, _ = WorkflowTemplate.objects.get_or_create(
        slug=asked.slug,
        defaults={
            "description": asked.description,
            "is_adhoc": True,
            "supports_img2img": asked.supports_img2img,
        },
    )
    return template.kept_version(draft.graph, draft.parameters)
