"""marshmallow: fields, query strings, and what is stored."""
