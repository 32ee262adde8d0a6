"""Suites of models and datasets that are worth registering together, as TOML.

The files are the repository's `registry/` folder; an installed package carries them along.
`schema` says what a file holds, `reading` finds and checks it. Data only: nothing here asks the
Hub or writes to a registry.
"""
