"""What is measured of networks and of environments."""
