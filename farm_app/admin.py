"""The configuration room: nodes, model files, workflow templates; jobs to read, requeue and cancel."""

import json
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from farm_app import benchmark, cancelling, health, nudges, planning, tending, waking
from farm_app.comfy.workflow import check_graph
from farm_app.families import FAMILIES
from farm_app.giving_way import give_way
from farm_app.models import (
    ApiToken,
    Attempt,
    GpuNode,
    HealthSpan,
    Job,
    JobEvent,
    JobGroup,
    JobRequest,
    LearnedSpeed,
    NodeBlock,
    NodeModel,
    NodeProbe,
    ParameterSet,
    QueueState,
    TemplateVersion,
    WorkflowTemplate,
)
from farm_app.models.states import JobState
from farm_app.models.tokens import TooManyTokens
from farm_app.queue import pausing
from farm_app.who import actor_of


class WithFamilyChoice:
    """Model files, whose family is one of those that Eliot draws with, or none."""

    def formfield_for_dbfield(
        self, db_field: models.Field[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        """Offer the families."""
        if db_field.name == "family":
            known = [(one.id, one.label) for one in FAMILIES.values()]
            return forms.ChoiceField(choices=[("", "none"), *known], required=False)
        return super().formfield_for_dbfield(db_field, request, **kwargs)  # type: ignore[misc,no-any-return]


class NodeModelInline(WithFamilyChoice, admin.TabularInline[NodeModel, GpuNode]):
    """The node's checkpoints with their families, to be settled here."""

    model = NodeModel
    extra = 0
    can_delete = False
    fields = ("folder", "name", "family", "is_settled", "is_preferred", "is_present")
    readonly_fields = ("folder", "name", "is_present")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Files are found on the node, never typed."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[NodeModel]:
        """Show what is there."""
        return (
            super()
            .get_queryset(request)
            .filter(is_present=True, folder__in=("checkpoints", "upscale_models"))
        )


@admin.register(GpuNode)
class GpuNodeAdmin(admin.ModelAdmin[GpuNode]):
    """Nodes, with their health and the verbs that the farm page has, too."""

    list_display = (
        "slug",
        "card",
        "address",
        "tier",
        "vram_gb",
        "health_said",
        "standing",
        "is_demo",
    )
    list_filter = (
        "tier",
        "health",
        "is_enabled",
        "is_draining",
        "is_demo",
        ("removed_at", admin.EmptyFieldListFilter),
    )
    search_fields = ("slug", "card", "host")
    actions = (
        "probe",
        "drain",
        "resume",
        "enable",
        "disable",
        "pin",
        "unpin",
        "interrupt",
        "free_memory",
        "benchmark",
        "wake",
        "remove",
        "bring_back",
    )
    inlines = (NodeModelInline,)
    readonly_fields = (
        "health_said",
        "device",
        "version",
        "latency_ms",
        "queue_length",
        "foreign_queue",
        "vram_free_gb",
        "vram_total_gb",
        "last_error",
        "warm_model",
        "inventory_at",
        "woken_at",
        "let_go_at",
        "removed_at",
    )
    fieldsets = (
        (None, {"fields": ("slug", "card", "host", "port", "tier", "vram_gb", "capabilities")}),
        ("Limits", {"fields": ("max_resolution", "max_batch", "reserved_until")}),
        ("Switches", {"fields": ("is_enabled", "is_draining", "is_paused", "is_pinned")}),
        ("Its owner's hours", {"fields": ("own_days", "own_from", "own_until")}),
        ("Sleep", {"fields": ("mac", "wakes_for_jobs", "idle_minutes")}),
        ("Health", {"fields": readonly_fields}),
    )

    @admin.display(description="address", ordering="host")
    def address(self, node: GpuNode) -> str:
        """Show host and port."""
        return f"{node.host}:{node.port}"

    @admin.display(description="health", ordering="health")
    def health_said(self, node: GpuNode) -> SafeString:
        """Say how it is and since when."""
        if node.health_checked_at is None:
            return format_html("{}", "not looked at yet")
        ago = timesince(node.health_checked_at, timezone.now())
        return format_html("<b>{}</b>, {} ago", node.get_health_display(), ago)

    @admin.action(description="Look at the selected nodes now")
    def probe(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Nudge a look: no request opens a socket to a node."""
        health.ask_again(nodes)
        self.message_user(request, f"Looking at {_count(nodes, 'node')}; reload in a moment.")

    @admin.action(description="Drain the selected nodes")
    def drain(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Let them finish and take nothing new."""
        for node in nodes:
            tending.drain(node, actor=actor_of(request))
        said = "what renders there is finished, and nothing new begins."
        self.message_user(request, f"Draining {_count(nodes, 'node')}: {said}")

    @admin.action(description="Resume the selected nodes")
    def resume(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Let them take work again."""
        gave_way, resumed = 0, 0
        for node in nodes:
            try:
                gave_way += tending.resume(node, actor=actor_of(request))
                resumed += 1
            except tending.ItsOwners as held:
                said = f"{node.slug} is its owner's until {held.until}: change its hours."
                self.message_user(request, said, messages.WARNING)
        self._say_gave_way(request, gave_way)
        if resumed:
            self.message_user(request, f"Resumed {_count(resumed, 'node')}.", messages.SUCCESS)

    @admin.action(description="Switch the selected nodes on")
    def enable(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Look at them again, and let them take work."""
        gave_way = sum(tending.enable(node, actor=actor_of(request)) for node in nodes)
        self._say_gave_way(request, gave_way)
        self.message_user(request, f"Switched {_count(nodes, 'node')} on.", messages.SUCCESS)

    @admin.action(description="Switch the selected nodes off")
    def disable(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Let them take nothing, and look at them no more."""
        for node in nodes:
            tending.disable(node, actor=actor_of(request))
        self.message_user(request, f"Switched {_count(nodes, 'node')} off.", messages.SUCCESS)

    @admin.action(description="Pin the selected nodes: show them first")
    def pin(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Show them before the others, on the farm page and in the strip."""
        for node in nodes:
            tending.pin(node, actor=actor_of(request))
        self.message_user(request, f"Pinned {_count(nodes, 'node')}.", messages.SUCCESS)

    @admin.action(description="Unpin the selected nodes")
    def unpin(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Show them where they stood."""
        for node in nodes:
            tending.unpin(node, actor=actor_of(request))
        self.message_user(request, f"Unpinned {_count(nodes, 'node')}.", messages.SUCCESS)

    @admin.action(description="Interrupt what the selected nodes render for us")
    def interrupt(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Stop our pictures there, never somebody else's; their jobs go back to the queue."""
        stopped = [tending.stop_what_renders(node, actor=actor_of(request)) for node in nodes]
        count = sum(job is not None for job in stopped)
        said = f"Stopped {_count(count, 'picture')}; what was stopped is back in the queue."
        self.message_user(request, said if count else "Nothing of ours renders there.")

    @admin.action(description="Free the memory of the selected nodes")
    def free_memory(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Have them unload their models, after what renders there."""
        for node in nodes:
            tending.free_memory(node, actor=actor_of(request))
        self.message_user(request, f"Asked {_count(nodes, 'node')} to free memory.")

    @admin.action(description="Benchmark the selected nodes")
    def benchmark(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Draw two pictures of each family there, after everybody else's work."""
        for node in nodes:
            try:
                labels = benchmark.begin(node, owner=request.user, actor=actor_of(request))
            except benchmark.CannotBenchmark as fault:
                self.message_user(request, f"Not measured: {fault}", messages.ERROR)
            else:
                said = f"Measuring {node.slug} with {', '.join(labels)}."
                self.message_user(request, said, messages.SUCCESS)

    @admin.action(description="Wake the machines of the selected nodes")
    def wake(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Send them the packet that their network cards listen for."""
        for node in nodes:
            try:
                waking.wake(node, actor=actor_of(request))
            except waking.CannotWake:
                self.message_user(request, f"No MAC address: {node.slug}.", messages.ERROR)
            else:
                self.message_user(request, f"Woke {node.slug}.", messages.SUCCESS)

    @admin.action(description="Remove the selected nodes; their history stays")
    def remove(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Take them off the farm, unless they still work."""
        for node in nodes:
            try:
                tending.remove(node, actor=actor_of(request))
            except tending.StillWorks:
                said = f"Not removed, since it still works: {node.slug}. Drain it first."
                self.message_user(request, said, messages.ERROR)
            else:
                self.message_user(request, f"Removed {node.slug}.", messages.SUCCESS)

    @admin.action(description="Bring the selected removed nodes back")
    def bring_back(self, request: HttpRequest, nodes: QuerySet[GpuNode]) -> None:
        """Put them on the farm again, if name and address are still free."""
        for node in nodes.filter(removed_at__isnull=False):
            why = tending.bring_back(node, actor=actor_of(request))
            said = f"Not brought back: {why}" if why else f"Brought {node.slug} back."
            self.message_user(request, said, messages.ERROR if why else messages.SUCCESS)

    def get_queryset(self, request: HttpRequest) -> QuerySet[GpuNode]:
        """Show removed nodes, too."""
        return GpuNode.everyone.order_by("-is_enabled", "slug")

    def save_model(self, request: HttpRequest, obj: GpuNode, form: Any, change: bool) -> None:
        """Look at a new or changed node as soon as its row is there to be read.

        A demo node that is given another address is a real one from then on.
        """
        has_moved = change and bool({"host", "port"} & set(form.changed_data))
        is_new = not change or (has_moved and obj.is_demo) or "is_enabled" in form.changed_data
        if has_moved and obj.is_demo:
            obj.become_real()
        elif has_moved:
            obj.forget_looks()
        super().save_model(request, obj, form, change)
        if is_new and obj.is_enabled and not obj.is_demo:
            self._give_way(request)
        saved = GpuNode.objects.filter(pk=obj.pk)
        transaction.on_commit(planning.forget_stock)
        transaction.on_commit(lambda: health.ask_again(saved))

    def _give_way(self, request: HttpRequest) -> None:
        """Let demo nodes give way to a real one that has just come."""
        self._say_gave_way(request, give_way())

    def _say_gave_way(self, request: HttpRequest, count: int) -> None:
        if count:
            self.message_user(request, f"Switched {_count(count, 'demo node')} off.")

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """A family set by hand is settled: it is never guessed again."""
        formset.save(commit=False)
        for row, changed in formset.changed_objects:
            said = {
                "family": row.family,
                "is_settled": row.is_settled or "family" in changed,
                "is_preferred": row.is_preferred,
            }
            NodeModel.objects.filter(pk=row.pk).update(**said)  # it may have left with the address
        nudges.idle_nodes_on_commit()

    def has_delete_permission(self, request: HttpRequest, obj: GpuNode | None = None) -> bool:
        """A node that works is not deleted, nor one whose attempts are history: disable it."""
        return super().has_delete_permission(request, obj) and (
            obj is None or not obj.attempts.exists()
        )


@admin.register(NodeModel)
class NodeModelAdmin(WithFamilyChoice, admin.ModelAdmin[NodeModel]):
    """Which file belongs to which family: guessed from names, settled here."""

    list_display = ("name", "node", "folder", "family", "is_settled", "is_preferred", "is_present")
    list_editable = ("family", "is_preferred")
    list_filter = ("node", "folder", "family", "is_present")
    search_fields = ("name",)
    readonly_fields = ("node", "folder", "name", "key", "is_present", "seen_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Files are found on nodes, never typed."""
        return False

    def save_model(self, request: HttpRequest, obj: NodeModel, form: Any, change: bool) -> None:
        """Settle the family, and tell nodes that wait for it."""
        obj.is_settled = obj.is_settled or "family" in form.changed_data
        super().save_model(request, obj, form, change)
        nudges.idle_nodes_on_commit()


class VersionInline(admin.TabularInline[TemplateVersion, WorkflowTemplate]):
    """The versions of a template; they never change."""

    model = TemplateVersion
    extra = 0
    can_delete = False
    fields = ("number", "created", "digest")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Versions come from files."""
        return False


@admin.register(WorkflowTemplate)
class WorkflowTemplateAdmin(admin.ModelAdmin[WorkflowTemplate]):
    """Workflow templates and which version is current."""

    list_display = (
        "slug",
        "description",
        "families",
        "work",
        "current",
        "is_enabled",
        "is_preferred",
    )
    list_filter = ("work", "is_enabled", "supports_img2img", "is_adhoc")
    inlines = (VersionInline,)
    readonly_fields = ("graph", "problems")

    def formfield_for_foreignkey(
        self, db_field: models.ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField[Any] | None:
        """Offer the versions of this template only."""
        if db_field.name == "current" and request.resolver_match:
            own = request.resolver_match.kwargs.get("object_id")
            kwargs["queryset"] = TemplateVersion.objects.filter(template=own)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    @admin.display(description="families")
    def families(self, template: WorkflowTemplate) -> str:
        """Show them as words."""
        return ", ".join(template.model_families)

    @admin.display(description="graph of the current version")
    def graph(self, template: WorkflowTemplate) -> SafeString:
        """Show it as text."""
        text = json.dumps(template.current.graph, indent=1) if template.current else "none"
        return format_html("<pre>{}</pre>", text)

    @admin.display(description="check")
    def problems(self, template: WorkflowTemplate) -> str:
        """Say what is wrong with the current version."""
        if template.current is None:
            return "There is no version yet."
        return " ".join(check_graph(template.current.graph, template.current.fields)) or "Sound."


@admin.register(ParameterSet)
class ParameterSetAdmin(admin.ModelAdmin[ParameterSet]):
    """Saved values."""

    list_display = ("name", "template")
    list_filter = ("template",)


@admin.register(NodeBlock)
class NodeBlockAdmin(admin.ModelAdmin[NodeBlock]):
    """Nodes that take no more of a template; lift a block here, or on the farm page."""

    list_display = ("node", "template", "failures", "is_active", "reason")
    list_filter = ("node", "is_active")
    actions = ("lift",)

    @admin.action(description="Lift the selected blocks")
    def lift(self, request: HttpRequest, blocks: QuerySet[NodeBlock]) -> None:
        """Let these nodes try these templates again."""
        count = blocks.count()
        for block in blocks.select_related("node"):
            tending.lift(block, actor=actor_of(request))
        self.message_user(request, f"Lifted {_count(count, 'block')}.", messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Failures set them, nobody else."""
        return False


@admin.register(LearnedSpeed)
class LearnedSpeedAdmin(admin.ModelAdmin[LearnedSpeed]):
    """What nodes have shown; delete a row to learn afresh."""

    list_display = ("node", "template", "model", "fixed_s", "rate_s", "load_s", "count", "updated")
    list_filter = ("node", "template")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Learned, never typed."""
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin[ApiToken]):
    """Tokens by which programs come in: made, shown once, and revoked."""

    list_display = ("name", "prefix", "may", "standing", "last_used", "created", "expires")
    list_filter = ("may",)
    search_fields = ("name", "prefix")
    actions = ("revoke",)
    fields = ("name", "may", "expires", "prefix", "standing", "last_used", "created")
    readonly_fields = ("prefix", "standing", "last_used", "created")

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """Ask for a new one what a person decides."""
        return self.fields if obj else ("name", "may", "expires")

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Make it, and show it this once."""
        if change:
            super().save_model(request, obj, form, change)
            return
        owner_id = int(request.user.pk or 0)
        row, token = ApiToken.objects.issue(
            obj.name, owner_id=owner_id, may=obj.may, expires=obj.expires
        )
        obj.pk, obj.prefix = row.pk, row.prefix
        said = format_html("The token, shown this once: <code>{}</code>", token)
        self.message_user(request, said, messages.SUCCESS)

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Say so where there are too many."""
        try:
            return super().add_view(request, *args, **kwargs)
        except TooManyTokens as fault:
            self.message_user(request, str(fault), messages.ERROR)
            return redirect("admin:farm_app_apitoken_changelist")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """What a token is good for is never widened: make another one."""
        return (*self.readonly_fields, "may") if obj else self.readonly_fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Revoked ones stay, to tell whose they were."""
        return False

    @admin.action(description="Revoke the selected tokens")
    def revoke(self, request: HttpRequest, tokens: QuerySet[ApiToken]) -> None:
        """Let them open nothing any more."""
        for token in tokens:
            token.revoke()
        self.message_user(request, f"Revoked {_count(tokens, 'token')}.", messages.SUCCESS)


class ReadOnly:
    """Rows that only the farm writes."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds them by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes them by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes them by hand."""
        return False


class EventInline(ReadOnly, admin.TabularInline[JobEvent, Job]):
    """What happened to a job, in sentences."""

    model = JobEvent
    extra = 0
    fields = ("at", "sentence", "node", "actor")


class AttemptInline(ReadOnly, admin.TabularInline[Attempt, Job]):
    """Its submissions."""

    model = Attempt
    fk_name = "job"
    extra = 0
    fields = ("fence", "node", "state", "failure", "reason", "node_seconds")


@admin.register(Job)
class JobAdmin(ReadOnly, admin.ModelAdmin[Job]):
    """Jobs, to read, to cancel, and to ask for again."""

    list_display = ("pk", "group", "state", "reason", "failures", "seconds", "created", "its_page")
    list_filter = ("state", "is_paused", "priority")
    search_fields = ("group__label", "reason")
    actions = ("requeue", "cancel")
    inlines = (AttemptInline, EventInline)
    list_select_related = ("group",)

    @admin.display(description="page")
    def its_page(self, job: Job) -> SafeString:
        """Link to where all of it is told."""
        return format_html('<a href="{}">Open</a>', reverse("farm:job", args=[job.pk]))

    @admin.action(description="Requeue the selected failed or cancelled jobs")
    def requeue(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        """Ask them again."""
        asked = jobs.exclude(state=JobState.DONE).values_list("pk", flat=True)
        done = cancelling.ask_again(asked, actor=actor_of(request))
        self.message_user(request, f"Asked again for {_count(done, 'job')}.")

    @admin.action(description="Cancel the selected jobs that have not ended")
    def cancel(self, request: HttpRequest, jobs: QuerySet[Job]) -> None:
        """Let none of their results count from here on."""
        asked = jobs.values_list("pk", flat=True)
        done = cancelling.cancel(asked, actor=actor_of(request))
        self.message_user(request, f"Cancelled {_count(done, 'job')}.")


class JobsOfGroup(ReadOnly, admin.TabularInline[Job, JobGroup]):
    """The jobs of one group; each has a page."""

    model = Job
    extra = 0
    fields = ("pk", "state", "reason", "seed", "created")
    readonly_fields = fields
    show_change_link = True
    ordering = ("pk",)


@admin.register(JobGroup)
class JobGroupAdmin(ReadOnly, admin.ModelAdmin[JobGroup]):
    """Jobs asked for together, to read, pause and resume."""

    list_display = ("label", "owner", "priority", "work", "node_mode", "is_paused", "created")
    list_filter = ("priority", "work", "is_paused", "family")
    list_select_related = ("owner",)
    search_fields = ("label", "share_key")
    ordering = ("-pk",)
    show_full_result_count = False
    actions = ("pause", "resume")

    @admin.action(description="Pause the jobs of the selected groups")
    def pause(self, request: HttpRequest, groups: QuerySet[JobGroup]) -> None:
        """Hold back what no node has."""
        count = pausing.pause(_open_jobs(groups), actor=actor_of(request))
        self.message_user(request, f"Paused {_count(count, 'job')}.")

    @admin.action(description="Resume the jobs of the selected groups")
    def resume(self, request: HttpRequest, groups: QuerySet[JobGroup]) -> None:
        """Let them go on."""
        count = pausing.resume(_open_jobs(groups), actor=actor_of(request))
        self.message_user(request, f"Resumed {_count(count, 'job')}.")


def _open_jobs(groups: QuerySet[JobGroup]) -> list[int]:
    return list(Job.objects.open().filter(group__in=groups).values_list("pk", flat=True))


@admin.register(JobRequest)
class JobRequestAdmin(ReadOnly, admin.ModelAdmin[JobRequest]):
    """What programs asked for, to read."""

    list_display = ("pk", "kind", "owner", "key", "created")
    list_filter = ("kind", "owner")
    list_select_related = ("owner",)
    search_fields = ("key",)
    ordering = ("-pk",)


@admin.register(QueueState)
class QueueStateAdmin(ReadOnly, admin.ModelAdmin[QueueState]):
    """Whether the queue as a whole is paused, by whom and since when."""

    list_display = ("__str__", "is_paused", "paused_by", "paused_at")
    actions = ("pause", "resume")

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueueState]:
        """Show the one row, which is made when it is needed for the first time."""
        QueueState.objects.get_or_create(pk=1)
        return super().get_queryset(request)

    @admin.action(description="Pause the queue")
    def pause(self, request: HttpRequest, states: QuerySet[QueueState]) -> None:
        """Start nothing more; what renders is finished."""
        is_new = pausing.pause_all(actor=actor_of(request))
        self.message_user(request, "The queue is paused." if is_new else "It is paused already.")

    @admin.action(description="Resume the queue")
    def resume(self, request: HttpRequest, states: QuerySet[QueueState]) -> None:
        """Let it go on."""
        is_new = pausing.resume_all(actor=actor_of(request))
        self.message_user(request, "The queue goes on." if is_new else "It was not paused.")


@admin.register(JobEvent)
class JobEventAdmin(ReadOnly, admin.ModelAdmin[JobEvent]):
    """The log, to read; the farm page shows it live."""

    list_display = ("at", "level", "sentence", "job", "node", "actor")
    list_filter = ("level", "node")
    list_select_related = ("job", "node")
    ordering = ("-pk",)
    show_full_result_count = False


@admin.register(HealthSpan)
class HealthSpanAdmin(ReadOnly, admin.ModelAdmin[HealthSpan]):
    """How well nodes answered of late, to read."""

    list_display = ("node", "kind", "since", "until")
    list_filter = ("node", "kind")
    ordering = ("-pk",)


@admin.register(NodeProbe)
class NodeProbeAdmin(ReadOnly, admin.ModelAdmin[NodeProbe]):
    """Addresses that were looked at, to read; kept for a day."""

    list_display = ("host", "port", "state", "sentence", "created")
    list_filter = ("state",)
    ordering = ("-pk",)


def _count(found: QuerySet[Any] | int, noun: str) -> str:
    number = found if isinstance(found, int) else found.count()
    return f"{number} {noun}{pluralize(number)}"
