"""From one spec to the arms of a study, and the study itself.

arm          one variant of a study
axes         the arms of an `ablate:` section
suggest      the study that a spec suggests by itself
conditions   held-out conditions, as an arm plays them
width        as many channels, or as many weights
flops        what one forward pass costs
matrix       every arm compiled and verified before anything runs
budget       how long a study takes, and what is trimmed to stay below a bound
engine       running it: which run is handed out when, and what became of it
work         one run of it, as a worker does it
decided      running it until arms are told apart
progress     what is shown meanwhile
begun        what a study was trimmed to when it was begun
ray, slurm   running it on a cluster
"""
