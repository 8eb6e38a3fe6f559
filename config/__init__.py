"""Settings of a node, its brands, and the configuration files for its neighbours."""
