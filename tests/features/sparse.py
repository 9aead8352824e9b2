"""More items than one step looks at, the oldest of them a rare one, as a program that is run."""

from brubeck.dictshield.fields import StringField
from brubeck.streams import StreamHandler
from tests.features.program import program
from tests.streams.test_geojson import Place


class Report(Place):
    """A place with a network."""

    network = StringField()


class Reports(StreamHandler):
    """Places of networks."""

    model = Report
    path = "/quakes"
    filters = ("bbox", "network__gte", "network__lte", "network")
    max_page_size = 200


app = program(Reports)
app.stream(Reports).insert_many(
    {
        "id": f"p{n}",
        "created_at": n,
        "network": "rare" if n == 0 else "usual",
        "latitude": 1,
        "longitude": 1,
    }
    for n in range(6000)
)
