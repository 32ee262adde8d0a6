"""Who trains: `replay` (recorded curves), `local` (worker processes on this machine).

Executors carry out stages; they decide nothing and never write to the registry.
"""
