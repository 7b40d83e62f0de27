"""The lab's rows: nodes and what they hold, workflow templates, jobs and their attempts, leases."""

from farm_app.models.attempts import Attempt, JobEvent, JobOutput
from farm_app.models.jobs import Job, JobGroup, Priority, QueueState
from farm_app.models.leases import Lease
from farm_app.models.nodes import (
    GpuNode,
    HealthSpan,
    LearnedSpeed,
    NodeBlock,
    NodeModel,
    NodeProbe,
)
from farm_app.models.requests import JobRequest
from farm_app.models.states import Level
from farm_app.models.templates import ParameterSet, TemplateVersion, Work, WorkflowTemplate
from farm_app.models.tokens import ApiToken

__all__ = [
    "ApiToken",
    "Attempt",
    "GpuNode",
    "HealthSpan",
    "Job",
    "JobEvent",
    "JobGroup",
    "JobOutput",
    "JobRequest",
    "LearnedSpeed",
    "Lease",
    "Level",
    "NodeBlock",
    "NodeModel",
    "NodeProbe",
    "ParameterSet",
    "Priority",
    "QueueState",
    "TemplateVersion",
    "Work",
    "WorkflowTemplate",
]
