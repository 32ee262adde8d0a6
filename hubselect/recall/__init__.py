"""Phase 1: which models are worth fine-tuning on a dataset, from one proxy score per cluster.

`proxies` turn arrays into a score, `normalise` brings scores to [0, 1], `coarse` ranks all
models (Eq. 2-4). Nothing here loads a checkpoint: the arrays come from `training/`.
"""
