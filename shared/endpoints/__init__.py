"""What every service answers besides its resource."""
