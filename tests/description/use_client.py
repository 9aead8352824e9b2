"""The generated Python client, used by `test_clients`: it stands beside this file as ``client``."""

from __future__ import annotations

import sys

from client import AuthenticatedClient, Client
from client.api.diaries import create_diaries, list_diaries
from client.api.people import change_people, create_people, delete_people, list_people, read_people
from client.models import AddressInput, CityInput, DiaryNew, PersonNew, PersonPatch, Problem

url = sys.argv[1]
people = Client(base_url=url)

home = AddressInput(street="Main Street", city=CityInput(name="Ely", at=[52.4, 0.26]))
ella = PersonNew(name="Ella", first=home, home=home, others=[home], tags=["jazz"])
created = create_people.sync(client=people, body=ella)
assert created.data.name == "Ella", created
assert created.data.others[0].city.name == "Ely"

read = read_people.sync(created.data.id, client=people)
assert read.data.home.street == "Main Street"

page = list_people.sync(client=people, limit=1)
assert [each.id for each in page.data] == [created.data.id]
assert page.paging.cursor is None

changed = change_people.sync(created.data.id, client=people, body=PersonPatch(size=160))
assert changed.data.size == 160, changed

refused = create_people.sync(client=people, body=PersonNew(name="x" * 100, first=home))
assert isinstance(refused, Problem), refused
assert refused.errors[0].pointer == "/name"

assert delete_people.sync_detailed(created.data.id, client=people).status_code == 204

ella_only = AuthenticatedClient(base_url=url, token="ZWxsYTphLXRpc2tldA==", prefix="Basic")
mine = create_diaries.sync(client=ella_only, body=DiaryNew(text="Sang."))
assert mine.data.text == "Sang.", mine
assert [each.text for each in list_diaries.sync(client=ella_only).data] == ["Sang."]
print("done")
