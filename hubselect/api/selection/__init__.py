"""Phase 2 composed: from a recall to the trained winner, with its journal and evidence."""
