"""How the group binds a network: what a constraint does to a plan and to training, a file each."""
