"""The only place where rooms are composed: every command of the CLI is one call into here."""
