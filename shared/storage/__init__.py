"""MongoDB: reading and writing documents."""
