"""From a job's frozen values to the graph that one node gets: model files as it spells them, inputs uploaded."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, Final

from eliot.statements import Given, Question
from farm_app import families
from farm_app.comfy.errors import Rejected
from farm_app.comfy.workflow import Parameter, bind
from farm_app.models import Attempt, GpuNode, NodeModel
from farm_app.models.states import FailureClass
from gallery_app.models import MediaFile

# A parameter of this name is filled with a model file from this folder of the node.
MODEL_FOLDERS: Final = {"checkpoint": "checkpoints", "upscale_model": "upscale_models"}

_node, _folder, _key, _family = (
    Given(name, NodeModel._meta.get_field(name)) for name in ("node", "folder", "key", "family")
)


def _first_choice(**which: Given) -> Question[NodeModel]:
    there = NodeModel.objects.filter(node=_node, folder=_folder, is_present=True, **which)
    return Question(lambda: there.order_by("-is_preferred", "name")[:1])


_any_file, _this_file = _first_choice(), _first_choice(key=_key)
_of_family = _first_choice(family=_family)

Upload = Callable[[Path, str], str]
"""Puts a picture on the node under a name; returns what the graph must call it."""


class CannotBind(Exception):
    """This node cannot be given this job; says why and what to do."""

    def __init__(self, sentence: str, *, failure: FailureClass, advice: str = "") -> None:
        """Keep what the job will say."""
        super().__init__(sentence)
        self.sentence = sentence
        self.failure = failure
        self.advice = advice


def bind_for(attempt: Attempt, upload: Upload) -> dict[str, Any]:
    """Return the graph for this attempt's node.

    Uploads the source picture when the template wants one, which is the only slow part.

    Raises:
        CannotBind: A model or the source picture is missing.
        ComfyError: The upload did not get through.
    """
    version = attempt.job.group.version
    values = dict(attempt.job.values)
    for field in version.fields:
        if field.node_bound:
            values[field.name] = _bound_value(field, attempt, upload)
    try:
        return bind(version.graph, version.fields, values)
    except ValueError as fault:
        advice = "Check the values and the workflow template."
        raise CannotBind(str(fault), failure=FailureClass.GRAPH, advice=advice) from fault


def bind_at_once(attempt: Attempt) -> dict[str, Any] | None:
    """Return the graph if nothing must be uploaded and nothing is missing; None leaves it to `bind_for`."""
    version = attempt.job.group.version
    if any(field.node_bound and field.kind == "image" for field in version.fields):
        return None
    try:
        return bind_for(attempt, _no_upload)
    except CannotBind:
        return None


def _no_upload(path: Path, name: str) -> str:
    msg = f"{name} cannot be uploaded here"
    raise CannotBind(msg, failure=FailureClass.GRAPH)


def _bound_value(field: Parameter, attempt: Attempt, upload: Upload) -> str:
    if field.name in MODEL_FOLDERS:
        wanted = str(attempt.job.values.get(field.name) or "")
        family = attempt.job.group.family
        return model_on(attempt.node, MODEL_FOLDERS[field.name], wanted, family).name
    if field.kind == "image":
        return _uploaded(attempt, upload)
    return prefix_of(attempt)


def prefix_of(attempt: Attempt) -> str:
    """Return a folder of its own on the node: a re-run saves again, and no name is ever used twice."""
    return f"eliot/{attempt.pk}/picture"


def model_on(node: GpuNode, folder: str, wanted: str, family: str) -> NodeModel:
    """Return the node's own file for a wanted model key, or its first choice of the family when none is wanted.

    Raises:
        CannotBind: It has none.
    """
    if wanted:
        found = _this_file.first(node=node.pk, folder=folder, key=families.model_key(wanted))
    elif folder == "checkpoints":
        found = _of_family.first(node=node.pk, folder=folder, family=family)
    else:
        found = _any_file.first(node=node.pk, folder=folder)
    if found is None:
        sentence = f"{node.slug} has no {wanted or family or folder}."
        raise CannotBind(
            sentence, failure=FailureClass.CAPABILITY, advice="Copy the model to that node."
        )
    return found


def _uploaded(attempt: Attempt, upload: Upload) -> str:
    source: MediaFile | None = attempt.job.source
    if source is None:
        raise _lost_source("The picture that it starts from is gone.")
    if not source.library.online:
        sentence = f"It starts from a picture in {source.library.label}, which is offline."
        raise CannotBind(sentence, failure=FailureClass.STORAGE, advice="Bring the library back.")
    if not source.absolute_path.is_file():
        raise _lost_source("The picture that it starts from is not in its library any more.")
    name = f"{source.pk}{PurePosixPath(source.path).suffix}"
    return upload(source.absolute_path, name)


def _lost_source(sentence: str) -> CannotBind:
    advice = "Restore the picture, or start from another one."
    return CannotBind(sentence, failure=FailureClass.GRAPH, advice=advice)


def forget_missing(node: GpuNode, fault: Rejected) -> None:
    """Correct the inventory: a node that refuses a file or a node class does not have it any more."""
    keys = [families.model_key(one) for one in fault.missing]
    NodeModel.objects.filter(node=node, key__in=keys).update(is_present=False)
    row = GpuNode.objects.filter(pk=node.pk)
    classes = row.values_list("node_classes", flat=True).first()
    if classes and set(classes) & set(fault.missing):
        row.update(node_classes=[one for one in classes if one not in fault.missing])


def model_of(attempt: Attempt) -> str:
    """Return the model key that the sent graph loads, as ``folder/file``; empty when it loads none."""
    fields = {field.name: field for field in attempt.job.group.version.fields}
    field = fields.get("checkpoint")
    if field is None or not attempt.sent:
        return ""
    node_id, name = field.targets[0]
    return model_id("checkpoints", str(attempt.sent[node_id]["inputs"][name]))


def model_id(folder: str, name: str) -> str:
    """Return the identity of a model file across nodes."""
    return f"{folder}/{families.model_key(name)}"
