"""Pages for a browser and tables for a notebook. Everything that is said of the Hub is escaped here."""
