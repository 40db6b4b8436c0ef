"""Games service: an example of a service of your own, in one folder.

Copy this folder as ``api_<name>``, rename ``games`` in all files, and declare your own fields.
"""
