"""Addresses of the lab."""

from django.urls import path

from farm_app import previews

app_name = "farm"
urlpatterns = [
    path("jobs/<int:job_id>/preview/<int:number>", previews.preview, name="preview"),
]
