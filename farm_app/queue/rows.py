"""One row of the queue as every page, reply and socket shows it: words, times, addresses."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, cached_property
from typing import Final

from django.db.models.fields.json import KT
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from eliot.live import rendered_once
from farm_app import families, planning
from farm_app.models import Job, Priority, QueueState
from farm_app.models.jobs import split_label
from farm_app.models.states import JobState
from farm_app.moments import clock
from farm_app.progress import Glimpse, glimpses
from farm_app.queue.entries import NEEDS, PAUSED, TURN, WORK, Entry, Pause, Reading, is_due_again
from farm_app.strip import spell_left
from gallery_app.models import MediaFile

NO_NODE: Final = "No node can take this now. Nearest: "
"""What every other row that needs somebody would begin with."""
_PHASES: Final = {
    "loading": ("loading", "Loading the model"),
    "sampling": ("sampling", "Rendering"),
    "decoding": ("decoding", "Decoding"),
    "saving": ("decoding", "Saving"),
}
# A figure that nobody reads to the second would only make the page move.
_COARSE: Final = ((60, 1), (300, 5), (3600, 30), (float("inf"), 300))


@dataclass(frozen=True)
class Row:
    """An entry in words; equal rows are equal HTML."""

    key: str
    look: str
    icon: str
    count: int
    job_id: int
    place: str
    label: str
    number: str
    model: str
    checkpoint: str
    priority: str
    thumb_url: str
    preview_url: str
    sentence: str
    starts: str
    done: str
    percent: int | None
    can_move: bool
    can_retry: bool
    is_paused: bool
    is_first: bool
    is_inner: bool = False

    @cached_property
    def is_batch(self) -> bool:
        """Whether it stands for several jobs."""
        return self.count > 1

    @property
    def title(self) -> str:
        """Who asks, which may be cut where there is little room."""
        return split_label(self.label)[0]

    @property
    def stage(self) -> str:
        """What tells it from others of the same title; never cut."""
        return split_label(self.label)[1]

    @cached_property
    def name(self) -> str:
        """What it is, for people who cannot see its cells."""
        what = f"{self.label} {self.number}".strip()
        return f"{what}, {self.count} pictures" if self.is_batch else what

    @cached_property
    def job_url(self) -> str:
        """Address of the job's own page."""
        return _job_address().replace("/0/", f"/{self.job_id}/")

    @cached_property
    def urls(self) -> Mapping[str, str]:
        """Addresses of what a row can be asked for."""
        verbs = ("details", "jobs", "front", "cancel", "retry", "resume", "place", "up", "down")
        return {verb: verb_url(self.key, verb) for verb in verbs}

    @property
    def html(self) -> str:
        """Its fragment."""
        return _rendered(self, self)

    @property
    def html_oob(self) -> str:
        """Its fragment as the socket sends it to a page that has it."""
        return _rendered_oob(self, self)


# Equal rows are rendered once for all pages.
@rendered_once
def _rendered(row: Row) -> str:
    return render_to_string("farm/_queue_row.html", {"row": row})


@rendered_once
def _rendered_oob(row: Row) -> str:
    return render_to_string("farm/_queue_row.html", {"row": row, "oob": True})


@cache
def _job_address() -> str:
    return reverse("farm:job", args=[0])


@cache
def _verb_address(verb: str) -> str:
    return reverse(f"farm:queue_{verb}", args=["j0"])


def verb_url(key: str, verb: str) -> str:
    """Return the address of a verb on an entry, a group, a share or all."""
    return _verb_address(verb).replace("/j0/", f"/{key}/")


def rows_of(entries: Sequence[Entry], reading: Reading) -> list[Row]:
    """Return the rows of these entries, with progress and facts read for all at once."""
    running = [one.first for one in entries if one.section == WORK]
    seen = glimpses(running) if running else {}
    facts = _facts_of(entries)
    return [
        _row(one, seen.get(one.first), facts.get(one.first, ("", "", None)), reading)
        for one in entries
    ]


