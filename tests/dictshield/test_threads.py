"""A class that several threads use for the first time at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from brubeck.dictshield.base import InvalidShield
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import EmbeddedDocumentField, IntField, ListField

RACE = """
import json, sys, threading
from brubeck.dictshield.document import Document, EmbeddedDocument
from brubeck.dictshield.fields import EmbeddedDocumentField, IntField, ListField, TimeStampField

sys.setswitchinterval(1e-6)
RAW = b'{"inner":{"n":1,"itself":{"n":2,"t":60}},"several":[{"n":3,"more":[{"n":4}]}]}'


def declared():
    class Inner(EmbeddedDocument):
        n = IntField()
        t = TimeStampField()
        itself = EmbeddedDocumentField("self")
        more = ListField(EmbeddedDocumentField("self"))

    class Outer(Document):
        inner = EmbeddedDocumentField(Inner)
        several = ListField(EmbeddedDocumentField(Inner))

    ways = [Outer.from_json, Outer.decode_stored, lambda raw: Outer(**json.loads(raw))]
    return ways + [lambda raw: Outer.from_python(json.loads(raw)), *ways[:2]]


def use(way, start, seen):
    start.wait()
    document = way(RAW)
    document.validate()
    seen.append(document.inner.encode_ownersafe())


for _ in range(150):
    start, seen = threading.Barrier(6), []
    threads = [threading.Thread(target=use, args=(way, start, seen)) for way in declared()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [json.loads(each)["n"] for each in seen] == [1] * 6
"""


def test_threads_may_use_a_class_first_at_the_same_time() -> None:
    """Compiling a class is one thread's work at a time; it used to crash the interpreter."""
    ran = subprocess.run([sys.executable, "-c", RACE], capture_output=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")


def test_a_class_that_cannot_be_compiled_says_why_each_time() -> None:
    """A document that embeds one by a wrong name, however deep, is refused the same way again."""

    class Lost(EmbeddedDocument):
        nobody = EmbeddedDocumentField("Nobody")

    class Seeker(Document):
        number = IntField()
        lost = ListField(EmbeddedDocumentField(Lost))

    for _ in range(3):
        with pytest.raises(InvalidShield, match='Lost embeds "Nobody"'):
            Seeker(number=5)
        with pytest.raises(InvalidShield, match='Lost embeds "Nobody"'):
            Seeker.from_json('{"number":5}')
