"""Games: a video-game store, as an example of a service of your own in one folder."""
