"""Phase 1 composed: who comes into question, which proxies are computed, who is recalled."""
