"""Every waiting time of the farm, in seconds, scaled by one factor so that drills can run fast."""

from datetime import timedelta
from typing import Final

from django.conf import settings

FACTOR: Final = settings.ELIOT_TIME_FACTOR

SWEEP_S: Final = 2.0 * FACTOR
SWEEP_LEASE_TTL: Final = timedelta(seconds=10.0 * FACTOR)
# A lease outlives the longest call that its holder makes between two renewals: a POST with its time-outs.
LEASE_TTL: Final = timedelta(seconds=30.0 * FACTOR)
STORE_TTL: Final = timedelta(seconds=90.0 * FACTOR)
# What cannot be stored now, as on a full disk, is tried again this often.
STORE_AGAIN: Final = timedelta(seconds=8.0 * FACTOR)

HEALTH_INTERVAL: Final = timedelta(seconds=10.0 * FACTOR)
# A node in trouble is looked at more often: its work waits for it.
TROUBLE_INTERVAL: Final = timedelta(seconds=4.0 * FACTOR)
INVENTORY_AGE: Final = timedelta(hours=1)
# A machine that sleeps is woken when a job has waited for this long, and again as often as this.
WAIT_BEFORE_WAKING_S: Final = 10.0 * FACTOR
WAKE_AGAIN: Final = timedelta(seconds=120.0 * FACTOR)
# A node that answers a look later than this is silent.
LOOK_S: Final = max(3.0 * FACTOR, 1.5)
# One at work whose events have ceased is asked with less patience: it is to be known within three seconds.
LIFE_S: Final = 1.5

# An ambiguous POST is looked up twice this far apart before the attempt is given up.
LOOK_TWICE_S: Final = 2.0 * FACTOR
# Socket quiet while a prompt is open: ask the node itself this often.
ASK_QUIET_S: Final = 1.0 * FACTOR
# Without a socket there are no hints: ask this often.
ASK_DEAF_S: Final = 0.4
# A socket that could not be opened is tried again this often.
RECONNECT_S: Final = 2.0 * FACTOR
# A node without a sign of life for this long gets nothing new, and an idle node renders a copy of its work.
SILENT_S: Final = 2.5 * FACTOR
# Loading a model may take the breath of an honest one: it may owe an answer for this long.
BREATH_S: Final = 5.0 * FACTOR
# ... for this long, and its work goes back to the queue if another node could take it,
REQUEUE_S: Final = 15.0 * FACTOR
# ... and for this long even if none could.
GIVE_UP_S: Final = 600.0 * FACTOR
# A node that is slower than expected: look this often whether an idle one would end a copy sooner.
FASTER_LOOK_S: Final = 0.25
# Answers, and says it runs, yet shows no progress: after this long it is told to stop, unless its template says when.
STALLED_S: Final = 600.0 * FACTOR
# Renders, with progress or without: after this long it is told to stop, unless its template says when or much longer
# was expected. What programs post may be a film.
CAP_S: Final = 1800.0 * FACTOR
CAP_POSTED_S: Final = 6 * 3600.0 * FACTOR
# ... and if it still runs after this long, the node is left to itself.
STOPPED_S: Final = 60.0 * FACTOR
# Without a socket progress cannot be seen: this long, or many times what was expected.
STALLED_DEAF_S: Final = 1800.0 * FACTOR
# A picture that comes with less than 1 KiB a second over this long is given up and fetched again.
DRIP_S: Final = 30.0 * FACTOR
# History may lag behind the success event by this much.
HISTORY_LAG_S: Final = 5.0 * FACTOR
# A node that died over its second picture in a row gets this rest when it is back, each further time twice as long.
REST_FIRST_S: Final = 10.0 * FACTOR
REST_LAST_S: Final = 300.0 * FACTOR
BACKOFF_FIRST_S: Final = 2.0 * FACTOR
BACKOFF_LAST_S: Final = 60.0 * FACTOR
PROGRESS_S: Final = 0.25
PREVIEW_S: Final = 0.5
# So soon before its picture nobody would see one more frame.
LAST_FRAME_S: Final = 0.35
