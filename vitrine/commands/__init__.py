"""Commands that ask a running stack."""
