"""From one spec to the arms of a study, and the study itself.

arm          one variant of a study
axes         the arms of an `ablate:` section
suggest      the study that a spec suggests by itself
conditions   held-out conditions, as an arm plays them
width        as many channels, or as many weights
flops        what one forward pass costs
matrix       every arm compiled and verified before anything runs
budget       how long a study takes, and what is trimmed to stay below a bound
engine       running it
"""
