"""The command line: starts the services and talks to them over HTTP."""
