"""Addresses of the table."""

from django.urls import path

from sessions_app import picking, views

app_name = "sessions"
urlpatterns = [
    path("", views.start, name="start"),
    path("sessions/", views.session_list, name="list"),
    path("sessions/new/<slug:flow>/", views.new, name="new"),
    path("sessions/<slug:slug>/", views.session_page, name="session"),
    path("sessions/<slug:slug>/cells/", views.cells, name="cells"),
    path("sessions/<slug:slug>/rename/", views.rename, name="rename"),
    path("sessions/<slug:slug>/duplicate/", views.duplicate, name="duplicate"),
    path("sessions/<slug:slug>/archive/", views.archive, name="archive"),
    path("sessions/<slug:slug>/restore/", views.restore, name="restore"),
    path("sessions/<slug:slug>/delete/", views.delete, name="delete"),
    path("sessions/<slug:slug>/stages/", views.stages, name="stages"),
    path(
        "sessions/<slug:slug>/stages/<int:index>/<slug:family>/",
        views.use_family,
        name="use_family",
    ),
    path("sessions/<slug:slug>/generate/", views.generate, name="generate"),
    path("sessions/<slug:slug>/estimate/", views.estimate, name="estimate"),
    path("sessions/<slug:slug>/tokens/", views.tokens, name="tokens"),
    path("sessions/<slug:slug>/settings/", views.settings, name="settings"),
    path("sessions/<slug:slug>/continue/", views.advance, name="advance"),
    path("sessions/<slug:slug>/cancel/", picking.cancel_batch, name="cancel_batch"),
    path("sessions/<slug:slug>/retry/", picking.retry_failed, name="retry_failed"),
    path("sessions/<slug:slug>/trash/", picking.trash_dropped, name="trash_dropped"),
    path("sessions/<slug:slug>/untrash/", picking.untrash, name="untrash"),
    path("takes/<int:pk>/keep/", picking.keep, name="keep"),
    path("takes/<int:pk>/drop/", picking.drop, name="drop"),
    path("takes/<int:pk>/clear/", picking.clear, name="clear"),
    path("takes/<int:pk>/cancel/", picking.cancel, name="cancel"),
    path("takes/<int:pk>/retry/", picking.retry, name="retry"),
    path("takes/<int:pk>/any-node/", picking.any_node, name="any_node"),
    path("takes/<int:pk>/upscale/", picking.upscale, name="upscale"),
    path("takes/<int:pk>/large/", picking.large, name="large"),
    path("takes/<int:pk>/why/", picking.why, name="why"),
]
