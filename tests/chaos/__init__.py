"""Faults for many minutes on a stack of its own, under reads, writes and orders."""
