"""What can be broken on purpose: the demo applications, the alert families that need no cluster, and a storm."""
