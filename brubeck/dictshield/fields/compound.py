"""The fields made of other fields, under the names that ``dictshield.fields.compound`` gave."""

from __future__ import annotations

from brubeck.dictshield.base import InvalidShield, ShieldException
from brubeck.dictshield.datastructures import MultiValueDict
from brubeck.dictshield.field import BaseField
from brubeck.dictshield.fields.embedded import RECURSIVE_REFERENCE_CONSTANT, EmbeddedDocumentField
from brubeck.dictshield.fields.lists import ListField, SortedListField
from brubeck.dictshield.fields.multivalue import MultiValueDictField
from brubeck.dictshield.fields.natives import DictField
from brubeck.dictshield.structure import EmbeddedDocument

__all__ = [
    "RECURSIVE_REFERENCE_CONSTANT",
    "BaseField",
    "DictField",
    "EmbeddedDocument",
    "EmbeddedDocumentField",
    "InvalidShield",
    "ListField",
    "MultiValueDict",
    "MultiValueDictField",
    "ShieldException",
    "SortedListField",
]
