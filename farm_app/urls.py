"""Addresses of the lab."""

from django.urls import path

from farm_app import previews, views

app_name = "farm"
urlpatterns = [
    path("", views.nodes_page, name="nodes"),
    path("log/", views.log_page, name="log"),
    path("jobs/<int:job_id>/preview/<int:number>", previews.preview, name="preview"),
]
