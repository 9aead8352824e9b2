"""Their side: Django REST framework's `CursorPagination` on SQLite, behind gunicorn's threads."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(os.environ.setdefault("PEER_DB", mkdtemp()), "peer.db")),
            "CONN_MAX_AGE": None,
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["rest_framework"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF=__name__,
    USE_TZ=True,
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402, Django has to be set up first
from django.db import connection, models  # noqa: E402, as above
from django.urls import path  # noqa: E402, as above
from rest_framework import generics, pagination, serializers  # noqa: E402, as above


class Quake(models.Model):  # type: ignore[misc]  # Django brings no types
    """One earthquake."""

    id = models.CharField(max_length=128, primary_key=True)
    created_at = models.BigIntegerField()
    updated_at = models.BigIntegerField()
    place = models.CharField(max_length=200)
    magnitude = models.FloatField()
    magnitude_type = models.CharField(max_length=10, null=True)
    network = models.CharField(max_length=10, null=True)
    kind = models.CharField(max_length=30, null=True)
    latitude = models.FloatField()
    longitude = models.FloatField()
    depth = models.FloatField(null=True)
    felt = models.IntegerField(null=True)
    tsunami = models.BooleanField()
    status = models.CharField(max_length=20, null=True)
    url = models.CharField(max_length=200, null=True)

    class Meta:
        """Where it is kept."""

        app_label = "peer"
        indexes = (models.Index(fields=["-created_at", "-id"], name="timeline"),)


class Serializer(serializers.ModelSerializer):  # type: ignore[misc]  # nor does the framework
    """All of it."""

    class Meta:
        """What of it."""

        model = Quake
        fields = "__all__"


class Pages(pagination.CursorPagination):  # type: ignore[misc]  # untyped, too
    """Pages of 25, newest first."""

    page_size = 25
    ordering = ("-created_at", "-id")

    def get_paginated_response(self, data: Any) -> Any:
        """Return a page under the names that all contestants use."""
        response = super().get_paginated_response(data)
        found = response.data
        response.data = {"data": found["results"], "paging": {"limit": 25, "next": found["next"]}}
        return response


class Quakes(generics.ListAPIView):  # type: ignore[misc]  # untyped, too
    """The list."""

    queryset = Quake.objects.all()
    serializer_class = Serializer
    pagination_class = Pages


urlpatterns = [path("quakes", Quakes.as_view())]
application = get_wsgi_application()

if __name__ == "__main__":
    from benchmarks.servers.quake_models import load

    with connection.schema_editor() as editor:
        editor.create_model(Quake)
    Quake.objects.bulk_create([Quake(**each.model_dump()) for each in load()])
    connection.close()
    program = "benchmarks.servers.drf_sqlite:application"
    options = ["-k", "gthread", "--threads", "4", "--no-control-socket", "--log-level", "error"]
    address = f"127.0.0.1:{sys.argv[1]}"
    command = [sys.executable, "-m", "gunicorn", program, "-b", address, *options]
    os.execv(sys.executable, command)
