"""Addresses of the prompt studio."""

from django.urls import path

from sessions_app.studio import views

app_name = "studio"
urlpatterns = [
    path("", views.page, name="page"),
    path("presets/", views.browse, name="browse"),
    path("in/<slug:slug>/", views.inside, name="inside"),
    path("send/", views.send, name="send"),
    path("save/", views.save, name="save"),
    path("used/", views.note_used, name="used"),
    path("own/<slug:key>/delete/", views.delete, name="delete"),
    path("own/<slug:key>/restore/", views.restore, name="restore"),
]
