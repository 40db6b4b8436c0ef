"""The freshness test that runs against a live stack."""
