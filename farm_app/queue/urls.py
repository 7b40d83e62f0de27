"""Addresses of the queue, the timeline and the pages of jobs."""

from django.urls import path, register_converter

from farm_app.job_page import views as job
from farm_app.queue import targets, views
from farm_app.timeline import views as timeline

register_converter(targets.What, "what")

urlpatterns = [
    path("timeline/", timeline.table, name="timeline_table"),
    path("queue/", views.queue, name="queue"),
    path("queue/undo/<int:after>/<int:upto>/", views.undo, name="queue_undo"),
    path("queue/<what:what>/details/", views.details, name="queue_details"),
    path("queue/<what:what>/jobs/", views.jobs, name="queue_jobs"),
    path("queue/<what:what>/sure/", views.sure, name="queue_sure"),
    path("queue/<what:what>/front/", views.front, name="queue_front"),
    path("queue/<what:what>/up/", views.up, name="queue_up"),
    path("queue/<what:what>/down/", views.down, name="queue_down"),
    path("queue/<what:what>/place/", views.place, name="queue_place"),
    path("queue/<what:what>/priority/", views.priority, name="queue_priority"),
    path("queue/<what:what>/pause/", views.pause, name="queue_pause"),
    path("queue/<what:what>/resume/", views.resume, name="queue_resume"),
    path("queue/<what:what>/retry/", views.retry, name="queue_retry"),
    path("queue/<what:what>/any-node/", views.any_node, name="queue_any"),
    path("queue/<what:what>/cancel/", views.cancel, name="queue_cancel"),
    path("jobs/<int:job_id>/", job.page, name="job"),
    path("jobs/<int:job_id>/graph.json", job.graph, name="job_graph"),
    path("jobs/<int:job_id>/adopt/<uuid:attempt_id>/", job.adopt, name="job_adopt"),
    path("jobs/<int:job_id>/<slug:verb>/", job.act, name="job_act"),
]
