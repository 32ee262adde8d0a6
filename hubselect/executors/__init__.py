"""Who trains: `replay` (recorded curves), `local` (worker processes on this machine, or the
nodes of a Ray cluster: `ray`).

Executors carry out stages; they decide nothing and never write to the registry.
"""
