"""DictShield for Python 3: documents with typed fields, checked coming in, shaped going out.

The package `dictshield` on PyPI is Python 2 and cannot be imported any more; this one keeps its API
under the same module names, so porting is changing the import. `document` has the documents,
`fields` their fields, `base` the errors.
"""
