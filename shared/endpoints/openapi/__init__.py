"""OpenAPI document of a service, made from its routes, contracts and schemas, and its pages.

* ``docs``: the routes of the document, and of the pages that show it in a browser
* ``document``: the document, one operation for each route and method
* ``components``: the named schemas of the document
* ``json_schema``: JSON Schemas made from marshmallow's schemas
* ``parameters``: path, query string and headers of requests
* ``constants``: the parts that are the same in all services
"""
