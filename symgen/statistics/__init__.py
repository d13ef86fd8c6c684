"""What the scores of seeds say. The seed is the unit; a study's arms share their environment seeds.

estimate: a mean with its interval (evaluation's tables); scores: [seed, task] of one arm;
aggregate: interquartile mean and others; intervals: stratified bootstrap; tolerance: of runs;
profile, improvement: whole distributions; compare, correct: arms told apart, at a fixed number of
seeds; sequential: at a number that follows the scores; curves: scores over steps.
"""
