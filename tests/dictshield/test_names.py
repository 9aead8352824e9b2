"""DictShield's import paths: porting is changing the import."""

from __future__ import annotations

from importlib import import_module

import pytest

from brubeck.dictshield.fields import EmailField, URLField

PATHS = {
    "base": "InvalidShield ShieldException DictPunch ShieldDocException subclass_exception json",
    "document": (
        "BaseDocument Document DocumentMetaclass EmbeddedDocument ShieldException "
        "ShieldDocException TopLevelDocumentMetaclass SafeableMixin DocumentOptions "
        "TopLevelDocumentOptions diff_id_field swap_field BaseField UUIDField dictshield_fields "
        "DictFieldNotFound schema_kwargs_to_dictshield json"
    ),
    "fields": (
        "BaseField BooleanField DateTimeField DecimalField DictField DictFieldNotFound EmailField "
        "FloatField GeoPointField IntField LongField MD5Field NumberField SHA1Field StringField "
        "URLField UUIDField dictshield_fields ShieldException InvalidShield BaseFieldMetaClass "
        "JsonHashMixin JsonNumberMixin"
    ),
    "fields.base": (
        "BaseField BooleanField DateTimeField DecimalField DictField EmailField FloatField "
        "GeoPointField IntField JsonHashMixin JsonNumberMixin LongField MD5Field NumberField "
        "SHA1Field StringField URLField UUIDField BaseFieldMetaClass dictshield_fields "
        "ShieldException InvalidShield"
    ),
    "fields.compound": (
        "ListField SortedListField EmbeddedDocumentField MultiValueDictField EmbeddedDocument "
        "MultiValueDict RECURSIVE_REFERENCE_CONSTANT BaseField DictField ShieldException"
    ),
    "fields.mongo": "ObjectIdField BaseField ShieldException",
    "fields.temporal": "TimeStampField DateTimeField MillisecondField",
    "datastructures": "MultiValueDict MultiValueDictKeyError",
    "forms": (
        "Form FormPunch default_field_map default_name_map TopLevelDocumentMetaclass BaseField"
    ),
}


@pytest.mark.parametrize("module", PATHS)
def test_each_module_exports_what_it_did(module: str) -> None:
    """Every public name of DictShield 0.4.4 is found under its old module."""
    found = import_module(f"brubeck.dictshield.{module}")
    assert [name for name in PATHS[module].split() if not hasattr(found, name)] == []


def test_the_patterns_are_where_they_were() -> None:
    """The patterns of addresses are members of their fields."""
    assert URLField.URL_REGEX.match("http://example.com/")
    assert EmailField.EMAIL_REGEX.match("ida@example.com")
