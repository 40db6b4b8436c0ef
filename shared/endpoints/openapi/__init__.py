"""OpenAPI document of a service, made from its routes, contracts and schemas.

* ``document``: the document, one operation for each route and method
* ``components``: the named schemas of the document
* ``json_schema``: JSON Schemas made from marshmallow's schemas
* ``parameters``: path, query string and headers of requests
* ``constants``: the parts that are the same in all services
"""
