"""Feeding nodes: claim what the plan gives this node now, submit it, watch it to `produced`, claim the next.

One holder of a node's lease runs this loop in one thread. Nothing slow happens here: the picture is brought
home by `store` on another thread while the node already renders the next job.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from django.db import DatabaseError
from django.utils import timezone

from eliot.failpoints import failpoint
from eliot.statements import Given, Question
from farm_app import (
    binding,
    claiming,
    gaps,
    health,
    late,
    nudges,
    pauses,
    planning,
    setbacks,
    stopping,
)
from farm_app.comfy.client import ComfyClient
from farm_app.comfy.errors import (
    AlreadyKnown,
    Busy,
    ComfyError,
    Rejected,
    TooLarge,
    Unreachable,
)
from farm_app.follow import Follower, LeaseGone, NodeGone, NodeSilent, new_client_id
from farm_app.models import Attempt, GpuNode, Job, Lease
from farm_app.models.states import HOLDING, AttemptState, FailureClass, JobState
from farm_app.timers import LEASE_TTL, LIFE_S
from farm_app.verdicts import Verdict

logger = logging.getLogger(__name__)

MOST_ROUNDS: Final = 3
# So many prompts in a row that a node did not take say more about the node than about them.
MOST_UNTAKEN: Final = 2

_node: Final[Question[GpuNode]] = Question(
    # What a node began is brought to its end, even if it was removed at that very moment.
    lambda: GpuNode.everyone.without_lists().filter(pk=Given("pk", GpuNode._meta.pk))
)
_held: Final[Question[Attempt]] = Question(
    lambda: (
        Attempt.objects.holding()
        .filter(node=Given("node", Attempt._meta.get_field("node")))
        .select_related("job__group__version__template", "job__source", "node")
    )
)

_waking: Final = threading.Lock()
_wake_again: Final = threading.Event()


def wake_nodes() -> None:
    """Nudge the idle nodes that the plan of this moment starts something on; a burst of wakes is few plans."""
    _wake_again.set()
    while _wake_again.is_set() and _waking.acquire(blocking=False):
        try:
            _wake_again.clear()
            claiming.wake_idle()
        finally:
            _waking.release()


def feed(node_id: int) -> None:
    """Run one node until the plan has nothing for it now; returns at once when somebody else does so already.

    A nudge that arrives while the last holder is leaving would find the lease taken, so the leaver looks once
    more after giving it back.
    """
    for _ in range(MOST_ROUNDS):
        with Lease.objects.held(f"node:{node_id}", ttl=LEASE_TTL) as lease:
            if lease is None or stopping.is_stopping():
                return
            node = _node.first(pk=node_id)
            if node is None or not Feeder(node, lease).run():
                return
        if stopping.is_stopping() or not planning.has_work_now(node_id):
            return


class _Leave(Exception):
    """This feeder must leave the node alone; its rows stay as they are."""


class Feeder:
    """One node's turn: holds the lease, the HTTP client and the socket for as long as there is work."""

    def __init__(self, node: GpuNode, lease: Lease) -> None:
        """Prepare to feed ``node``."""
        self.node = node
        self.lease = lease
        self._renewed = time.monotonic()
        self._untaken = 0
        self._saw_alive = False
        # Made before the socket is, so that what is claimed first is claimed ready to be sent.
        self._first_id = new_client_id()
        self._made: list[Attempt] = []
        self._ended_ms: int | None = None
        self._client: ComfyClient
        self._follower: Follower

    def run(self) -> bool:
        """Finish what an earlier holder left on the node, then claim and render until nothing is left.

        Returns:
            False if it broke off, and should not be repeated at once.
        """
        try:
            attempt = self._left_behind() or claiming.claim(self.node, client_id=self._first_id)
            while attempt is not None:
                attempt = self._stay(attempt)
        except _Leave:
            return False
        except Exception:
            logger.exception("node %s: feeding broke off; the sweep resumes it", self.node.slug)
            return False
        finally:
            self._send_home()
        return True

    def _left_behind(self) -> Attempt | None:
        return _held.first(node=self.node.pk)

    def _stay(self, attempt: Attempt) -> Attempt | None:
        """Render at one address; return an attempt that is for another one, where the node has moved."""
        origin = attempt.origin
        with (
            ComfyClient(origin) as self._client,
            ComfyClient(origin, read_timeout_s=LIFE_S) as looks,
            Follower(origin, looks, self._keep_lease, first_id=self._first_id) as self._follower,
        ):
            self._first_id = ""
            following: Attempt | None = attempt
            while following is not None and following.origin == origin:
                following = self._render(following)
        return following

    def _keep_lease(self) -> bool:
        """Renew the lease when a third of it is used; False when another holder has it now."""
        if time.monotonic() - self._renewed < LEASE_TTL.total_seconds() / 3:
            return True
        self._renewed = time.monotonic()
        return self.lease.renew(ttl=LEASE_TTL)

    def _render(self, attempt: Attempt) -> Attempt | None:
        """Bring one attempt to an end; return the next one, which may be claimed in the same commit."""
        with self._faults(attempt):
            verdict = self._followed(attempt)
            # After a sleep the end may be heard at once: then it is for the next holder to write down, and to go on from.
            if not self._keep_lease():
                raise LeaseGone
            if verdict is not None and verdict.outcome == "success":
                return self._produced(attempt, verdict)
            if verdict is not None:
                self._settle(attempt, verdict)
        self._ended_ms = None
        return claiming.claim(self.node, client_id=self._follower.client_id)

    @contextmanager
    def _faults(self, attempt: Attempt) -> Iterator[None]:
        """Turn each kind of fault into what it means for the attempt."""
        try:
            yield
        except (LeaseGone, stopping.Stopping) as why:
            logger.info("node %s is left alone: %s", self.node.slug, type(why).__name__)
            raise _Leave from None
        except DatabaseError as fault:
            # Nothing is known for sure: the rows stay, and the sweep resumes from them.
            logger.warning("node %s, job %s: %s", self.node.slug, attempt.job_id, fault)
            raise _Leave from fault
        except (Rejected, TooLarge, binding.CannotBind) as fault:
            self._refused(attempt, fault)
        except (NodeGone, NodeSilent, ComfyError) as fault:
            self._in_trouble(attempt, fault)
        except Exception:
            logger.exception(
                "node %s, job %s, attempt %s", self.node.slug, attempt.job_id, attempt.pk
            )
            if attempt.state in HOLDING:  # what is made already is brought home all the same
                setbacks.stumble(attempt)
            raise _Leave from None

    def _refused(self, attempt: Attempt, fault: Rejected | TooLarge | binding.CannotBind) -> None:
        """The node looked at it, or could not be given it."""
        advice = getattr(fault, "advice", "") or "Check the workflow template in the admin."
        evidence = getattr(fault, "evidence", "")
        failure = FailureClass.GRAPH
        if isinstance(fault, binding.CannotBind):
            failure = fault.failure
        elif isinstance(fault, TooLarge):
            failure, advice = FailureClass.RESOURCE, "Start from a smaller picture."
        elif fault.kind == "capability":
            failure, advice = FailureClass.CAPABILITY, "Copy what is missing to that node."
            binding.forget_missing(self.node, fault)
        if failure == FailureClass.CAPABILITY:
            planning.forget_stock()
        if failure == FailureClass.STORAGE:
            setbacks.lose(attempt, fault.sentence)
            return
        setbacks.fail(attempt, failure, fault.sentence, evidence=evidence, advice=advice)

    def _in_trouble(self, attempt: Attempt, fault: NodeGone | NodeSilent | ComfyError) -> None:
        """The node, or what is between, is at fault."""
        if isinstance(fault, NodeGone):
            health.note_gone(self.node, fault.sentence)
            # After a power cut nobody knows when the node went, or over what.
            died = attempt.state == AttemptState.RUNNING and self._saw_alive
            setbacks.lose(attempt, f"{self.node.slug} went away: {fault.sentence}", died=died)
        elif isinstance(fault, NodeSilent):
            said = f"{self.node.slug} stopped answering; the picture goes to another node."
            setbacks.supersede(attempt, said)
        else:
            health.note_fault(self.node, fault)
            setbacks.lose(attempt, f"{self.node.slug}: {fault.sentence}", evidence=fault.evidence)

    # Sending

    def _followed(self, attempt: Attempt) -> Verdict | None:
        """Send it unless an earlier holder did, and watch it to its end; None if there was nothing to send."""
        if not attempt.claimed_here and attempt.state != AttemptState.RESERVED:
            self._follower.reconnect()
            self._saw_alive = self._follower.watch is not None
            return self._follower.follow(attempt, rejoin=True, accepted=False)
        client_id = self._follower.connect()
        self._saw_alive = True
        if attempt.state == AttemptState.RESERVED and not self._bound(attempt, client_id):
            return None
        failpoint("post before")
        if not self._keep_lease():
            raise LeaseGone
        stopping.check()
        accepted = self._post(attempt, client_id)
        self._send_home()
        return self._follower.follow(attempt, accepted=accepted)

    def _bound(self, attempt: Attempt, client_id: str) -> bool:
        """Bind, and commit that it is being sent. False when it was cancelled or taken over before that."""
        upload = partial(self._upload, self._client)
        graph = binding.bind_for(attempt, upload)
        now = timezone.now()
        if not attempt.move(
            AttemptState.SUBMITTING, sent=graph, client_id=client_id, submitted=now
        ):
            return False
        claiming.note_warm(attempt)
        if _cancel_asked(attempt):
            setbacks.confirm_cancel(attempt, "Cancelled before it was sent.")
            return False
        return True

    @staticmethod
    def _upload(client: ComfyClient, path: Path, name: str) -> str:
        return client.upload(path, name, subfolder="eliot")

    def _post(self, attempt: Attempt, client_id: str) -> bool:
        """Send it; False if the node may or may not have it: then it is looked for, never blindly sent again."""
        try:
            accepted = self._client.submit(
                attempt.sent or {},
                prompt_id=str(attempt.pk),
                client_id=client_id,
                extra_data={"eliot": {"attempt": str(attempt.pk), "job": attempt.job_id}},
            )
        except ComfyError as fault:
            return self._doubtful(fault)
        failpoint("post after")
        self._untaken = 0
        if _counts_anew(self.node.pk, accepted.number):
            health.note_new_process(self.node)
            # Its model was taken for warm: what loading it takes is not the node's speed.
            attempt.was_cold = True
            Attempt.objects.filter(pk=attempt.pk).update(was_cold=True)
        if accepted.prompt_id != str(attempt.pk):
            attempt.move(AttemptState.ACCEPTED, node_prompt_id=accepted.prompt_id)
        return True

    def _doubtful(self, fault: ComfyError) -> bool:
        if isinstance(fault, Unreachable) and fault.refused:
            raise NodeGone(fault.sentence) from fault
        if not fault.ambiguous and not isinstance(fault, AlreadyKnown):
            raise fault
        if isinstance(fault, Busy):
            health.note_fault(self.node, fault)
        return False

    # Ends

    def _produced(self, attempt: Attempt, verdict: Verdict) -> Attempt | None:
        pauses.note(self.node.pk, self._ended_ms, verdict.started_ms)
        book = partial(self._book, attempt, verdict)
        following = claiming.claim_after(self.node, book, client_id=self._follower.client_id)
        self._ended_ms = verdict.ended_ms if following is not None else None
        if following is None or following.state != AttemptState.SUBMITTING:
            self._send_home()  # an upload comes first, or nothing does
        return following

    def _send_home(self) -> None:
        """Have what is made brought home: after the next prompt is sent, which the node waits for."""
        gaps.closed(self.node.pk)
        made, self._made = self._made, []
        for attempt in made:
            nudges.store(attempt)

    def _book(self, attempt: Attempt, verdict: Verdict) -> None:
        """Move attempt and job on, unless it was superseded or cancelled meanwhile."""
        seconds = verdict.seconds(attempt.longest_s)
        facts = {
            "outputs": verdict.outputs,
            "node_seconds": seconds,
            "produced": timezone.now(),
        }
        if not attempt.move(AttemptState.PRODUCED, **facts):
            late.note(attempt, verdict)
            return
        job = attempt.job
        said = f"{self.node.slug} finished it" + (
            "." if seconds is None else f" in {seconds:.1f} s."
        )
        only_from = (JobState.RUNNING,)
        if job.move(
            JobState.STORING, said, attempt=attempt, only_from=only_from, seconds=seconds
        ) or _is_coming_home(job):
            self._made.append(attempt)
        else:
            setbacks.confirm_cancel(attempt, "Cancelled; the node had already finished it.")

    def _settle(self, attempt: Attempt, verdict: Verdict) -> None:
        """Write down how it ended without a picture."""
        if verdict.outcome == "error":
            self._failed(attempt, verdict)
        elif verdict.outcome != "superseded" and _cancel_asked(attempt):
            setbacks.confirm_cancel(attempt, "Cancelled.")
        elif verdict.outcome == "interrupted":
            self._interrupted(attempt)
        elif verdict.outcome == "absent":
            self._absent(attempt, verdict)

    def _failed(self, attempt: Attempt, verdict: Verdict) -> None:
        if verdict.is_out_of_memory:
            if setbacks.runs_out_first(attempt):
                self._free_memory()
            setbacks.run_out(attempt, verdict.reason, evidence=verdict.evidence)
            return
        failure, advice = FailureClass.EXECUTION, "Retry, or try another model or size."
        setbacks.fail(attempt, failure, verdict.reason, evidence=verdict.evidence, advice=advice)

    def _free_memory(self) -> None:
        """Have the node unload what it holds, before it tries once more."""
        try:
            self._client.free()
        except ComfyError as fault:  # an older server, or one that is just going
            logger.info("node %s did not free its memory: %s", self.node.slug, fault)
        else:
            GpuNode.objects.filter(pk=self.node.pk).update(warm_model="")

    def _interrupted(self, attempt: Attempt) -> None:
        said = f"Somebody interrupted it on {self.node.slug}"
        if setbacks.was_interrupted(attempt.job):
            said += ", and before that already."
            setbacks.leave_to_a_person(attempt, said, evidence=setbacks.INTERRUPTED)
        else:
            setbacks.lose(attempt, f"{said}.", evidence=setbacks.INTERRUPTED)

    def _absent(self, attempt: Attempt, verdict: Verdict) -> None:
        if verdict.has_restarted:
            health.note_restart(self.node)
            died = attempt.state == AttemptState.RUNNING
            setbacks.lose(attempt, f"{self.node.slug} restarted and forgot it.", died=died)
            return
        if attempt.state == AttemptState.SUBMITTING:
            self._untaken += 1
            if self._untaken >= MOST_UNTAKEN:
                health.note_silent(self.node, "It takes no prompts.")
            setbacks.lose(attempt, f"{self.node.slug} did not take it.")
        else:
            setbacks.lose(attempt, f"{self.node.slug} no longer knows it.")


_numbers: Final[dict[int, float]] = {}
"""The latest place that each node gave a prompt of ours; forgotten with this process, after which any number will do."""


def _counts_anew(node_id: int, number: float) -> bool:
    """Say whether a node's count of prompts began again: it restarted between two looks, idle and unseen."""
    before, _numbers[node_id] = _numbers.get(node_id), number
    return before is not None and number <= before


def _is_coming_home(job: Job) -> bool:
    """Whether another node has made it too; which of the pictures is whole first counts."""
    return Job.objects.filter(pk=job.pk, state=JobState.STORING).exists()


def _cancel_asked(attempt: Attempt) -> bool:
    return Job.objects.filter(pk=attempt.job_id, state=JobState.CANCELLING).exists()
