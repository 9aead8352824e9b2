"""All the fields: of text, numbers, moments, plain values and other fields.

DictShield kept some of them in `base`, `compound`, `mongo` and `temporal`; they are there, too.
"""

from __future__ import annotations

from brubeck.dictshield.base import InvalidShield, ShieldException
from brubeck.dictshield.field import (
    BaseField,
    BaseFieldMetaClass,
    DictFieldNotFound,
    dictshield_fields,
)
from brubeck.dictshield.fields.compound import (
    EmbeddedDocumentField,
    ListField,
    MultiValueDictField,
    SortedListField,
)
from brubeck.dictshield.fields.mongo import ObjectIdField
from brubeck.dictshield.fields.natives import BooleanField, DictField, GeoPointField
from brubeck.dictshield.fields.numeric import (
    DecimalField,
    FloatField,
    IntField,
    JsonNumberMixin,
    LongField,
    NumberField,
)
from brubeck.dictshield.fields.temporal import DateTimeField, MillisecondField, TimeStampField
from brubeck.dictshield.fields.text import (
    EmailField,
    JsonHashMixin,
    MD5Field,
    SHA1Field,
    StringField,
    URLField,
    UUIDField,
)

__all__ = [
    "BaseField",
    "BaseFieldMetaClass",
    "BooleanField",
    "DateTimeField",
    "DecimalField",
    "DictField",
    "DictFieldNotFound",
    "EmailField",
    "EmbeddedDocumentField",
    "FloatField",
    "GeoPointField",
    "IntField",
    "InvalidShield",
    "JsonHashMixin",
    "JsonNumberMixin",
    "ListField",
    "LongField",
    "MD5Field",
    "MillisecondField",
    "MultiValueDictField",
    "NumberField",
    "ObjectIdField",
    "SHA1Field",
    "ShieldException",
    "SortedListField",
    "StringField",
    "TimeStampField",
    "URLField",
    "UUIDField",
    "dictshield_fields",
]
