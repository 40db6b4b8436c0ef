"""Processes beside the web server: jobs and the follower."""