def _facts_of(entries: Iterable[Entry]) -> dict[int, tuple[str, str, MediaFile | None]]:
    """Return number within its stage, checkpoint and source of the first job of each entry."""
    rows = Job.objects.filter(pk__in=[one.first for one in entries]).order_by()
    wanted = ("pk", "ordinal", KT("recipe__generation"), KT("values__checkpoint"), "source_id")
    found = list(rows.values_list(*wanted))
    sources = {row[4] for row in found if row[4]}
    files = MediaFile.objects.with_facts().in_bulk(sources) if sources else {}
    return {
        pk: (str(number or ordinal + 1), checkpoint or "", files.get(source))
        for pk, ordinal, number, checkpoint, source in found
    }


def _row(
    entry: Entry,
    glimpse: Glimpse | None,
    facts: tuple[str, str, MediaFile | None],
    reading: Reading,
) -> Row:
    number, checkpoint, source = facts
    look, sentence = _says(entry, glimpse)
    preview = ""
    if glimpse is not None and glimpse.frame:
        preview = reverse("farm:preview", args=[entry.first, glimpse.frame])
    starts, done = _times(entry, glimpse, reading.at)
    return Row(
        key=entry.key,
        look=look,
        icon=_ICONS[look],
        count=entry.count,
        job_id=entry.first,
        place=_place(entry),
        label=entry.asked.label,
        number=number if entry.count == 1 else "",
        model=_model(entry),
        checkpoint=checkpoint.rpartition("/")[2].rpartition(".")[0],
        priority=Priority(entry.priority).label if entry.priority in Priority.values else "",
        thumb_url=source.thumb_url if source else "",
        preview_url=preview,
        sentence=sentence,
        starts=starts,
        done=done,
        percent=glimpse.percent if glimpse else None,
        can_move=entry.can_move,
        can_retry=entry.section == NEEDS,
        is_paused=entry.section == PAUSED and entry.held,
        is_first=entry.place == 1,
    )


_ICONS: Final = {
    "loading": "node-loading",
    "sampling": "node-rendering",
    "decoding": "cell-decoding",
    "storing": "cell-storing",
    "cancelling": "cell-cancelling",
    "waiting": "cell-waiting",
    "attention": "cell-attention",
    "paused": "node-paused",
}


def _model(entry: Entry) -> str:
    known = families.FAMILIES.get(entry.asked.family)
    if known is not None:
        return known.label
    return "Upscale" if "upscale" in entry.asked.template else entry.asked.template


def _place(entry: Entry) -> str:
    if not entry.place:
        return ""
    last = entry.place + entry.count - 1
    return str(entry.place) if entry.count == 1 else f"{entry.place}–{last}"


def _says(entry: Entry, glimpse: Glimpse | None) -> tuple[str, str]:
    """Return the state's look, and the state with its reason in a sentence."""
    if entry.section == WORK:
        return _says_at_work(entry, glimpse)
    if entry.section == NEEDS:
        return "attention", f"{entry.reason.removeprefix(NO_NODE)} {entry.advice}".strip()
    if entry.section == PAUSED:
        return "paused", spell_pause(entry.pause or Pause())
    return "waiting", _says_waiting(entry)


def spell_pause(pause: Pause) -> str:
    """Say by whom it is paused, and since when."""
    held = Job if not pause.whole else QueueState
    return planning.spell_pause(held(is_paused=True, paused_by=pause.by, paused_at=pause.at))


def _says_at_work(entry: Entry, glimpse: Glimpse | None) -> tuple[str, str]:
    on = f" on {' and '.join(entry.nodes)}" if entry.nodes else ""
    if entry.state == JobState.CANCELLING:
        return "cancelling", f"Cancelling{on}"
    if entry.state == JobState.STORING:
        return (
            "storing",
            f"The picture is safe and waits: {entry.reason}" if entry.reason else "Storing",
        )
    if glimpse is None:
        return "sampling", f"Rendering{on}"
    look, word = _PHASES[glimpse.phase]
    if look == "loading" and not glimpse.is_cold:
        look, word = "sampling", "Rendering"
    if glimpse.phase == "sampling" and glimpse.steps:
        return look, f"{word}{on}, step {glimpse.step} of {glimpse.steps}"
    return look, f"{word}{on}"


