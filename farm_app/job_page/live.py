"""The socket of a job's page: the parts that differ, when the job moved or got on."""

from collections.abc import Sequence

from eliot.live import News
from farm_app.job_page.reading import JobView
from farm_app.job_page.views import PARTS
from farm_app.live import StripPage, fragment
from farm_app.models import Job
from farm_app.models.jobs import FARM_GROUP, share_group
from farm_app.strip import newest_event


class JobPage(StripPage):
    """One job's page."""

    def prepare(self) -> bool:
        """Find the job."""
        super().prepare()
        self._job_id = int(self.scope["url_route"]["kwargs"]["job_id"])
        rows = Job.objects.filter(pk=self._job_id)
        self._share: str | None = rows.values_list("group__share_key", flat=True).first()
        return self._share is not None

    def forget(self) -> None:
        """Send its parts anew as well."""
        super().forget()
        self._parts: dict[str, str] = {}

    def group_names(self) -> Sequence[str]:
        """Hear the farm, and the jobs of the same share."""
        share = getattr(self, "_share", None)
        return (FARM_GROUP,) if share is None else (FARM_GROUP, share_group(share))

    def news(self, cursor: int) -> News:
        """Send what differs, and the cursor."""
        newest = newest_event()
        changed = self._different()
        return News([*changed, fragment("_cursor.html", cursor=newest)] if changed else (), newest)

    def progress(self, jobs: frozenset[int]) -> Sequence[str]:
        """Send how far it is."""
        return self._different(("state",)) if self._job_id in jobs else ()

    def around(self) -> Sequence[str]:
        """Send strip and state: when it starts depends on others."""
        return [*super().around(), *self._different(("state",))]

    def _different(self, names: Sequence[str] = PARTS) -> list[str]:
        view = JobView.find(self._job_id)
        if view is None:
            return []
        texts = {name: fragment(f"farm/_job_{name}.html", view=view) for name in names}
        changed = [text for name, text in texts.items() if self._parts.get(name) != text]
        self._parts |= texts
        return changed
