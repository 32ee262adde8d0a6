"""hubselect."""
