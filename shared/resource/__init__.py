"""A collection over HTTP: its declaration, its standard methods, its batches."""
