"""Addresses of the lab."""

from django.urls import path

from farm_app import views

app_name = "farm"
urlpatterns = [
    path("jobs/<int:job_id>/preview/<int:number>", views.preview, name="preview"),
]
