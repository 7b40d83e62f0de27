"""All addresses: each room brings its own."""

from django.contrib import admin
from django.urls import include, path

from farm_app.api.urls import addresses
from farm_app.standing import health
from sessions_app.api import CINEMA_ROUTES

urlpatterns = [
    path("", include("sessions_app.urls")),
    path("studio/", include("sessions_app.studio.urls")),
    path("farm/", include("farm_app.urls")),
    path("api/", include(addresses(*CINEMA_ROUTES))),
    path("", include("gallery_app.urls")),
    path("health", health, name="health"),
    path("admin/", admin.site.urls),
]
handler500 = "eliot.http.server_error"
