"""The fields under the names that ``dictshield.fields.base`` gave them."""

from __future__ import annotations

from brubeck.dictshield.base import InvalidShield, ShieldException
from brubeck.dictshield.field import (
    BaseField,
    BaseFieldMetaClass,
    DictFieldNotFound,
    dictshield_fields,
)
from brubeck.dictshield.fields.natives import BooleanField, DictField, GeoPointField
from brubeck.dictshield.fields.numeric import (
    DecimalField,
    FloatField,
    IntField,
    JsonNumberMixin,
    LongField,
    NumberField,
)
from brubeck.dictshield.fields.temporal import DateTimeField
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
    "FloatField",
    "GeoPointField",
    "IntField",
    "InvalidShield",
    "JsonHashMixin",
    "JsonNumberMixin",
    "LongField",
    "MD5Field",
    "NumberField",
    "SHA1Field",
    "ShieldException",
    "StringField",
    "URLField",
    "UUIDField",
    "dictshield_fields",
]
