"""One round's times, read where they are true: the node's own history, rows, and the browser. All in milliseconds."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import httpx

from eliot.bench.figures import Figures
from eliot.bench.page import Watched
from eliot.bench.process import Running

# An overrun up to this share of a picture's own time is printed, and does not make a run invalid.
TOLERATED_SHARE: Final = 0.05

_MADE: Final = """
select a.id, a.origin, j.finished, o.media_file_id, f.thumb_s,
    (select min(e.at) from farm_app_jobevent e where e.job_id = j.id)
from farm_app_attempt a
join farm_app_job j on j.winner_id = a.id
join sessions_app_generation g on g.job_id = j.id
join sessions_app_round r on r.id = g.round_id
join farm_app_joboutput o on o.job_id = j.id
left join gallery_app_mediafacts f on f.media_file_id = o.media_file_id
where r.session_id = ?
"""
_COUNTED: Final = """
select count(*) from farm_app_job j
join sessions_app_generation g on g.job_id = j.id
join sessions_app_round r on r.id = g.round_id
where r.session_id = ? and j.state = ?
"""
_GROUP: Final = """
select j.state = 'done', j.finished, (select min(e.at) from farm_app_jobevent e where e.job_id = j.id)
from farm_app_job j
join farm_app_jobgroup g on g.id = j.group_id
where g.request_id = ?
"""


@dataclass(frozen=True)
class Made:
    """One picture.

    Attributes:
        asked: The job's first event, the last rows that are written before the round is committed.
        started: When its node began, by the node's own history.
        succeeded: When its node had it.
        finished: When it was committed as done.
        thumb: What making its thumbnail took.
    """

    attempt: str
    origin: str
    picture: str
    asked: float
    started: float
    succeeded: float
    finished: float
    thumb: float


def count_jobs(eliot: Running, session: str, state: str) -> int:
    """Count a session's jobs in one state."""
    found: int = eliot.rows(_COUNTED, int(session), state)[0][0]
    return found


def group_s(eliot: Running, group: int) -> float | None:
    """Return how long a job group took, from its first job event to its last job done; None until it is."""
    rows = eliot.rows(_GROUP, group)
    if not all(is_done for is_done, _, _ in rows):
        return None
    asked = min(_ms(asked) for _, _, asked in rows)
    return (max(_ms(finished) for _, finished, _ in rows) - asked) / 1000


def read_round(eliot: Running, session: str, page: Watched, figures: Figures) -> None:
    """Add the times of a session that has one round and was watched."""
    made = read_farm_round(eliot, session, figures)
    if page.first_at is not None:
        figures.first_event_ms.append(page.first_at - min(one.asked for one in made))
    figures.done_to_page_ms += delays(made, page.loads)
    figures.done_to_socket_ms += delays(made, page.named)


def read_farm_round(eliot: Running, session: str, figures: Figures) -> list[Made]:
    """Add what the farm alone needed for a session that has one round; return its pictures."""
    made = [_made(row) for row in eliot.rows(_MADE, int(session))]
    asked = min(one.asked for one in made)
    figures.makespan_s.append((max(one.finished for one in made) - asked) / 1000)
    figures.idle_gap_ms += gaps(made)
    for origin in {one.origin for one in made}:
        status = httpx.get(f"{origin}/demo/status", trust_env=False).json()
        add_overruns(status["prompts"], {one.attempt for one in made}, figures)
    return made


def _made(row: tuple[Any, ...]) -> Made:
    raw, origin, finished, picture, thumb_s, asked = row
    attempt = _uuid(raw)
    entry = httpx.get(f"{origin}/history/{attempt}", trust_env=False).json()[attempt]
    times = {name: data["timestamp"] for name, data in entry["status"]["messages"]}
    return Made(
        attempt=attempt,
        origin=origin,
        picture=_uuid(picture),
        asked=_ms(asked),
        started=times["execution_start"],
        succeeded=times["execution_success"],
        finished=_ms(finished),
        thumb=(thumb_s or 0.0) * 1000,
    )


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000


def _uuid(raw: str) -> str:
    return f"{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


def gaps(made: Iterable[Made]) -> list[float]:
    """Return every pause between two pictures of one node.

    All of a round is asked for at once: the picture that ended a pause was waiting all along, so none is the plan's.
    """
    by_node = defaultdict(list)
    for one in sorted(made, key=lambda one: one.started):
        by_node[one.origin].append(one)
    return [
        after.started - before.succeeded
        for mine in by_node.values()
        for before, after in pairwise(mine)
    ]


def delays(made: Iterable[Made], seen: Mapping[str, float]) -> list[float]:
    """Return how long after its node had it each picture was seen, less the thumbnail's own time."""
    return [seen[one.picture] - one.succeeded - one.thumb for one in made if one.picture in seen]


def add_overruns(
    prompts: Iterable[Mapping[str, Any]], mine: Collection[str], figures: Figures
) -> None:
    """Add what a demo node says of its own lateness, for these of its prompts."""
    for one in prompts:
        late = one["overrun_ms"]
        if late <= 0 or one["prompt_id"] not in mine:
            continue
        figures.overruns += 1
        figures.spoiling_overruns += late > TOLERATED_SHARE * one["nominal_ms"]
        figures.worst_overrun_ms = max(figures.worst_overrun_ms, late)
