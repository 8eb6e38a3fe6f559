"""What operators and balancers look at: whether a node can work, and the command lines, loaded when asked for."""
