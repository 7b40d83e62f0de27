"""Addresses of the archive. Media are answered before Django where the server allows it."""

from django.urls import path

from gallery_app import views

app_name = "gallery"
urlpatterns = [
    path("media/thumb/<uuid:pk>.webp", views.thumb, name="thumb"),
    path("media/file/<uuid:pk>", views.file, name="file"),
]
