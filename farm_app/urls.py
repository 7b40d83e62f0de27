"""Addresses of the lab."""

from django.urls import include, path

from farm_app import adding, node_views, previews, views
from farm_app.queue.urls import urlpatterns as queue_urls

app_name = "farm"
urlpatterns = [
    path("", views.nodes_page, name="nodes"),
    path("log/", views.log_page, name="log"),
    path("log/farm-log.<slug:kind>", views.download_log, name="download_log"),
    path("all/<slug:verb>/", node_views.act_on_all, name="act_on_all"),
    path("nodes/add/", adding.add, name="add"),
    path("nodes/add/<slug:search>/", adding.found, name="found"),
    path("nodes/find/", adding.find, name="find"),
    path("nodes/find/<slug:search>/", adding.search, name="search"),
    path("nodes/<int:pk>/care/", node_views.care, name="care"),
    path("nodes/<int:pk>/<slug:verb>/", node_views.act, name="act"),
    path("blocks/<int:pk>/lift/", node_views.lift, name="lift"),
    path("", include(queue_urls)),
    path("jobs/<int:job_id>/preview/<int:number>", previews.preview, name="preview"),
]