def _says_waiting(entry: Entry) -> str:
    if not is_due_again(entry):
        return f"{entry.reason} It is tried again in a moment.".strip()
    said = entry.refusal.removeprefix(NO_NODE) or _says_where(entry)
    return f"{said} Before: {entry.reason}" if entry.reason else said


def _says_where(entry: Entry) -> str:
    if entry.expected_on is None:
        return "Waits its turn"
    name, before = entry.expected_on
    if not before:
        return f"Next on {name}"
    return f"On {name}, after {before} other{'s' if before > 1 else ''}"


def _times(entry: Entry, glimpse: Glimpse | None, at: float) -> tuple[str, str]:
    """Return when it starts and when it is done, in words; what is not known is empty."""
    if entry.section == WORK:
        end_s = at + glimpse.left_s if glimpse and glimpse.left_s is not None else entry.end_s
        return "now", clock_range(end_s, end_s) if end_s else ""
    if entry.section != TURN:
        return "", ""
    starts = "" if entry.start_s is None else spell_wait(entry.start_s - at)
    if entry.end_s is None:
        return starts, ""
    wait_s = max(entry.end_s - at, 0.0)
    doubt_s = wait_s * entry.doubt
    return starts, clock_range(entry.end_s - doubt_s, entry.end_s + doubt_s)


def spell_wait(seconds: float) -> str:
    """Return a wait in the words of every page, the coarser the longer it is."""
    if seconds < 1:
        return "now"
    grain = next(grain for limit, grain in _COARSE if seconds < limit)
    return spell_left(round(seconds / grain) * grain)


def clock_range(early_s: float, late_s: float) -> str:
    """Return two moments, since the epoch, as clock times; as one where they are the same to the minute.

    Of another day the day is said, too.
    """
    early, late = _clock(early_s), _clock(late_s)
    return early if early == late else f"{early} – {late}"


def _clock(at_s: float) -> str:
    return clock(datetime.fromtimestamp(at_s, tz=timezone.get_current_timezone()))


def inner_rows(entry: Entry, reading: Reading, first: int, most: int) -> tuple[list[Row], bool]:
    """Return some of a batch's jobs, each as a row of its own, and whether more follow."""
    pks = list(entry.jobs().values_list("pk", flat=True)[: first + most + 1])
    singles = timed_singles(entry, pks[: first + most], first)
    rows = [replace(row, is_inner=True, can_move=False) for row in rows_of(singles, reading)]
    return rows, len(pks) > first + most


def timed_singles(entry: Entry, pks: Sequence[int], first: int) -> list[Entry]:
    """Return the jobs of a batch from an offset on, each with its times.

    The plan knows the next ones; beyond them the others are spread evenly until all of the batch is done.

    Args:
        pks: The batch's jobs from its first on.
    """
    expected = planning.recent_plan().plan.expected
    known = {n: expected[pk] for n, pk in enumerate(pks) if pk in expected}
    last = max(known, default=-1)
    begin_s = known[last].end_s if known else entry.start_s
    pace_s = None
    if begin_s is not None and entry.end_s is not None and entry.count > last + 1:
        pace_s = max(entry.end_s - begin_s, 0.0) / (entry.count - last - 1)

    def timed(n: int) -> Entry:
        single = entry.one(pks[n], n)
        if n in known:
            return replace(single, start_s=known[n].start_s, end_s=known[n].end_s)
        if pace_s is None or begin_s is None or n < last:
            return single
        end_s = begin_s + pace_s * (n - last)
        return replace(single, start_s=end_s - pace_s, end_s=end_s)

    return [timed(n) for n in range(first, len(pks))]
